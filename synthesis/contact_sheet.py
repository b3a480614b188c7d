"""Sheets of samples to look at: pages with their quads drawn, and word crops with their labels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

GREEN, RED, BLUE = (0, 150, 0), (220, 0, 0), (0, 60, 255)
Crop = Callable[[np.ndarray, np.ndarray], Sequence[np.ndarray]]


def page_sheet(
    pages: Iterable[dict[str, Any]], *, count: int = 12, columns: int = 4, side: int = 700
) -> np.ndarray:
    """Pages in a grid, words outlined green, ignored ones red, a blue dot where reading starts.

    Args:
        pages: page dicts.
        count: how many to take.
        columns: of the grid.
        side: of a cell, pixels; larger pages are reduced to fit.

    Returns:
        uint8 (H, W, 3) RGB.
    """
    cells = []
    for page in islice(pages, count):
        image = page["image"]
        scale = min(1.0, side / max(image.shape[:2]))
        size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        for word in page["words"]:
            quad = np.round(np.asarray(word["quad"]) * scale * 8).astype(np.int32)
            colour = RED if word.get("ignore") else GREEN
            cv2.polylines(image, [quad], True, colour, 1, cv2.LINE_AA, 3)
            cv2.circle(image, (quad[0] // 8).tolist(), 1, BLUE, -1)
        cell = np.full((side, side, 3), 90, np.uint8)
        cell[: image.shape[0], : image.shape[1]] = image
        cells.append(cell)
    return grid(cells, columns=columns)


def word_sheet(
    pages: Iterable[dict[str, Any]], cut: Crop, *, count: int = 160, columns: int = 8
) -> np.ndarray:
    """Word crops in a grid, the label under each; red under a word that is marked "wrong".

    Args:
        pages: page dicts; at most 20 words of each are taken, spread over it.
        cut: cuts words out of a page: (image, quads (N, 4, 2)) -> N pictures, grey or RGB.
        count: how many words to take.
        columns: of the grid.

    Returns:
        uint8 (H, W, 3) RGB.
    """
    cells: list[np.ndarray] = []
    for page in pages:
        words = [word for word in page["words"] if word["text"] and not word.get("ignore")]
        words = words[:: max(1, len(words) // 20)][:20]
        if words:
            quads = np.stack([np.asarray(word["quad"], np.float32) for word in words])
            crops = cut(page["image"], quads)
            cells += [
                _labelled(crop, word["text"], RED if word.get("wrong") else BLUE)
                for crop, word in zip(crops, words, strict=True)
            ]
        if len(cells) >= count:
            break
    return grid(cells[:count], columns=columns)


def _labelled(crop: np.ndarray, text: str, colour: tuple[int, int, int]) -> np.ndarray:
    cell = Image.new("RGB", (220, 64), (255, 255, 255))
    picture = Image.fromarray(crop).convert("RGB")
    picture.thumbnail((216, 40))
    cell.paste(picture, (2, 2))
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont
    try:
        font = ImageFont.truetype("DejaVuSans.ttf", 14)
    except OSError:  # Pillow's own has no accents
        font = ImageFont.load_default(14)
    ImageDraw.Draw(cell).text((2, 42), text[:30], fill=colour, font=font)
    return np.asarray(cell)


def grid(pictures: Sequence[np.ndarray], *, columns: int) -> np.ndarray:
    """Pictures, RGB uint8, in rows, each padded with grey to the largest.

    Raises:
        ValueError: there are none.
    """
    if not pictures:
        raise ValueError("there is nothing to show: no page with readable words")
    columns = min(columns, len(pictures))
    height, width = (max(picture.shape[k] for picture in pictures) for k in (0, 1))
    rows = -(-len(pictures) // columns)
    sheet = np.full((rows * height, columns * width, 3), 90, np.uint8)
    for index, picture in enumerate(pictures):
        top, left = index // columns * height, index % columns * width
        sheet[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    return sheet
