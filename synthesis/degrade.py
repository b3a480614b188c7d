"""What scanners, fax machines, copiers and cameras do to a page, on picture and quads together.

`degrade` draws one of five roads for each page: nearly clean, scan, fax or copy, camera, or print
on coloured and photographic grounds; a sixth is for photographs, which need a lens alone. Every
effect is scaled by the height of the page's own words, so that text stays readable by a person (on
photographs, of any of the words, and smaller ones may be lost); words that end up too small or too
smeared are marked `ignore`. All randomness comes from the generator given. Coordinates are pixel
edges.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np

from synthesis.geometry import on_pixel_centres, rotation

Rng = np.random.Generator

ROADS = {"clean": 0.24, "scan": 0.30, "fax": 0.19, "camera": 0.14, "ground": 0.13}
LEGIBLE = 7.5  # pixels of a word's height left at the lowest resolution that it went through
MIN_CONTRAST = 5.0  # standard deviation of grey levels in a word's box
_GRAIN = np.random.default_rng(0).standard_normal((768, 768)).astype(np.float32)


def turned(page: dict[str, Any], degrees: float) -> dict[str, Any]:
    """The whole page, turned clockwise on white ground; its words' quads follow."""
    quads = np.array([word["quad"] for word in page["words"]], np.float32).reshape(-1, 4, 2)
    sheet = _Sheet(page["image"], quads, text_height=0)
    height, width = sheet.size
    matrix, size = _turning(width, height, degrees, whole=True)
    _warp(sheet, matrix, size, np.full((size[1], size[0], 3), 255, np.uint8))
    words = [
        {**word, "quad": quad.tolist()}
        for word, quad in zip(page["words"], sheet.quads, strict=True)
    ]
    return {**page, "image": sheet.image, "words": words}


@dataclass
class _Sheet:
    """A page on its way: `image` is (H, W) grey or (H, W, 3), `quads` (N, 4, 2) pixel edges."""

    image: np.ndarray
    quads: np.ndarray
    text_height: float  # of the smaller words of a page, of any of a photograph's, pixels
    detail: np.ndarray = field(init=False)  # (N,) share of each word's pixels left after smearing

    def __post_init__(self) -> None:
        self.detail = np.ones(len(self.quads), np.float32)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.image.shape[0], self.image.shape[1]


def degrade(
    page: dict[str, Any], rng: Rng, *, strength: float = 1.0, road: str | None = None
) -> dict[str, Any]:
    """Degrade a page as capture devices do.

    Args:
        page: {"image": uint8 (H, W, 3), "words": [...], ...}; it is not changed.
        rng: source of all randomness.
        strength: 1 for training; 0 gives the page back, 0.5 makes every effect half as strong.
        road: one of `ROADS`, or "lens"; None draws one of `ROADS`.

    Returns:
        A new page; its picture may have another size, and its words follow. Words that have
        left the picture are dropped, those that no one could read any more are ignored.
    """
    if strength < 0:
        raise ValueError(f"strength is {strength}: give 0 (none) or more, 1 for training")
    if strength == 0:
        return page
    image = page["image"].copy()  # some effects draw in place
    quads = np.array([word["quad"] for word in page["words"]], np.float32).reshape(-1, 4, 2)
    heights = np.hypot(*(quads[:, 3] - quads[:, 0]).T)
    read = [h for h, word in zip(heights, page["words"], strict=True) if not word["ignore"]]
    # A page was made for its smaller words to be read; what a camera blurs in the street leaves
    # larger ones blurred, and the smaller ones lost.
    share = rng.uniform(10, 80) if road == "lens" else 20
    sheet = _Sheet(image, quads, float(np.percentile(read, share)) if read else 16.0)
    if _is_grey(image):
        sheet.image = np.ascontiguousarray(image[..., 0])

    road = road or str(rng.choice(list(ROADS), p=list(ROADS.values())))
    {
        "clean": _clean,
        "scan": _scan,
        "fax": _fax,
        "camera": _camera,
        "ground": _ground,
        "lens": _lens,
    }[road](sheet, rng, strength)
    if sheet.image.ndim == 2:
        sheet.image = cv2.cvtColor(sheet.image, cv2.COLOR_GRAY2RGB)
    return {**page, "image": sheet.image, "words": _surviving(sheet, page["words"])}


# -------------------------------------------------------------------------------------- roads


def _clean(sheet: _Sheet, rng: Rng, s: float) -> None:
    if rng.random() < 0.12:
        sheet.image = 255 - sheet.image
    if rng.random() < 0.25:
        _turn(sheet, rng, s)
    if rng.random() < 0.3:
        _blur(sheet, rng, 0.5 * s)
    if rng.random() < 0.4:
        _jpeg(sheet, rng, 60, 96)


def _scan(sheet: _Sheet, rng: Rng, s: float) -> None:
    if rng.random() < 0.5 and sheet.image.ndim == 3:
        sheet.image = cv2.cvtColor(sheet.image, cv2.COLOR_RGB2GRAY)
    _scribble(sheet, rng, s, 0.25)
    _stroke_weight(sheet, rng, s, 0.3)
    _fade_ink(sheet, rng, s, 0.45)
    if rng.random() < 0.25:
        _bleed_through(sheet, rng, s)
    if rng.random() < 0.7:
        _paper(sheet, rng, s)
    if rng.random() < 0.2:
        _stains(sheet, rng, s)
    _turn(sheet, rng, s)
    if rng.random() < 0.12:
        _bend(sheet, rng, s)
    if rng.random() < 0.15:
        _scanner_edges(sheet, rng)
    if rng.random() < 0.4:
        _light(sheet, rng, s)
    if rng.random() < 0.7:
        _blur(sheet, rng, s)
    if rng.random() < 0.4:
        _low_resolution(sheet, rng, s)
    if rng.random() < 0.6:
        _noise(sheet, rng, s)
    if rng.random() < 0.25:
        _specks(sheet, rng, s)
    if rng.random() < 0.6:
        _jpeg(sheet, rng, 25, 92)


