"""Which way up the text stands: its slant told by the detector's quads, the rest by reading.

A detector sees where words are and how they are tilted, but not which end is up: its quads start
at the corner from which upright text would be read. A recognizer is surer of text the right way up.
Text that stands straight is found best, so a page that does not is straightened and seen anew.
"""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

import cv2
import numpy as np

from ocr_pipeline.directions import directions, weighted_median

#: Degrees of slant from which on a page is seen anew: detectors learn on almost level pages. Fewer
#: words than so many must slant by more: they are a sign's, mostly, seen from aside, and what is
#: sheared does not get straight by turning.
LEAST_SLANT, MANY, LEAST_SLANT_OF_FEW = 4.0, 8, 12.0
#: A page has a slant if this share of its text, by length, lies within so many degrees of it.
AGREED, ABOUT = 0.6, 4.0
#: Longest side of pictures that OpenCV 4 can warp.
LONGEST_SIDE = 32_766
#: Words that are read each way to decide for a page.
SAMPLE = 8
#: Longer ones, in heights, cost more than they tell.
LONGEST = 6.0
#: Words this much longer than high, or higher than long, tell along which axis text runs.
ELONGATED = 2.0
#: Text is turned if that makes its words this much surer (0 to 1) on average.
MARGIN = 0.1
#: Text that is read so surely on average stands as it is: the other ways need not be looked at.
SURE = 0.8
#: Words this much higher than wide may stand on their side, unless they are read this surely.
TALL, SURE_UPRIGHT = 1.5, 0.9

#: Quads (N, 4, 2) -> how surely each is read, 0 to 1.
Confidences = Callable[[np.ndarray], Sequence[float]]


class Said(Protocol):
    """What a quad says."""

    @property
    def text(self) -> str:
        """The text."""

    @property
    def confidence(self) -> float:
        """How surely it is read, 0 to 1."""


Reading = TypeVar("Reading", bound=Said)


def sureness(reading: Said) -> float:
    """How surely text is read, 0 to 1. Squeezed into a few columns, a word on its side may surely
    say nothing: that tells of no text."""
    return reading.confidence if reading.text else 0.0


def page_turn(quads: np.ndarray, confidences: Confidences) -> int:
    """Quarter turns, clockwise, by which a page stands the wrong way: 0 to 3.

    Args:
        quads: (N, 4, 2), clockwise, each from the corner at which text would start if it were
            turned by less than 45 degrees.
        confidences: reads quads of this page.
    """
    along, across = _sides(quads)
    lying, standing = along >= ELONGATED * across, across >= ELONGATED * along
    turned = across[standing].sum() > along[lying].sum()
    words = np.flatnonzero(standing if turned else lying)
    return _best(quads[words], (1, 3) if turned else (0, 2), confidences)


def face_text(
    quads: np.ndarray,
    readings: Sequence[Reading],
    read: Callable[[np.ndarray], Sequence[Reading]],
) -> tuple[np.ndarray, list[Reading]]:
    """Turn the quads of words that stand on their side, such as a table's spine.

    What is higher than wide and is not read surely is read both ways round as well. It stands on
    its side if so it has two letters or digits, and is surer: a lone `1` or `l` has not.

    Args:
        quads: (N, 4, 2), clockwise; most start at the top-left corner of their text.
        readings: what the N quads say.
        read: reads other quads of this page.

    Returns:
        The quads, each from the top-left corner of its text, and what they say.
    """
    along, across = _sides(quads)
    sure = np.array([sureness(reading) for reading in readings])
    tall = np.flatnonzero((across >= TALL * along) & (sure < SURE_UPRIGHT))
    quads, readings = quads.copy(), list(readings)
    if len(tall) == 0:
        return quads, readings
    sideways = np.concatenate([np.roll(quads[tall], -turn, axis=1) for turn in (1, 3)])
    # The first way round of all, then the second.
    for index, quad, reading in zip([*tall, *tall], sideways, read(sideways), strict=True):
        letters = sum(character.isalnum() for character in reading.text)
        if letters > 1 and reading.confidence > sure[index]:
            quads[index], readings[index], sure[index] = quad, reading, reading.confidence
    return quads, readings


