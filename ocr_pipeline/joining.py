"""Pieces of one word, found apart: joined again, where the recognizer reads them as one.

Where letters of all shapes stand in cells of one width, as typewriters and tills set them, the
gaps beside `i`, `1` and full stops are as wide as those between the words of other print, and the
detector parts `adjus|tment` and `50.|00`. The quads of such pieces all but touch. So do those of
words that are set tight; therefore the recognizer looks at both together, and decides: it knows
spaces, and sees how wide the others are. An amount's cents may stand farther off, and so may the
letters of a word that is S P A C E D.
"""

import math
import re
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import numpy as np

from ocr_pipeline.directions import directions, quad_heights, within
from ocr_pipeline.orientation import Said
from ocr_pipeline.results import certainty

#: In heights of the first piece: quads closer than this may be of one word; they may lie over each
#: other by so much, and one higher than the other by so much.
NEAR, OVER, LEVEL = 0.03, 0.4, 0.25
#: The lower piece has at least this share of the other's height, and lies within so many degrees.
ALIKE, PARALLEL = 0.6, 10.0
#: A whole word is at least this much as sure as both of its pieces are together.
SURE = 0.95
#: Cents may be this far from their amount. Together they may be this much less sure, for each is
#: read surely alone: the point, which is hard to see, is in neither.
CENTS_NEAR, CENTS_SURE = 0.5, 0.8
#: An amount without cents; cents; both.
AMOUNT, CENTS = re.compile(r".*\d[.,]?"), re.compile(r"\d\d\D?")
WITH_CENTS = re.compile(r".*\d[.,]\d\d\D?")
#: So far from each other may be the capitals, and no fewer, of a word that is spaced; and so sure
#: must it be.
SPACED_NEAR, SPACED, SPACED_SURE = 0.9, 3, 0.4

Reading = TypeVar("Reading", bound=Said)
#: Some pieces, in reading direction, and what tells of them and of all together if they are one.
Candidate = tuple[tuple[int, ...], Callable[[Sequence[Said], Said], bool]]


def join_pieces(
    quads: np.ndarray,
    scores: np.ndarray,
    readings: Sequence[Reading],
    read: Callable[[np.ndarray], Sequence[Reading]],
    *,
    min_confidence: float = 0.0,
) -> tuple[np.ndarray, np.ndarray, list[Reading]]:
    """Join neighbours that together read as one word; of three pieces or more, step by step.

    Args:
        quads: (N, 4, 2), clockwise from the top-left corner of their text.
        scores: (N,), of the detector.
        readings: what the N quads say.
        read: reads other quads of this page.
        min_confidence: what has less `certainty` is neither a piece nor a word.

    Returns:
        Quads (M, 4, 2), scores (M,) and readings of what is there then, M <= N; a joined word has
        the lowest score of its pieces.
    """
    readings = list(readings)
    refused = set()
    while True:
        looks = []
        sure = [
            certainty(reading.confidence, score) >= min_confidence
            for reading, score in zip(readings, scores, strict=True)
        ]
        for run, is_one in _candidates(quads, readings, sure):
            first, last = quads[run[0]], quads[run[-1]]
            whole = np.stack([first[0], last[1], last[2], first[3]])
            if (is_one, whole.tobytes()) not in refused:
                looks.append((run, is_one, whole))
        if not looks:
            return quads, scores, readings
        quads, scores = quads.copy(), scores.copy()
        joined: set[int] = set()
        gone = np.zeros(len(quads), bool)
        wholes = np.stack([whole for _, _, whole in looks])
        for (run, is_one, whole), said in zip(looks, read(wholes), strict=True):
            score = scores[[*run]].min()
            legible = certainty(said.confidence, score) >= min_confidence
            is_word = legible and said.text and " " not in said.text
            if not (is_word and is_one([readings[index] for index in run], said)):
                refused.add((is_one, whole.tobytes()))
            elif not joined & {*run}:  # otherwise the next time round
                first, *others = run
                quads[first], scores[first], readings[first] = whole, score, said
                gone[others] = True
                joined |= {*run}
        quads, scores = quads[~gone], scores[~gone]
        readings = [reading for reading, out in zip(readings, gone, strict=True) if not out]