def _fax(sheet: _Sheet, rng: Rng, s: float) -> None:
    if sheet.image.ndim == 3:
        sheet.image = cv2.cvtColor(sheet.image, cv2.COLOR_RGB2GRAY)
    _scribble(sheet, rng, s, 0.35)
    _turn(sheet, rng, s)
    if rng.random() < 0.25:
        _light(sheet, rng, 0.6 * s)
    if rng.random() < 0.25:
        _scanner_edges(sheet, rng)
    _binarize(sheet, rng, s)
    if rng.random() < 0.55:
        _specks(sheet, rng, s)
    if rng.random() < 0.2:
        _fax_lines(sheet, rng)
    if rng.random() < 0.5:
        _blur(sheet, rng, 0.7 * s)
    if rng.random() < 0.25:
        _low_resolution(sheet, rng, s)
    if rng.random() < 0.25:
        _noise(sheet, rng, 0.6 * s)
    if rng.random() < 0.35:
        _jpeg(sheet, rng, 30, 90)


def _camera(sheet: _Sheet, rng: Rng, s: float) -> None:
    _scribble(sheet, rng, s, 0.15)
    _fade_ink(sheet, rng, s, 0.4)
    _paper(sheet, rng, s)
    if rng.random() < 0.2:
        _stains(sheet, rng, s)
    if rng.random() < 0.35:
        _bend(sheet, rng, s)
    _photograph(sheet, rng, s)
    _light(sheet, rng, s)
    _lens(sheet, rng, s)


def _lens(sheet: _Sheet, rng: Rng, s: float) -> None:
    """A photograph is taken: shadows, colour cast, focus, shake, sensor and file."""
    if rng.random() < 0.5:
        _shadow(sheet, rng, s)
    _tint(sheet, rng, s)
    if rng.random() < 0.6:
        _blur(sheet, rng, s)
    if rng.random() < 0.2:
        _motion(sheet, rng, s)
    if rng.random() < 0.35:
        _low_resolution(sheet, rng, s)
    if rng.random() < 0.7:
        _noise(sheet, rng, s)
    _jpeg(sheet, rng, 30, 90)


def _ground(sheet: _Sheet, rng: Rng, s: float) -> None:
    """Print of any colour on coloured, graded, textured or photographic grounds."""
    height, width = sheet.size
    grey = sheet.image if sheet.image.ndim == 2 else cv2.cvtColor(sheet.image, cv2.COLOR_RGB2GRAY)
    light_text = rng.random() < 0.5
    # The ground stays on one side of the ink, a legible distance away.
    ink_level = rng.uniform(170, 255) if light_text else rng.uniform(0, 85)
    distance = rng.uniform(60, 170) / max(s, 0.5)
    ground = _photo(height, width, rng)
    mean = np.clip(ink_level + (-distance if light_text else distance), 20, 235)
    ground = _levels(ground, mean, 0.3 * abs(mean - ink_level))
    if sheet.image.ndim == 3 and rng.random() < 0.4:  # its own colours, as on transparent foil
        ink = 255 - sheet.image if light_text else sheet.image
        blend = cv2.add(cv2.multiply(ground, 255 - ink, scale=1 / 255), ink)
        multiplied = cv2.multiply(_levels(ground, 205, 25), ink, scale=1 / 255)
        sheet.image = blend if light_text else multiplied
    else:
        tint = rng.uniform(-40, 40, 3)
        ink = np.clip(ink_level + tint - tint.mean(), 0, 255)
        cover = 255 - grey
        if rng.random() < 0.25:  # a cast shadow or an outline keeps text off its ground
            shift = max(1, round(0.05 * sheet.text_height))
            edge = cv2.dilate(cover, np.ones((2 * shift + 1, 2 * shift + 1), np.uint8))
            edge = cv2.GaussianBlur(edge, (0, 0), 0.6 * shift + 0.3)
            ground = _over(ground, edge, np.full(3, 0.0 if light_text else 255.0), 0.6)
        sheet.image = _over(ground, cover, ink, 1.0)
    _turn(sheet, rng, s)
    if rng.random() < 0.5:
        _perspective(sheet, rng, 0.06 * s)
    if rng.random() < 0.4:
        _light(sheet, rng, s)
    if rng.random() < 0.4:
        _blur(sheet, rng, s)
    if rng.random() < 0.15:
        _motion(sheet, rng, s)
    if rng.random() < 0.3:
        _low_resolution(sheet, rng, s)
    if rng.random() < 0.5:
        _noise(sheet, rng, s)
    if rng.random() < 0.7:
        _jpeg(sheet, rng, 30, 92)


# ------------------------------------------------------------------------------- ink and paper


def _stroke_weight(sheet: _Sheet, rng: Rng, s: float, chance: float) -> None:
    """Thicken strokes (ink spreads), or thin them where they are wide enough to bear it."""
    if rng.random() > chance * s:
        return
    thick = rng.random() < 0.65 or sheet.text_height < 24
    full = (cv2.erode if thick else cv2.dilate)(sheet.image, np.ones((2, 2), np.uint8))
    share = rng.uniform(0.3, 1.0 if sheet.text_height > 14 else 0.6)
    sheet.image = cv2.addWeighted(full, share, sheet.image, 1 - share, 0)


