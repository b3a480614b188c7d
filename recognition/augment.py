"""Roughening of training crops: what scanners, faxes, cameras and bad crops do to a word."""

import cv2
import numpy as np

from recognition.crops import HEIGHT, quad_size


def jitter_quad(
    quad: np.ndarray, rng: np.random.Generator, *, ink: tuple[float, float] | None = None
) -> np.ndarray:
    """Reframe a word's quad (4, 2) as detectors and annotators do: looser, tighter, tilted.

    Left and right edges move by up to a sixth of the height, mostly outwards; top and bottom by
    about a tenth, independently, sometimes well outwards; corners wobble a little. A slanted word
    is framed upright at times, as annotators do who draw boxes.

    Args:
        quad: clockwise from the top-left corner in reading direction.
        rng: source of all randomness.
        ink: where the word's ink begins and ends, in heights of the quad from its top. If given,
            some quads are drawn around the ink instead, as annotators do who know no font's
            height: in them "SO" stands as high as "so", and lower than among taller words.
    """
    if ink is not None and ink[1] - ink[0] > 0.35 and rng.random() < 0.35:
        quad = _around_ink(quad, ink, rng)
    if rng.random() < 0.2:
        quad = _upright(quad)
    width, height = quad_size(quad)
    if width < 1 or height < 1:
        return quad
    across = (quad[1] + quad[2] - quad[0] - quad[3]) / 2 / width  # unit vectors of the word
    down = (quad[3] + quad[2] - quad[0] - quad[1]) / 2 / height
    left, right = rng.normal(0.05, 0.07, 2).clip(-0.08, 0.3) * height
    spread = 0.14 if rng.random() < 0.25 else 0.05
    top, bottom = rng.normal(0.04, spread, 2).clip(-0.12, 0.4) * height
    moved = quad + np.stack(
        [
            -left * across - top * down,
            right * across - top * down,
            right * across + bottom * down,
            -left * across + bottom * down,
        ]
    )
    if rng.random() < 0.3:
        moved = moved + rng.normal(0, 0.04, (4, 2)) * height
    return moved


def _around_ink(quad: np.ndarray, ink: tuple[float, float], rng: np.random.Generator) -> np.ndarray:
    """The quad (4, 2) drawn in to the ink, with some room on all sides."""
    tall = ink[1] - ink[0]
    top, bottom = ink[0] - rng.uniform(0, 0.3) * tall, ink[1] + rng.uniform(0, 0.2) * tall
    left, right = quad[3] - quad[0], quad[2] - quad[1]
    upper = [quad[0] + top * left, quad[1] + top * right]
    framed = np.stack([*upper, quad[1] + bottom * right, quad[0] + bottom * left])
    width, height = quad_size(framed)
    before, after = rng.uniform(0, 0.3, 2) * height / max(width, 1)
    along = framed[[1, 1, 2, 2]] - framed[[0, 0, 3, 3]]
    return framed + along * np.array([[-before], [after], [after], [-before]])


def _upright(quad: np.ndarray) -> np.ndarray:
    """The box around a quad (4, 2), if text runs along it by more than across it (within 45
    degrees), and if it is no more than two and a half times as high as the quad."""
    low, high = quad.min(0), quad.max(0)
    along = quad[1] + quad[2] - quad[0] - quad[3]
    if along[0] < abs(along[1]) or high[1] - low[1] > 2.5 * quad_size(quad)[1]:
        return quad
    return np.array([low, [high[0], low[1]], high, [low[0], high[1]]], quad.dtype)


