"""The one geometry of recognition: a word's quad becomes a grey crop of height 32.

Training, evaluation and inference all cut with `crop_words`.
"""

import cv2
import numpy as np

#: Height of every crop in pixels, and the input height of the model.
HEIGHT = 32
#: Grown on each side of the quad before cutting, as a fraction of its height: detectors and
#: annotators now and then shave off an edge.
MARGIN = 0.04
#: Narrower crops are widened to this; two time steps are the least the model can use.
MIN_WIDTH = 8
#: A word is never squashed, but one absurdly wide quad must not take all memory: 250 times as
#: wide as high is no word.
MAX_WIDTH = 8000


def to_grey(image: np.ndarray) -> np.ndarray:
    """RGB uint8 (H, W, 3) or grey uint8 (H, W) -> grey uint8 (H, W)."""
    return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) if image.ndim == 3 else image


def quad_size(quad: np.ndarray) -> tuple[float, float]:
    """(width, height) of a quad (4, 2) along and across its reading direction, in pixels."""
    top, right, bottom, left = (np.roll(quad, -1, axis=0) - quad).astype(np.float64)
    return (
        float(np.hypot(*top) + np.hypot(*bottom)) / 2,
        float(np.hypot(*right) + np.hypot(*left)) / 2,
    )


def crop_width(quad: np.ndarray, *, margin: float = MARGIN) -> int:
    """Width in pixels of the crop that `crop_words` cuts for a quad (4, 2)."""
    width, height = quad_size(quad)
    if not _is_cut(width, height):
        return MIN_WIDTH
    grown = (width + 2 * margin * height, height + 2 * margin * height)
    return int(np.clip(round(HEIGHT * grown[0] / grown[1]), MIN_WIDTH, MAX_WIDTH))


def _is_cut(width: float, height: float) -> bool:
    """Whether a quad of this size is worth a crop; none with a side that is not finite is."""
    return 1 <= width < np.inf and 1 <= height < np.inf


def crop_words(image: np.ndarray, quads: np.ndarray, *, margin: float = MARGIN) -> list[np.ndarray]:
    """Cut each quad out of the image, upright, at height 32 and its own proportional width.

    Args:
        image: RGB uint8 (H, W, 3) or grey (H, W).
        quads: (N, 4, 2), clockwise from the top-left corner in reading direction, pixel edges.
        margin: grown on all four sides, as a fraction of the quad's height.

    Returns:
        N grey uint8 arrays (32, w), MIN_WIDTH <= w <= MAX_WIDTH. A degenerate quad (a side under
        one pixel) gives a blank crop, which reads as empty text. Beyond the image's border its
        edge pixels repeat.

    Raises:
        ValueError: quads of another shape.
    """
    quads = np.asarray(quads, dtype=np.float64)
    if quads.size and quads.shape[1:] != (4, 2):
        raise ValueError(f"quads are {quads.shape}, expected (N, 4, 2): four corners a word")
    pyramid = [to_grey(image)]
    crops = []
    for quad in quads.reshape(-1, 4, 2):
        width, height = quad_size(quad)
        if not _is_cut(width, height):
            crops.append(np.full((HEIGHT, MIN_WIDTH), 255, dtype=np.uint8))
            continue
        # Bilinear sampling aliases when it shrinks by much: take the pyramid level on which the
        # word is less than twice as high as the crop, and not yet lower.
        level = max(0, int(np.floor(np.log2(height / HEIGHT))))
        while len(pyramid) <= level and min(pyramid[-1].shape) > 1:
            pyramid.append(
                cv2.resize(pyramid[-1], None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
            )
        level = min(level, len(pyramid) - 1)
        crops.append(_warp(pyramid[level], pyramid[0].shape, quad, width, height, margin))
    return crops


def widen(crop: np.ndarray, factor: float) -> np.ndarray:
    """A grey crop (32, w) stretched to `factor` times its width, MAX_WIDTH at most."""
    width = min(MAX_WIDTH, round(factor * crop.shape[1]))
    return cv2.resize(crop, (width, HEIGHT), interpolation=cv2.INTER_LINEAR)


def part_of_quad(quad: np.ndarray, left: float, right: float) -> np.ndarray:
    """The part of a quad (4, 2) between two places of its crop, in shares of the crop's width."""
    width, height = quad_size(quad)
    margin = MARGIN * height / max(width, 1e-6)
    a, b = (np.clip(x * (1 + 2 * margin) - margin, 0, 1) for x in (left, right))
    (top_left, top_right, bottom_right, bottom_left) = quad
    upper, lower = top_right - top_left, bottom_right - bottom_left
    return np.stack(
        [
            top_left + a * upper,
            top_left + b * upper,
            bottom_left + b * lower,
            bottom_left + a * lower,
        ]
    )


def _warp(
    source: np.ndarray,
    full_shape: tuple[int, ...],
    quad: np.ndarray,
    width: float,
    height: float,
    margin: float,
) -> np.ndarray:
    """Perspective-cut `quad` (in pixels of the full image) from a pyramid level of it."""
    scale = np.array([source.shape[1] / full_shape[1], source.shape[0] / full_shape[0]])
    grown = (width + 2 * margin * height, height + 2 * margin * height)
    out_width = crop_width(quad, margin=margin)
    # The quad's corners within the crop, in pixel edges; cv2 counts from pixel centres, hence
    # the half pixels.
    mx, my = out_width * margin * height / grown[0], HEIGHT * margin * height / grown[1]
    target = np.array(
        [[mx, my], [out_width - mx, my], [out_width - mx, HEIGHT - my], [mx, HEIGHT - my]]
    )
    transform = cv2.getPerspectiveTransform(
        (quad * scale - 0.5).astype(np.float32), (target - 0.5).astype(np.float32)
    )
    return cv2.warpPerspective(
        source,
        transform,
        (out_width, HEIGHT),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