def _fade_ink(sheet: _Sheet, rng: Rng, s: float, chance: float) -> None:
    """Ink that is not black, evenly or in patches."""
    if rng.random() > chance:
        return
    strength = rng.uniform(0, 0.6) * min(s, 1)
    if rng.random() < 0.5:
        table = 255 - (255 - np.arange(256)) * (1 - strength)
        sheet.image = cv2.LUT(sheet.image, table.astype(np.uint8))
    else:
        patches = _field(sheet.size, rng, cells=int(rng.integers(3, 40)))
        keep = (255 * (1 - strength * patches)).astype(np.uint8)
        cover = cv2.multiply(255 - sheet.image, _like(keep, sheet.image), scale=1 / 255)
        sheet.image = 255 - cover


def _bleed_through(sheet: _Sheet, rng: Rng, s: float) -> None:
    """The back of the sheet shines through: the page mirrored, soft and pale."""
    back = cv2.flip(sheet.image, 1 if rng.random() < 0.8 else 0)
    back = np.roll(back, int(rng.integers(-40, 40)), axis=0)
    back = cv2.GaussianBlur(back, (0, 0), rng.uniform(0.5, 2.5))
    share = rng.uniform(0.04, 0.22) * min(s, 1.2)
    back = cv2.LUT(back, (255 - (255 - np.arange(256)) * share).astype(np.uint8))
    sheet.image = cv2.multiply(sheet.image, back, scale=1 / 255)


def _paper(sheet: _Sheet, rng: Rng, s: float) -> None:
    """Grey or tinted paper with some texture, under the ink."""
    level = 255 - rng.beta(1.2, 3.0) * 130 * min(s, 1.3)
    if sheet.image.ndim == 2 and rng.random() < 0.35:
        sheet.image = cv2.cvtColor(sheet.image, cv2.COLOR_GRAY2RGB)
    texture = rng.uniform(0, 10) * s
    field_ = level + texture * (_field(sheet.size, rng, cells=int(rng.integers(4, 200))) - 0.5)
    if rng.random() < 0.4:
        field_ += rng.uniform(0, 5) * s * _grain(sheet.size, rng)
    if sheet.image.ndim == 3:
        warm = np.array([1.0, rng.uniform(0.9, 1.0), rng.uniform(0.72, 1.0)])
        if rng.random() < 0.3:
            warm = rng.uniform(0.75, 1.0, 3)
        warm = 1 - (1 - warm) * min(s, 1)
        paper = cv2.merge([cv2.convertScaleAbs(field_, alpha=float(c)) for c in warm])
    else:
        paper = cv2.convertScaleAbs(field_)
    sheet.image = cv2.multiply(sheet.image, paper, scale=1 / 255)