def _candidates(
    quads: np.ndarray, readings: Sequence[Said], sure: Sequence[bool]
) -> Iterator[Candidate]:
    """What is worth a look at all together, of those that are sure: spaced capitals, then
    pairs."""
    texts = [reading.text for reading in readings]
    pieces = [index for index, text in enumerate(texts) if text and " " not in text and sure[index]]
    neighbours = [(pieces[a], pieces[b], gap) for a, b, gap in _neighbours(quads[pieces])]
    after: dict[int, int] = {}
    taken: set[int] = set()
    for a, b, _ in neighbours:
        capitals = len(texts[a]) == len(texts[b]) == 1 and (texts[a] + texts[b]).isupper()
        if capitals and a not in after and b not in taken:
            after[a] = b
            taken.add(b)
    for start in after.keys() - taken:
        run = [start]
        while run[-1] in after:
            run.append(after[run[-1]])
        if len(run) >= SPACED:
            yield tuple(run), _are_spaced_letters
    for a, b, gap in neighbours:
        if gap < NEAR:
            yield (a, b), _are_pieces
        elif gap < CENTS_NEAR and AMOUNT.fullmatch(texts[a]) and CENTS.fullmatch(texts[b]):
            yield (a, b), _are_amount_and_cents


def _are_spaced_letters(letters: Sequence[Said], whole: Said) -> bool:
    return len(whole.text) == len(letters) and whole.confidence >= SPACED_SURE


def _are_pieces(pieces: Sequence[Said], whole: Said) -> bool:
    return whole.confidence >= SURE * math.prod(piece.confidence for piece in pieces)


def _are_amount_and_cents(pieces: Sequence[Said], whole: Said) -> bool:
    sure = CENTS_SURE * math.prod(piece.confidence for piece in pieces)
    return bool(WITH_CENTS.fullmatch(whole.text)) and whole.confidence >= sure


def _neighbours(quads: np.ndarray) -> list[tuple[int, int, float]]:
    """Those (a, b) of N quads (N, 4, 2) of which b goes on soon after a ends, and the gap between
    them in heights of a, below 0 if they overlap; the closest first."""
    quads = quads.astype(np.float64)
    ends, starts = quads[:, 1:3].mean(axis=1), quads[:, [0, 3]].mean(axis=1)
    tall = np.maximum(quad_heights(quads), 1e-6)
    reach = np.hypot(SPACED_NEAR, LEVEL) * tall
    a, b = _within_reach(starts, ends, reach)
    angles = directions(quads)[0]
    turns = np.radians(angles[a])
    along = np.stack([np.cos(turns), np.sin(turns)], axis=1)
    steps = (starts[b] - ends[a]) / tall[a, None]
    gaps = (steps * along).sum(axis=1)
    shifts = steps[:, 1] * along[:, 0] - steps[:, 0] * along[:, 1]
    further = ((ends[b] - ends[a]) * along).sum(axis=1)
    lower, higher = np.minimum(tall[a], tall[b]), np.maximum(tall[a], tall[b])
    chosen = np.flatnonzero(
        (a != b)
        & (further > 0)
        & (gaps > -OVER)
        & (gaps < SPACED_NEAR)
        & (np.abs(shifts) < LEVEL)
        & (lower > ALIKE * higher)
        & (np.abs((angles[b] - angles[a] + 180) % 360 - 180) < PARALLEL)
    )
    chosen = chosen[np.lexsort((b[chosen], a[chosen], gaps[chosen]))]
    return list(zip(a[chosen].tolist(), b[chosen].tolist(), gaps[chosen].tolist(), strict=True))


def _within_reach(
    starts: np.ndarray, ends: np.ndarray, reach: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """All (a, b) for which starts[b] is within reach[a] (N,) of ends[a] (N, 2), and few others.

    By strips as high as the farthest reach, which lie one behind the other on a single axis: what
    is near is in the same strip or in the next. By the page's whole columns it would take 1.2 GB
    for 57,500 words.
    """
    farthest = np.max(reach, initial=1.0, where=np.isfinite(reach))
    points = np.concatenate([starts, ends])
    side = np.max(np.abs(points), initial=0.0, where=np.isfinite(points))
    length = 2.0 * float(side + farthest)  # of a strip, so that none reaches into the next
    places = np.floor(starts[:, 1] / farthest) * length + starts[:, 0]
    strips = np.floor(ends[:, 1] / farthest)
    pairs: list[tuple[np.ndarray, np.ndarray]] = []
    for step in (-1, 0, 1):
        sought = (strips + step) * length + ends[:, 0]
        pairs += within(places, sought - reach, sought + reach)
    a, b = np.concatenate(pairs, axis=1)
    return a, b