def degrade_crop(crop: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A rougher copy of a grey crop (32, w) of the same shape; half pass unchanged."""
    if rng.random() < 0.45:
        return crop
    shape = (crop.shape[1], HEIGHT)
    if rng.random() < 0.12:  # slanted
        crop = _shear(crop, rng)
    if rng.random() < 0.08:  # bent baseline
        crop = _bend(crop, rng)
    if rng.random() < 0.2:  # strokes thinner or thicker
        sizes, shares = [(2, 2), (1, 3), (3, 3)], [0.6, 0.2, 0.2]
        kernel = np.ones(sizes[rng.choice(3, p=shares)], np.uint8)
        crop = cv2.erode(crop, kernel) if rng.random() < 0.5 else cv2.dilate(crop, kernel)
    if rng.random() < 0.3:  # scanned small
        scale = rng.uniform(0.35, 0.8)
        small = cv2.resize(crop, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        if rng.random() < 0.25:
            small = _binarize(small, rng)
        interpolation = int(rng.choice([cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_NEAREST]))
        crop = cv2.resize(small, shape, interpolation=interpolation)
    if rng.random() < 0.2:  # out of focus, or moved
        if rng.random() < 0.6:
            crop = cv2.GaussianBlur(crop, (0, 0), rng.uniform(0.4, 1.6))
        else:
            length = int(rng.integers(2, 6))
            smear = np.full((1, length), 1 / length, np.float32)
            crop = cv2.filter2D(crop, -1, smear if rng.random() < 0.7 else smear.T)
    if rng.random() < 0.18:  # a rule under or through the word, or a box's side
        crop = _rule(crop, rng)
    if rng.random() < 0.25:
        noise = rng.normal(0, rng.uniform(3, 25), crop.shape)
        crop = np.clip(crop + noise, 0, 255).astype(np.uint8)
    if rng.random() < 0.08:  # specks
        specks = rng.random(crop.shape) < rng.uniform(0.002, 0.03)
        crop = np.where(specks, rng.choice([0, 255]), crop).astype(np.uint8)
    if rng.random() < 0.2:  # brightness, contrast, gamma, uneven light
        ramp = np.linspace(rng.uniform(0.5, 1), rng.uniform(0.5, 1), crop.shape[1])
        levels = 255 * (crop / 255.0) ** rng.uniform(0.6, 1.6) * ramp
        crop = np.clip(levels + rng.uniform(0, 60), 0, 255).astype(np.uint8)
    if rng.random() < 0.07:
        crop = _binarize(crop, rng)
    if rng.random() < 0.12:  # light on dark
        crop = 255 - crop
    if rng.random() < 0.12:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(15, 60))]
        encoded = cv2.imencode(".jpg", crop, quality)[1]
        crop = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE))
    return np.ascontiguousarray(crop)


def _shear(crop: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    slant = rng.uniform(-0.25, 0.25)
    matrix = np.array([[1, slant, -slant * HEIGHT / 2], [0, 1, 0]], np.float32)
    return cv2.warpAffine(crop, matrix, (crop.shape[1], HEIGHT), borderMode=cv2.BORDER_REPLICATE)


def _bend(crop: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    x, y = np.meshgrid(np.arange(crop.shape[1]), np.arange(HEIGHT))
    phase = np.pi * x / crop.shape[1] + rng.uniform(0, np.pi)
    shifted = y + rng.uniform(-4, 4) * np.sin(phase)
    return cv2.remap(
        crop,
        x.astype(np.float32),
        shifted.astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )


def _binarize(crop: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    threshold, _ = cv2.threshold(crop, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    return np.where(crop > threshold + rng.uniform(-20, 20), 255, 0).astype(np.uint8)


def _rule(crop: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    ink, thickness = float(crop.min()), int(rng.integers(1, 3))
    crop = crop.copy()
    if rng.random() < 0.75:
        middle = 0.5 if rng.random() < 0.2 else rng.choice([0.04, 0.96])
        y = int(HEIGHT * np.clip(middle + rng.normal(0, 0.04), 0, 0.99))
        tilt = int(rng.integers(-2, 3))
        cv2.line(crop, (0, y), (crop.shape[1], y + tilt), ink, thickness)
    else:
        x = int(rng.choice([0, 1, crop.shape[1] - 2, crop.shape[1] - 1]))
        cv2.line(crop, (x, 0), (x, HEIGHT), ink, thickness)
    return crop
