"""What every importer yields, and what several of them need."""

import json
import math
import os
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from ocr_pipeline.inputs import SUFFIXES

#: Text of what nobody can read, in ICDAR's sets and those that follow them.
ILLEGIBLE = "###"

Points = Sequence[Sequence[float]]


class Word(NamedTuple):
    """One label.

    Attributes:
        points: its outline in pixels, as `quad_of` takes it; None stands for the whole image.
        text: what it says.
        ignore: whether it can neither be learnt nor counted.
    """

    points: Points | None
    text: str
    ignore: bool = False


@dataclass(frozen=True)
class Page:
    """A labelled image.

    Attributes:
        where: the label file, and the place in it.
        image: the picture's file, or its content.
        words: in the order of the source.
        level: "word" or "line".
        name: of the picture's new file, without a suffix, where `image` is its content.
        size: width and height to which the points refer; None: those of the picture.
        index: of the page in its file, from 0, where that holds several.
    """

    where: str
    image: Path | bytes
    words: Sequence[Word]
    level: str = "word"
    name: str = ""
    size: tuple[float, float] | None = None
    index: int = 0


class Fault(NamedTuple):
    """An entry that cannot be used: its file and place, and why."""

    where: str
    reason: str


def load_json(path: Path) -> Any:
    """A JSON file's content.

    Raises:
        ValueError: it is none; the message names the file.
    """
    try:
        return json.loads(path.read_text("utf-8-sig"))
    except ValueError as error:
        raise ValueError(f"{path}: no JSON in UTF-8 ({error})") from None


def read_lines(path: Path) -> list[str]:
    """Lines of a text file in UTF-8, without their ends and a byte order mark.

    Raises:
        ValueError: it is not UTF-8; the message names the file.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: no text in UTF-8 ({error}); convert it to UTF-8") from None
    return [line.removesuffix("\r") for line in text.split("\n")]


def list_files(source: Path, *suffixes: str) -> list[Path]:
    """The file itself, or the files with one of these suffixes anywhere below a folder, sorted."""
    if source.is_file():
        return [source]
    return sorted(path for path in source.rglob("*") if path.suffix.lower() in suffixes)


def list_pictures(folder: Path) -> list[Path]:
    """Pictures and PDFs anywhere below a folder, sorted."""
    return list_files(folder, *SUFFIXES)


def find_picture(name: str, *folders: Path | None) -> Path | None:
    """The first file of this name, with or without its folders, in one of the folders."""
    # Labels made on Windows have backslashes.
    tries = [name, name.replace("\\", "/"), name.replace("\\", "/").rsplit("/", 1)[-1]]
    for folder in filter(None, folders):
        for path in (folder / attempt for attempt in tries):
            if os.path.isfile(path):  # unlike Path, false for names that no file can have
                return path
    return None


def quad_of(points: Points) -> list[list[float]]:
    """Four corners, clockwise, of an outline.

    Two points are opposite corners of an upright box. Four points keep their first one, which
    should be the text's top left; drawn anticlockwise they are taken the other way round. More
    points become the smallest rectangle around them, taken to be read from left to right.

    Raises:
        ValueError: there is one point or three, or the coordinates are no numbers.
    """
    import cv2
    import numpy as np

    try:
        outline = np.array([[float(x), float(y)] for x, y in points])
    except (TypeError, OverflowError) as error:
        raise ValueError(f"no points: {points!r:.60}") from error
    if len(outline) == 2:
        (left, top), (right, bottom) = outline.min(axis=0), outline.max(axis=0)
        outline = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
    if len(outline) < 4 or not np.isfinite(outline).all():
        raise ValueError(f"{len(outline)} points are no outline: {points!r:.60}")
    if len(outline) > 4:
        outline = cv2.boxPoints(cv2.minAreaRect(outline.astype(np.float32))).astype(np.float64)
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = outline
    if (cx - ax) * (dy - by) < (dx - bx) * (cy - ay):  # twice the area, negative: anticlockwise
        outline = outline[[0, 3, 2, 1]]
    if len(points) > 4:
        rightwards = (np.roll(outline, -1, axis=0) - outline)[:, 0]
        outline = np.roll(outline, -int(rightwards.argmax()), axis=0)
    return outline.round(2).tolist()


def box(left: float, top: float, width: float, height: float) -> Points:
    """An upright box as two points."""
    return [[left, top], [left + width, top + height]]


def pairs(numbers: Iterable[float]) -> Points:
    """x1, y1, x2, y2 ... as points.

    Raises:
        ValueError: their number is odd.
    """
    flat = list(numbers)
    if len(flat) % 2:
        raise ValueError(f"{len(flat)} coordinates: {flat!r:.60}")
    return [[flat[i], flat[i + 1]] for i in range(0, len(flat), 2)]


def page_size(width: Any, height: Any) -> tuple[float, float] | None:
    """A page's size as its labels state it, None where they do not."""
    try:
        size = float(width), float(height)
    except (TypeError, ValueError, OverflowError):
        return None
    return size if min(size) > 0 and max(size) < math.inf else None


def legible(points: Points | None, text: str) -> Word:
    """A word that is ignored where its text says that nobody can read it."""
    return Word(points, text, ignore=text == ILLEGIBLE)


def usable(
    entries: Iterable[tuple[str, Any]], make: Callable[[Any], Word]
) -> Generator[Fault, None, list[Word]]:
    """`make` of each (place, value); yields a fault where that fails, and returns the words.

    Their outlines are quads then.
    """
    words = []
    for where, value in entries:
        try:
            word = make(value)
            if not isinstance(word.text, str):
                raise ValueError(f"its text is {word.text!r:.40}")
            quad = None if word.points is None else quad_of(word.points)
        except KeyError as error:
            yield Fault(where, f"has no {error}")
        except (ValueError, TypeError, AttributeError) as error:
            yield Fault(where, str(error))
        else:
            words.append(word._replace(points=quad))
    return words
