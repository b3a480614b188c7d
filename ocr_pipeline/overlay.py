"""A picture of what was read: the page with its quads, and beside it the text in its place."""

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ocr_pipeline.results import Page, Word

#: Words are typeset at this height and then warped into their quads.
_FONT_SIZE = 32
#: Pillow takes its memory in one piece for a word's picture; nobody reads more than this.
_MAX_CHARACTERS = 200


def draw_overlay(image: np.ndarray, page: Page) -> np.ndarray:
    """Draw a page's result.

    Args:
        image: the page that was read, RGB uint8 (H, W, 3).
        page: its result.

    Returns:
        RGB uint8 (H, 2 W, 3): on the left the page with its words framed, on the right their text
        on white, both red where confidence is 0, through yellow, to green where it is 1. Lines of
        reading order join the blocks.
    """
    framed = image.copy()
    read = np.full_like(image, 255)
    thickness = max(1, round(max(image.shape) / 1200))
    for word in page.words:
        quad = np.array(word.quad, dtype=np.float32)
        colour = _colour(word.confidence)
        cv2.polylines(framed, [np.round(quad).astype(np.int32)], True, colour, thickness)
        _typeset(read, word, quad, colour)
    starts = [np.round(block.quad[0]).astype(np.int32) for block in page.blocks]
    if len(starts) > 1:
        cv2.polylines(read, [np.array(starts)], False, (150, 190, 255), thickness)
    return np.concatenate([framed, read], axis=1)


def _colour(confidence: float) -> tuple[int, int, int]:
    """From red over yellow to green, dark enough to read on white."""
    c = min(max(confidence, 0.0), 1.0)
    return round(200 * min(1, 2 - 2 * c)), round(150 * min(1, 2 * c)), 0


def _typeset(
    canvas: np.ndarray, word: Word, quad: np.ndarray, colour: tuple[int, int, int]
) -> None:
    """Warp the word's text into its quad on the canvas."""
    font = _font()
    # Labels may hold line feeds and such, for which there is no glyph.
    text = "".join(c if c.isprintable() else "�" for c in word.text[:_MAX_CHARACTERS])
    ascent, descent = _metrics()
    width, height = max(1, round(font.getlength(text))), ascent + descent
    mask = Image.new("L", (width, height))
    ImageDraw.Draw(mask).text((0, 0), text, fill=255, font=font)

    # Only the part of the canvas that the quad covers is touched.
    left, top = np.maximum(np.floor(quad.min(axis=0)), 0).astype(int)
    right, bottom = np.minimum(np.ceil(quad.max(axis=0)), canvas.shape[1::-1]).astype(int)
    if right <= left or bottom <= top:
        return
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float32)
    transform = cv2.getPerspectiveTransform(corners, quad - np.array([left, top], np.float32))
    if not np.isfinite(transform).all():
        return
    ink = cv2.warpPerspective(np.asarray(mask), transform, (int(right - left), int(bottom - top)))
    part = canvas[top:bottom, left:right]
    share = ink[:, :, None].astype(np.float32) / 255
    part[:] = (part * (1 - share) + np.array(colour, np.float32) * share).astype(np.uint8)


@cache
def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """A font with accents: the system's DejaVu, else Matplotlib's copy, else Pillow's (ASCII)."""
    candidates = ["DejaVuSans.ttf"]
    matplotlib = find_spec("matplotlib")
    if matplotlib and matplotlib.origin:
        fonts = Path(matplotlib.origin).parent / "mpl-data" / "fonts" / "ttf"
        candidates.append(str(fonts / "DejaVuSans.ttf"))
    for candidate in candidates:
        try:
            return ImageFont.truetype(candidate, _FONT_SIZE)
        except OSError:
            continue
    return ImageFont.load_default(_FONT_SIZE)


def _metrics() -> tuple[int, int]:
    font = _font()
    return font.getmetrics() if isinstance(font, ImageFont.FreeTypeFont) else (_FONT_SIZE, 0)
