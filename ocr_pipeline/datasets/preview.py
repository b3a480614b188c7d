"""Sheets to look at before training: pages with their labels in place, and word crops."""

import random
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

import cv2
import numpy as np

from ocr_pipeline.labels import LabelError, LabelledPages
from ocr_pipeline.overlay import draw_overlay
from ocr_pipeline.results import Block, Line, Page, Word, as_quad
from recognition.crops import crop_words
from synthesis.contact_sheet import grid, word_sheet

_SIDE = 900  # of a page on a sheet, pixels
_WORDS = 160  # on a sheet


def draw_pages(
    labelled: LabelledPages, *, count: int, on_error: Callable[[LabelError], None]
) -> Iterator[dict[str, Any]]:
    """Up to `count` pages in a random order that is always the same, unreadable ones left out."""
    for index in random.Random(0).sample(range(len(labelled)), min(count, len(labelled))):
        try:
            yield labelled[index]
        except LabelError as error:
            on_error(error)


def preview(
    labelled: LabelledPages, *, count: int = 8, on_error: Callable[[LabelError], None]
) -> tuple[np.ndarray, np.ndarray]:
    """A sheet of pages and one of words, RGB uint8 (H, W, 3).

    Each page is shown beside its texts, which stand in their quads as these say: a quad that
    starts at another corner turns its text. What is ignored is red. Words are shown as the
    recognizer sees them, their labels beneath.

    Args:
        labelled: the folder.
        count: pages on the first sheet.
        on_error: called for each page whose image cannot be read.

    Raises:
        ValueError: there is nothing to show.
    """
    pages = islice(draw_pages(labelled, count=len(labelled), on_error=on_error), count)
    pictures = [_labels_in_place(page) for page in pages]
    words = draw_pages(labelled, count=_WORDS, on_error=lambda error: None)
    return grid(pictures, columns=2), word_sheet(words, crop_words, count=_WORDS)


def _labels_in_place(page: dict[str, Any]) -> np.ndarray:
    height, width = page["image"].shape[:2]
    scale = min(1.0, _SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    image = cv2.resize(page["image"], size, interpolation=cv2.INTER_AREA)
    return draw_overlay(image, _as_result(page["words"], scale))


def _as_result(words: Iterable[dict[str, Any]], scale: float) -> Page:
    """Labels as a result, sure of what is legible and not of what is ignored."""
    made = tuple(
        Word(
            text=word["text"],
            confidence=0.0 if word.get("ignore") else 1.0,
            quad=as_quad(np.array(word["quad"]) * scale),
            detection_score=1.0,
        )
        for word in words
    )
    whole = as_quad(np.zeros((4, 2)))
    blocks = (Block((Line(made, whole),), whole),)
    return Page(index=0, width=0, height=0, blocks=blocks)