def page_slant(quads: np.ndarray) -> float:
    """Degrees, clockwise, by which the lines of a page are off the nearest axis: -45 to 45.

    It is 0 where that is less than `LEAST_SLANT`, or `LEAST_SLANT_OF_FEW` where fewer than `MANY`
    words are long enough to tell, and where words do not agree.

    Args:
        quads: (N, 4, 2), each along its text, or across it.
    """
    along, across = _sides(quads)
    lengths, widths = np.maximum(along, across), np.minimum(along, across)
    telling = lengths >= ELONGATED * widths
    lengths, angles = lengths[telling], directions(quads[telling])[0]
    if not len(lengths):
        return 0.0
    # Four times as large, angles a quarter turn apart are the same.
    mean = float(np.angle((lengths * np.exp(4j * np.radians(angles))).sum(), deg=True)) / 4
    off = (angles - mean + 45) % 90 - 45
    middle = weighted_median(off, lengths)
    slant = (mean + middle + 45) % 90 - 45
    agreed = lengths[np.abs(off - middle) <= ABOUT].sum() >= AGREED * lengths.sum()
    least = LEAST_SLANT if len(lengths) >= MANY else LEAST_SLANT_OF_FEW
    return float(slant) if agreed and abs(slant) >= least else 0.0


def start_along(quads: np.ndarray, degrees: float) -> np.ndarray:
    """Quads that start at the corner from which text turned clockwise by `degrees` is read, or up
    to 45 more or less."""
    steps = np.round((degrees - directions(quads)[0]) / 90).astype(int) % 4
    corners = (np.arange(4) + steps[:, None]) % 4
    return quads[np.arange(len(quads))[:, None], corners]


def straighten(image: np.ndarray, turn: int, slant: float) -> tuple[np.ndarray, np.ndarray]:
    """Turn a page, uint8 (H, W, 3), back by `turn` quarters, clockwise, and `slant` degrees.

    Returns:
        The whole page, straight, and the affine matrix (2, 3) from its points to those of `image`.
    """
    height, width = image.shape[:2]
    angle = np.radians(90 * turn + slant)
    forth = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    forth = forth if slant else np.round(forth)
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]]) @ forth.T
    low = np.floor(corners.min(axis=0))
    if not slant:
        straight = np.ascontiguousarray(np.rot90(image, turn))
    else:
        # OpenCV counts from the centre of a pixel, quads from its edge.
        shift = forth @ [0.5, 0.5] - low - 0.5
        paper = np.median(np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]]), axis=0)
        straight = cv2.warpAffine(
            image,
            np.column_stack([forth, shift]),
            np.ceil(corners.max(axis=0) - low).astype(int).tolist(),
            flags=cv2.INTER_LINEAR,
            borderValue=paper.tolist(),
        )
    return straight, np.column_stack([forth.T, forth.T @ low])


def turn_back(quads: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Quads (N, 4, 2) of a straightened page -> on the page, by the matrix of `straighten`."""
    return (quads @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)


def _sides(quads: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lengths (N,) of the quads along and across the direction in which they would be read."""
    sides = np.linalg.norm(np.roll(quads, -1, axis=1) - quads, axis=2)
    return (sides[:, 0] + sides[:, 2]) / 2, (sides[:, 1] + sides[:, 3]) / 2


def _best(quads: np.ndarray, turns: tuple[int, int], confidences: Confidences) -> int:
    """Which of two quarter turns makes a sample of some words surer; the first if in doubt."""
    if len(quads) == 0:
        return 0
    first, second = turns
    along, across = _sides(quads)
    ratios = np.maximum(along, across) / np.maximum(np.minimum(along, across), 1e-6)
    ratios[ratios > LONGEST] = 0
    sample = quads[np.argsort(-ratios, kind="stable")[:SAMPLE]]
    usual = float(np.mean(confidences(np.roll(sample, -first, axis=1))))
    if usual >= SURE:
        return first
    other = float(np.mean(confidences(np.roll(sample, -second, axis=1))))
    return second if other > usual + (MARGIN if first == 0 else 0) else first
