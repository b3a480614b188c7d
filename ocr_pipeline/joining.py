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
from scipy.spatial import KDTree

from ocr_pipeline.directions import directions
from ocr_pipeline.orientation import Said

#: In heights of the first piece: quads closer than this may be of one word; they may lie over each
#: other by so much, and one higher than the other by so much.
NEAR, OVER, LEVEL = 0.03, 0.4, 0.25
#: Cents may be this far from their amount.
CENTS_NEAR = 0.5
#: So far from each other may be the capitals, and no fewer, of a word that is spaced.
SPACED_NEAR, SPACED = 0.9, 3
#: An amount without cents; cents; both.
AMOUNT, CENTS = re.compile(r".*\d[.,]?"), re.compile(r"\d\d\D?")
WITH_CENTS = re.compile(r".*\d[.,]\d\d\D?")
#: The lower piece has at least this share of the other's height, and lies within so many degrees.
ALIKE, PARALLEL = 0.6, 10.0
#: A whole word is at least this much as sure as both of its pieces are together; one with cents may
#: be less so, for to miss their point makes both pieces sure.
SURE, SURE_WITH_CENTS = 0.95, 0.8

Reading = TypeVar("Reading", bound=Said)


def join_pieces(
    quads: np.ndarray,
    scores: np.ndarray,
    readings: Sequence[Reading],
    read: Callable[[np.ndarray], Sequence[Reading]],
) -> tuple[np.ndarray, np.ndarray, list[Reading]]:
    """Join neighbours that together read as one word; of three pieces or more, step by step.

    Args:
        quads: (N, 4, 2), clockwise from the top-left corner of their text.
        scores: (N,), of the detector.
        readings: what the N quads say.
        read: reads other quads of this page.

    Returns:
        Quads (M, 4, 2), scores (M,) and readings of what is there then, M <= N; a joined word has
        the lower score of its pieces.
    """
    readings = list(readings)
    refused: set[bytes] = set()
    while True:
        wholes = {}
        for run in _candidates(quads, readings):
            first, last = quads[run[0]], quads[run[-1]]
            whole = np.stack([first[0], last[1], last[2], first[3]])
            if whole.tobytes() not in refused:
                wholes[run] = whole
        if not wholes:
            return quads, scores, readings
        quads, scores = quads.copy(), scores.copy()
        joined: set[int] = set()
        gone = np.zeros(len(quads), bool)
        for (run, whole), said in zip(
            wholes.items(), read(np.stack(list(wholes.values()))), strict=True
        ):
            if not _is_one([readings[index] for index in run], said):
                refused.add(whole.tobytes())
            elif not joined & {*run}:  # otherwise the next time round
                first = run[0]
                quads[first], scores[first], readings[first] = whole, scores[[*run]].min(), said
                gone[[*run[1:]]] = True
                joined |= {*run}
        quads, scores = quads[~gone], scores[~gone]
        readings = [reading for reading, out in zip(readings, gone, strict=True) if not out]


def _candidates(quads: np.ndarray, readings: Sequence[Said]) -> Iterator[tuple[int, ...]]:
    """Runs of pieces that are worth a look at all together: spaced capitals, pairs."""
    texts = [reading.text for reading in readings]
    neighbours = [
        (a, b, gap)
        for a, b, gap in _neighbours(quads)
        if texts[a] and texts[b] and " " not in texts[a] + texts[b]
    ]
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
            yield tuple(run)
    for a, b, gap in neighbours:
        cents = AMOUNT.fullmatch(texts[a]) and CENTS.fullmatch(texts[b])
        if gap < (CENTS_NEAR if cents else NEAR):
            yield a, b


def _is_one(pieces: Sequence[Said], whole: Said) -> bool:
    """Whether pieces, seen together, are one word."""
    if not whole.text or " " in whole.text:
        return False
    if len(pieces) >= SPACED:
        return len(whole.text) == len(pieces)
    sure = SURE_WITH_CENTS if WITH_CENTS.fullmatch(whole.text) else SURE
    return whole.confidence >= sure * math.prod(piece.confidence for piece in pieces)


def _neighbours(quads: np.ndarray) -> list[tuple[int, int, float]]:
    """Those (a, b) of N quads (N, 4, 2) of which b goes on soon after a ends, and the gap between
    them in heights of a, below 0 if they overlap; the closest first."""
    if len(quads) < 2:
        return []
    ends, starts = quads[:, 1:3].mean(axis=1), quads[:, [0, 3]].mean(axis=1)
    down = (quads[:, 3] - quads[:, 0] + quads[:, 2] - quads[:, 1]) / 2
    heights = np.maximum(np.hypot(*down.T), 1e-6)
    reach = np.hypot(SPACED_NEAR, LEVEL) * heights
    near = KDTree(starts).query_ball_point(ends, reach)
    a = np.repeat(np.arange(len(quads)), [len(found) for found in near])
    b = np.concatenate(near).astype(int)
    angles = directions(quads)[0]
    turns = np.radians(angles[a])
    steps = (starts[b] - ends[a]) / heights[a, None]
    gaps = steps[:, 0] * np.cos(turns) + steps[:, 1] * np.sin(turns)
    shifts = steps[:, 1] * np.cos(turns) - steps[:, 0] * np.sin(turns)
    lower, higher = np.minimum(heights[a], heights[b]), np.maximum(heights[a], heights[b])
    chosen = np.flatnonzero(
        (a != b)
        & (gaps > -OVER)
        & (gaps < SPACED_NEAR)
        & (np.abs(shifts) < LEVEL)
        & (lower > ALIKE * higher)
        & (np.abs((angles[b] - angles[a] + 180) % 360 - 180) < PARALLEL)
    )
    chosen = chosen[np.argsort(gaps[chosen], kind="stable")]
    return list(zip(a[chosen].tolist(), b[chosen].tolist(), gaps[chosen].tolist(), strict=True))