def _stains(sheet: _Sheet, rng: Rng, s: float) -> None:
    """Blots, rings and folds."""
    height, width = sheet.size
    small = np.full((max(height // 4, 1), max(width // 4, 1)), 255, np.uint8)
    for _ in range(rng.integers(1, 5)):
        centre = (int(rng.integers(0, small.shape[1])), int(rng.integers(0, small.shape[0])))
        radius = int(rng.uniform(0.01, 0.12) * small.shape[1]) + 1
        axes = (radius, max(1, int(radius * rng.uniform(0.4, 1))))
        tone = int(255 - rng.uniform(10, 70) * min(s, 1.2))
        thickness = -1 if rng.random() < 0.6 else max(1, radius // 8)
        cv2.ellipse(small, centre, axes, float(rng.uniform(0, 180)), 0, 360, tone, thickness)
    for _ in range(rng.integers(0, 3)):
        y0, y1 = rng.integers(0, small.shape[0], 2)
        x0, x1 = (0, small.shape[1]) if rng.random() < 0.6 else rng.integers(0, small.shape[1], 2)
        tone = int(255 - rng.uniform(20, 70) * min(s, 1.2))
        cv2.line(small, (int(x0), int(y0)), (int(x1), int(y1)), tone, 1)
    soft = cv2.GaussianBlur(small, (0, 0), rng.uniform(0.6, 3))
    stain = cv2.resize(soft, (width, height), interpolation=cv2.INTER_LINEAR)
    sheet.image = cv2.multiply(sheet.image, _like(stain, sheet.image), scale=1 / 255)


def _scribble(sheet: _Sheet, rng: Rng, s: float, chance: float) -> None:
    """Pen strokes, signatures, ticks, underlines, strike-outs, circles and empty stamps."""
    if rng.random() > chance * min(s, 1.5):
        return
    height, width = sheet.size
    unit = max(sheet.text_height, 8.0)
    for _ in range(rng.integers(1, 6)):
        dark = rng.uniform(0, 130)
        colour: Sequence[float] = (dark,)
        if sheet.image.ndim == 3:
            colour = [float(c) for c in np.clip(dark + rng.uniform(-60, 60, 3), 0, 255)]
        thickness = max(1, round(unit * rng.uniform(0.04, 0.13)))
        kind = rng.integers(0, 7)
        at = rng.uniform(0, 1, 2) * (width, height)
        word = None
        if len(sheet.quads) and kind >= 4:
            word = sheet.quads[rng.integers(0, len(sheet.quads))]
        if kind == 0:  # a signature: loops that drift to the right
            n = rng.integers(12, 40)
            step = rng.normal(0, 1, (n, 2)) * (0.5, 1.0) * unit + (0.35 * unit, 0)
            curve = _smooth(at + np.cumsum(step, axis=0))
        elif kind == 1:  # a tick or a stroke of the pen
            curve = _smooth(at + rng.normal(0, 2 * unit, (rng.integers(3, 5), 2)))
        elif kind == 2:  # a straight rule, long
            length = rng.uniform(0.1, 0.9) * width
            slope = rng.normal(0, 0.01) if rng.random() < 0.8 else rng.uniform(-2, 2)
            curve = np.array([at, [at[0] + length, at[1] + length * slope]])
        elif kind == 3:  # the frame of a stamp
            size = rng.uniform(2, 10) * unit
            box = ((float(at[0]), float(at[1])), (size * 2, size), float(rng.uniform(-30, 30)))
            if rng.random() < 0.5:
                cv2.ellipse(sheet.image, box, colour, thickness, cv2.LINE_AA)
                continue
            corners = cv2.boxPoints(box)
            curve = np.concatenate([corners, corners[:1]])
        elif word is None:
            continue
        elif kind == 4:  # underline
            left, right = word[3], word[2]
            curve = np.array([left, right]) + rng.normal(0, 0.06 * unit, (2, 2))
        elif kind == 5:  # strike-out, thin
            left, right = (word[0] + word[3]) / 2, (word[1] + word[2]) / 2
            curve = _smooth(np.linspace(left, right, 4) + rng.normal(0, 0.08 * unit, (4, 2)))
            thickness = max(1, round(0.04 * unit))
        else:  # a circle around a word
            centre, half = word.mean(0), (word.max(0) - word.min(0)) / 2 * rng.uniform(1.1, 1.5)
            t = np.linspace(0, 2 * math.pi * rng.uniform(0.9, 1.15), 14)[:, None]
            curve = _smooth(centre + half * np.hstack([np.cos(t), np.sin(t)]))
        points = np.round(curve * 8).astype(np.int32)
        cv2.polylines(sheet.image, [points], False, colour, thickness, cv2.LINE_AA, 3)


def _binarize(sheet: _Sheet, rng: Rng, s: float) -> None:
    """Black and white at the machine's resolution, with strokes that break or fill.

    Small text is scanned finer and shown reduced, as archives do, so that it stays readable.
    """
    height, width = sheet.size
    finer = float(np.clip(24 / sheet.text_height, 1, 3)) if sheet.text_height < 24 else 1.0
    finer = min(finer, math.sqrt(6e6 / (height * width))) if finer > 1 else 1.0
    finer = max(finer, 1.0)
    image = sheet.image
    if finer > 1:
        size = (round(width * finer), round(height * finer))
        image = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
    stroke = 0.09 * sheet.text_height * finer
    image = cv2.GaussianBlur(image, (0, 0), max(0.4, rng.uniform(0.15, 0.5) * stroke))
    amount = 0.0
    if rng.random() < 0.75:  # grain as coarse as strokes breaks and roughens them
        grain = _grain(image.shape[:2], rng, coarse=max(1.0, rng.uniform(0.3, 1.0) * stroke))
        amount = rng.uniform(5, 38) * min(s, 1.3)
        image = cv2.add(image, (amount * grain).astype(np.int16), dtype=cv2.CV_8U)
    if rng.random() < 0.3:
        block = 2 * max(3, round(1.2 * sheet.text_height * finer)) + 1
        image = cv2.adaptiveThreshold(
            image, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY, block, rng.uniform(12, 28)
        )
    else:
        middle = rng.uniform(95, min(180, 235 - 2.6 * amount))  # or else grain covers the paper
        image = cv2.threshold(image, middle, 255, cv2.THRESH_BINARY)[1]
    if stroke > 2.5 and rng.random() < 0.25:
        kernel = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
        image = (cv2.erode if rng.random() < 0.7 else cv2.dilate)(image, kernel)
    if finer > 1:
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    sheet.image = image


def _scanner_edges(sheet: _Sheet, rng: Rng) -> None:
    """Dark bands beside the sheet, punched holes, the shade of a spine; clear of the words."""
    height, width = sheet.size
    free = np.array([0, 0, width, height], np.float32)
    if len(sheet.quads):
        corners = sheet.quads.reshape(-1, 2)
        free = np.concatenate([corners.min(0), corners.max(0)])
    room = np.array([free[0], free[1], width - free[2], height - free[3]])  # left top right bottom
    for side in range(4):
        space = float(np.clip(room[side] - 3, 0, 0.08 * width))
        if space < 3 or rng.random() < 0.5:
            continue
        depth = space * rng.uniform(0.2, 1)
        tone = int(rng.integers(0, 90))
        along = height if side in (0, 2) else width
        t = np.arange(0, along + 20, 20)
        wobble = depth + np.cumsum(rng.normal(0, 0.6, len(t))) + t * rng.normal(0, 0.004)
        wobble = np.clip(wobble, 0, space)
        edge = np.column_stack([wobble, t] if side in (0, 2) else [t, wobble])
        if side == 2:
            edge[:, 0] = width - edge[:, 0]
        if side == 3:
            edge[:, 1] = height - edge[:, 1]
        far = {0: (-5, None), 1: (None, -5), 2: (width + 5, None), 3: (None, height + 5)}[side]
        ends = [
            [far[0] if far[0] is not None else x, far[1] if far[1] is not None else y]
            for x, y in edge[[-1, 0]]
        ]
        outline = np.concatenate([edge, ends]).astype(np.int32)
        cv2.fillPoly(sheet.image, [outline], (tone,) * 3)
    if room[0] > 20 and rng.random() < 0.4:
        radius = int(min(room[0] / 3, 0.014 * width, 20))
        x = int(rng.uniform(radius, room[0] - radius - 2))
        for y in ((0.2, 0.8), (0.1, 0.5, 0.9), (0.35, 0.65))[rng.integers(0, 3)]:
            cv2.circle(
                sheet.image, (x, int(y * height)), radius, (int(rng.integers(0, 80)),) * 3, -1
            )


def _fax_lines(sheet: _Sheet, rng: Rng) -> None:
    """Rows or columns that the machine lost or smeared."""
    height, width = sheet.size
    for _ in range(rng.integers(1, 4)):
        tone = 255 if rng.random() < 0.5 else int(rng.integers(0, 160))
        if rng.random() < 0.5:
            sheet.image[rng.integers(0, height)] = tone
        else:
            sheet.image[:, rng.integers(0, width)] = tone


# ------------------------------------------------------------------------ light, lens and sensor


def _light(sheet: _Sheet, rng: Rng, s: float) -> None:
    """Uneven light: a broad gradient, darker to one side or corner."""
    drop = rng.uniform(0.05, 0.45) * min(s, 1.3)
    small = _field((64, 64), rng, cells=int(rng.integers(1, 4)))
    light = cv2.convertScaleAbs(1 - drop * small, alpha=255)
    light = cv2.resize(light, sheet.size[::-1], interpolation=cv2.INTER_LINEAR)
    sheet.image = cv2.multiply(sheet.image, _like(light, sheet.image), scale=1 / 255)


def _shadow(sheet: _Sheet, rng: Rng, s: float) -> None:
    """The photographer's hand or head over a part of the page."""
    small = np.full((96, 96), 255, np.uint8)
    points = rng.uniform(-30, 126, (rng.integers(3, 6), 2)).astype(np.int32)
    cv2.fillPoly(small, [points], int(255 * (1 - rng.uniform(0.15, 0.55) * min(s, 1.2))))
    soft = cv2.GaussianBlur(small, (0, 0), rng.uniform(0.5, 6))
    shade = cv2.resize(soft, sheet.size[::-1], interpolation=cv2.INTER_LINEAR)
    sheet.image = cv2.multiply(sheet.image, _like(shade, sheet.image), scale=1 / 255)


def _tint(sheet: _Sheet, rng: Rng, s: float) -> None:
    """A colour cast, and a camera's contrast and exposure."""
    gain = rng.uniform(0.75, 1.15) if s else 1.0
    lift = rng.uniform(-10, 30) * min(s, 1)
    if sheet.image.ndim == 2:
        sheet.image = cv2.convertScaleAbs(sheet.image, alpha=gain, beta=lift)
        return
    cast = gain * (1 + rng.normal(0, 0.04 * min(s, 1), 3))
    ramp = np.arange(256)[:, None] * cast + lift
    sheet.image = cv2.LUT(sheet.image, np.clip(ramp, 0, 255).astype(np.uint8)[None])


def _blur(sheet: _Sheet, rng: Rng, s: float) -> None:
    sigma = sheet.text_height * rng.uniform(0.01, 0.062) * min(s, 1.3)
    if sigma < 0.25:
        return
    sheet.image = cv2.GaussianBlur(sheet.image, (0, 0), sigma)
    _smear(sheet, sigma)


def _motion(sheet: _Sheet, rng: Rng, s: float) -> None:
    length = sheet.text_height * rng.uniform(0.06, 0.2) * min(s, 1.2)
    n = 2 * math.ceil(length / 2) + 1
    if n < 3:
        return
    t = rng.uniform(0, math.pi)
    end = np.array([math.cos(t), math.sin(t)]) * length / 2
    a, b = np.round(((n - 1) / 2 - end) * 8), np.round(((n - 1) / 2 + end) * 8)
    line = [(int(a[0]), int(a[1])), (int(b[0]), int(b[1]))]
    mask = np.zeros((n, n), np.uint8)
    cv2.line(mask, line[0], line[1], 255, 1, cv2.LINE_AA, 3)
    kernel = mask.astype(np.float32) / max(int(mask.sum()), 1)
    sheet.image = cv2.filter2D(sheet.image, -1, kernel)
    _smear(sheet, length / 3.5)


def _low_resolution(sheet: _Sheet, rng: Rng, s: float) -> None:
    """Fewer pixels, and often enlarged again."""
    least = max(0.3, 9 / max(sheet.text_height, 1), 1 - 0.7 * s)
    if least >= 0.95:
        return
    scale = rng.uniform(least, 1)
    height, width = sheet.size
    small = (max(1, round(width * scale)), max(1, round(height * scale)))
    shrink = cv2.INTER_AREA if rng.random() < 0.7 else cv2.INTER_LINEAR
    image = cv2.resize(sheet.image, small, interpolation=shrink)
    sheet.detail *= scale
    if rng.random() < 0.6:
        enlarge = (cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_NEAREST)[rng.integers(0, 3)]
        sheet.image = cv2.resize(image, (width, height), interpolation=enlarge)
    else:
        sheet.image = image
        factor = np.array([small[0] / width, small[1] / height], np.float32)
        sheet.quads = sheet.quads * factor
        sheet.detail /= scale  # the quads' own height now tells what is left
        sheet.text_height *= scale


def _noise(sheet: _Sheet, rng: Rng, s: float) -> None:
    amount = rng.uniform(1, 16) * min(s, 1.3)
    coarse = 1.0 if rng.random() < 0.6 else rng.uniform(1, 2.5)
    grain = (amount * _grain(sheet.size, rng, coarse=coarse)).astype(np.int16)
    sheet.image = cv2.add(sheet.image, _like(grain, sheet.image), dtype=cv2.CV_8U)


def _specks(sheet: _Sheet, rng: Rng, s: float) -> None:
    """Pepper in the paper and salt in the ink: dots of one to a few pixels, some in clouds."""
    height, width = sheet.size
    if sheet.text_height > 12:
        reach = 1 + int(rng.integers(0, 1 + int(sheet.text_height / 14)))
    else:
        reach = 1
    share = 10 ** rng.uniform(-5, -2.7) * min(s, 1.5) / reach
    count = min(int(share * height * width), 20_000)
    ys, xs = rng.integers(0, height, count), rng.integers(0, width, count)
    if rng.random() < 0.5:
        clouds = int(rng.integers(2, 12))
        spread = sheet.text_height * rng.uniform(0.3, 3, (2, clouds))
        centres = rng.uniform(0, 1, (2, clouds)) * [[height], [width]]
        cloud = rng.integers(0, clouds, count)
        dots = centres[:, cloud] + spread[:, cloud] * rng.normal(size=(2, count))
        ys, xs = np.clip(dots, 0, [[height - 1], [width - 1]]).astype(int)
    salt = rng.random(count) < (0.2 if rng.random() < 0.6 else 0.9)
    tones = np.where(salt, 255, rng.integers(0, 110, count)).astype(np.uint8)
    for dy in range(reach):
        for dx in range(reach):
            part = rng.random(count) < (1 if dy == dx == 0 else 0.6)
            y, x = np.minimum(ys[part] + dy, height - 1), np.minimum(xs[part] + dx, width - 1)
            sheet.image[y, x] = tones[part] if sheet.image.ndim == 2 else tones[part, None]


def _jpeg(sheet: _Sheet, rng: Rng, low: int, high: int) -> None:
    low = low if sheet.text_height > 14 else max(low, 45)
    quality = int(rng.integers(low, high))
    coded = cv2.imencode(".jpg", sheet.image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    flag = cv2.IMREAD_GRAYSCALE if sheet.image.ndim == 2 else cv2.IMREAD_COLOR
    sheet.image = np.asarray(cv2.imdecode(coded, flag))


# ------------------------------------------------------------------------------------- geometry


def _turn(sheet: _Sheet, rng: Rng, s: float) -> None:
    """Skew of a few degrees; rarely a quarter turn or any angle."""
    chance = rng.random()
    if chance < 0.04:
        turns = int(rng.integers(1, 4))
        height, width = sheet.size
        sheet.image = np.ascontiguousarray(np.rot90(sheet.image, turns))
        for _ in range(turns):  # rot90 turns counter-clockwise: (x, y) -> (y, width - x)
            sheet.quads = np.stack([sheet.quads[..., 1], width - sheet.quads[..., 0]], axis=-1)
            width, height = height, width
        return
    if chance < 0.07:
        angle = rng.uniform(-180, 180)
    elif chance < 0.6:
        angle = float(np.clip(rng.normal(0, 1.2), -4, 4)) * min(s, 1.5)
    else:
        return
    height, width = sheet.size
    matrix, size = _turning(width, height, angle, whole=abs(angle) > 5)
    _warp(sheet, matrix, size, _margin_canvas(sheet, rng, size[1], size[0]))


def _turning(
    width: int, height: int, degrees: float, *, whole: bool
) -> tuple[np.ndarray, tuple[int, int]]:
    """A clockwise turn about the centre (3, 3), and the picture's (width, height) after it: as
    before, or large enough for the whole picture."""
    turn = rotation(math.radians(degrees))
    # A quarter turn has cosines of 1e-17, which must not cost a pixel.
    size = np.ceil(abs(turn) @ [width, height] - 1e-6) if whole else np.array([width, height])
    shift = size / 2 - turn @ [width / 2, height / 2]
    matrix = np.vstack([np.column_stack([turn, shift]), [0, 0, 1]])
    return matrix, (int(size[0]), int(size[1]))


def _perspective(sheet: _Sheet, rng: Rng, amount: float) -> None:
    height, width = sheet.size
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    moved = corners + rng.uniform(-amount, amount, (4, 2)) * (width, height)
    matrix = cv2.getPerspectiveTransform(corners, moved.astype(np.float32))
    _warp(sheet, matrix, (width, height), _margin_canvas(sheet, rng, height, width))


def _photograph(sheet: _Sheet, rng: Rng, s: float) -> None:
    """A page lying on something, seen from an angle."""
    height, width = sheet.size
    inset = rng.uniform(-0.04, 0.08)
    tilt = rng.uniform(0.005, 0.07) * min(s, 1.4)
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    unit = np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
    inner = inset + unit * (1 - 2 * inset)
    moved = (inner + rng.uniform(-tilt, tilt, (4, 2))) * (width, height)
    angle = math.radians(float(np.clip(rng.normal(0, 2.5), -8, 8)) * min(s, 1.4))
    if rng.random() < 0.06:
        angle = rng.uniform(-math.pi, math.pi)
    turn = rotation(angle)
    centre = np.array([width, height]) / 2
    moved = (moved - centre) @ turn.T + centre
    if abs(angle) > 0.2:  # a strong turn leaves the frame: step back
        moved = (moved - centre) * min(width, height) / math.hypot(width, height) * 1.1 + centre
        sheet.text_height *= min(width, height) / math.hypot(width, height) * 1.1
    if sheet.image.ndim == 2:
        sheet.image = cv2.cvtColor(sheet.image, cv2.COLOR_GRAY2RGB)
    ground = _levels(_photo(height, width, rng), rng.uniform(30, 210), rng.uniform(5, 40))
    matrix = cv2.getPerspectiveTransform(corners, moved.astype(np.float32))
    _warp(sheet, matrix, (width, height), ground)


def _bend(sheet: _Sheet, rng: Rng, s: float) -> None:
    """Rows of text rise and fall like those of a page that does not lie flat."""
    height, width = sheet.size
    swing = rng.uniform(0.1, 1.0) * 0.012 * width * min(s, 1.3)
    waves, phase = rng.uniform(0.3, 1.1), rng.uniform(0, 2 * math.pi)
    lean = rng.uniform(-0.5, 1.0)  # how much weaker at the foot of the page

    def rise(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return swing * np.sin(2 * math.pi * waves * x / width + phase) * (1 - lean * y / height)

    xs = np.arange(width, dtype=np.float32)[None].repeat(height, 0)
    ys = np.arange(height, dtype=np.float32)[:, None].repeat(width, 1)
    wave = np.sin(2 * math.pi * waves * (xs[:1] + 0.5) / width + phase).astype(np.float32)
    ys += swing * wave * (1 - lean * (ys + 0.5) / height)
    sheet.image = cv2.remap(sheet.image, xs, ys, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    # The map says where a pixel comes from; two steps of iteration invert it for the quads.
    x, y = sheet.quads[..., 0], sheet.quads[..., 1]
    target = y - rise(x, y)
    target = y - rise(x, target)
    sheet.quads = np.stack([x, target], axis=-1).astype(np.float32)


def _warp(sheet: _Sheet, matrix: np.ndarray, size: tuple[int, int], canvas: np.ndarray) -> None:
    """Warp onto `canvas`; `matrix` acts on pixel edges, OpenCV's on pixel centres."""
    sheet.image = cv2.warpPerspective(
        sheet.image,
        on_pixel_centres(matrix),
        size,
        dst=canvas,
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_TRANSPARENT,
    )
    if len(sheet.quads):
        points = sheet.quads.reshape(-1, 1, 2).astype(np.float64)
        sheet.quads = cv2.perspectiveTransform(points, matrix).reshape(-1, 4, 2)
        sheet.quads = sheet.quads.astype(np.float32)


def _margin_canvas(sheet: _Sheet, rng: Rng, height: int, width: int) -> np.ndarray:
    """What lies beside the page on the scanner's glass: paper, mostly, or darkness."""
    edge = sheet.image[:: max(1, sheet.size[0] // 50), [0, -1]]
    tone = np.median(edge.reshape(-1, *sheet.image.shape[2:]), axis=0)
    if rng.random() < 0.15:
        tone = np.full_like(tone, rng.integers(0, 60))
    canvas = np.empty((height, width, *sheet.image.shape[2:]), np.uint8)
    canvas[:] = tone
    return canvas


# -------------------------------------------------------------------------------------- helpers


def _is_grey(image: np.ndarray) -> bool:
    red, green, blue = cv2.split(image)
    return cv2.norm(red, green, cv2.NORM_INF) <= 2 and cv2.norm(red, blue, cv2.NORM_INF) <= 2


def _like(plane: np.ndarray, image: np.ndarray) -> np.ndarray:
    """A plane in as many channels as the image has."""
    return plane if image.ndim == 2 else cv2.merge([plane, plane, plane])


def _field(size: tuple[int, int], rng: Rng, *, cells: int) -> np.ndarray:
    """A smooth random field, float32 in 0..1, with about `cells` bumps along the long side."""
    height, width = size
    longest = max(height, width)
    shape = (
        max(2, round(cells * height / longest) + 1),
        max(2, round(cells * width / longest) + 1),
    )
    seed = rng.random(shape, dtype=np.float32)
    return cv2.resize(seed, (width, height), interpolation=cv2.INTER_LINEAR)


def _grain(size: tuple[int, int], rng: Rng, *, coarse: float = 1.0) -> np.ndarray:
    """Gaussian noise of unit variance, float32, from a fixed block put down at random."""
    height, width = size
    block = np.roll(_GRAIN, tuple(rng.integers(0, len(_GRAIN), 2)), axis=(0, 1))
    if rng.random() < 0.5:
        block = block.T
    h, w = math.ceil(height / coarse), math.ceil(width / coarse)
    tiled = np.tile(block, (math.ceil(h / len(block)), math.ceil(w / len(block))))[:h, :w]
    if coarse > 1:
        larger = cv2.resize(tiled, (width, height), interpolation=cv2.INTER_LINEAR)
        return np.asarray(larger) * np.float32(1.25)
    return tiled


def _levels(image: np.ndarray, mean: float, deviation: float) -> np.ndarray:
    """The image with this mean and at most this standard deviation of its luminance."""
    small = image[::8, ::8].astype(np.float32).mean(-1)
    scale = min(1.0, deviation / max(float(small.std()), 1.0))
    ramp = (np.arange(256) - float(small.mean())) * scale + mean
    return cv2.LUT(image, np.clip(ramp, 0, 255).astype(np.uint8))


def _over(ground: np.ndarray, cover: np.ndarray, ink: np.ndarray, opacity: float) -> np.ndarray:
    """Ink of one colour over the ground; `cover` (H, W) says how much of it, 0..255."""
    cover = _like(cover, ground)
    if opacity < 1:
        cover = cv2.convertScaleAbs(cover, alpha=opacity)
    layer = np.empty_like(ground)
    layer[:] = ink.astype(np.uint8)
    return cv2.add(
        cv2.multiply(ground, 255 - cover, scale=1 / 255), cv2.multiply(layer, cover, scale=1 / 255)
    )


def _photo(height: int, width: int, rng: Rng) -> np.ndarray:
    """A made-up photograph: shades, patches, blobs, stripes, grain; uint8 (H, W, 3)."""
    h, w = max(height // 3, 2), max(width // 3, 2)
    base = rng.uniform(30, 225, 3)
    base += (base.mean() - base) * rng.uniform(0, 1)  # most of the world is not glaring
    other = np.clip(base + rng.normal(0, 60) + rng.normal(0, 60, 3) * rng.uniform(0, 1), 0, 255)
    mix = _field((h, w), rng, cells=int(rng.choice([1, 2, 5, 20, 60])))
    kind = rng.integers(0, 6)
    image = (base + (other - base) * mix[..., None]).astype(np.float32)
    if kind == 1:  # bricks, planks, cloth: stripes in one or two directions
        period, t = rng.uniform(4, 60), rng.uniform(0, math.pi)
        y, x = np.mgrid[:h, :w].astype(np.float32)
        phase = (x * math.cos(t) + y * math.sin(t)) * np.float32(2 * math.pi / period)
        image += np.float32(rng.uniform(5, 35)) * np.sin(phase + 3 * mix)[..., None]
        if rng.random() < 0.5:
            cross = (y * math.cos(t) - x * math.sin(t)) * np.float32(2 * math.pi / period)
            image += np.float32(rng.uniform(5, 25)) * np.sin(cross)[..., None]
    image = np.clip(image, 0, 255).astype(np.uint8)
    if kind in (2, 3, 4):  # things of all shapes, lit from somewhere
        for _ in range(rng.integers(5, 60)):
            colour = [float(c) for c in np.clip(base + rng.normal(0, 60, 3), 0, 255)]
            at = (int(rng.integers(-w // 8, w)), int(rng.integers(-h // 8, h)))
            size = np.maximum(rng.exponential(0.08, 2) * (w, h), 2).astype(int)
            if kind == 2:
                far = (at[0] + int(size[0]), at[1] + int(size[1]))
                cv2.rectangle(image, at, far, colour, -1 if rng.random() < 0.8 else 1)
            elif kind == 3:
                axes = (int(size[0]), int(size[1]))
                cv2.ellipse(image, at, axes, float(rng.uniform(0, 180)), 0, 360, colour, -1)
            else:
                corners = np.array(at) + rng.normal(0, 1, (rng.integers(3, 6), 2)) * size
                cv2.fillPoly(image, [corners.astype(np.int32)], colour, cv2.LINE_AA)
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, 4))
    image = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
    grain = rng.uniform(0, 10) * _grain((height, width), rng, coarse=rng.uniform(1, 4))
    return cv2.add(image, _like(grain.astype(np.int16), image), dtype=cv2.CV_8U)


def _smooth(points: np.ndarray) -> np.ndarray:
    """Catmull-Rom curve through the points (n, 2)."""
    padded = np.concatenate([points[:1], points, points[-1:]])
    t = np.linspace(0, 1, 8, endpoint=False)[:, None, None]
    p0, p1, p2, p3 = padded[:-3], padded[1:-2], padded[2:-1], padded[3:]
    curve = 0.5 * (
        2 * p1
        + (p2 - p0) * t
        + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2
        + (3 * p1 - 3 * p2 + p3 - p0) * t**3
    )
    return curve.transpose(1, 0, 2).reshape(-1, 2)


def _smear(sheet: _Sheet, sigma: float) -> None:
    """Account for blur: a word of height h keeps about h / (8 sigma) of its detail."""
    heights = np.hypot(*(sheet.quads[:, 3] - sheet.quads[:, 0]).T)
    sheet.detail *= np.minimum(1, heights / (8 * sigma))


def _surviving(sheet: _Sheet, words: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    height, width = sheet.size
    grey = sheet.image if sheet.image.ndim == 2 else cv2.cvtColor(sheet.image, cv2.COLOR_RGB2GRAY)
    kept = []
    for quad, detail, word in zip(sheet.quads, sheet.detail, words, strict=True):
        low, high = quad.min(0), quad.max(0)
        if high[0] <= 0 or high[1] <= 0 or low[0] >= width or low[1] >= height:
            continue
        tall = float(np.hypot(*(quad[3] - quad[0])))
        slack = 0.15 * tall
        cut = (low < -slack).any() or high[0] > width + slack or high[1] > height + slack
        small = tall * detail < LEGIBLE
        gone = any(map(str.isalnum, word["text"])) and _vanished(grey, low, high)
        kept.append({**word, "quad": quad, "ignore": bool(word["ignore"] or cut or small or gone)})
    return kept


def _vanished(grey: np.ndarray, low: np.ndarray, high: np.ndarray) -> bool:
    """Whether nothing but specks or noise is left in a box (x, y) of the picture.

    Strokes still stand out where a line of text is only a dozen pixels high; specks do not.
    """
    (x0, y0), (x1, y1) = np.maximum(low, 0).astype(int), np.ceil(high).astype(int)
    box = grey[y0:y1, x0:x1]
    contrast = float(box.std())
    if contrast < MIN_CONTRAST:
        return True
    scale = 12 / min(box.shape)
    if scale >= 1:
        return False
    small = cv2.resize(box, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return float(small.std()) < 0.4 * contrast
