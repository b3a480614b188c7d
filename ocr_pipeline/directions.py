"""In which direction words run, how high they are and which are near, for whoever arranges them."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

#: Pairs of words that are looked at in one go.
PAIRS = 1_000_000


def directions(quads: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How each quad (N, 4, 2) would be read: degrees (N,) clockwise from the x axis, and length."""
    along = (quads[:, 1] - quads[:, 0] + quads[:, 2] - quads[:, 3]) / 2
    return np.degrees(np.arctan2(along[:, 1], along[:, 0])), np.hypot(along[:, 0], along[:, 1])


def quad_heights(quads: np.ndarray) -> np.ndarray:
    """How high each quad (N, 4, 2) is across the direction in which it would be read, (N,)."""
    across = (quads[:, 3] - quads[:, 0] + quads[:, 2] - quads[:, 1]) / 2
    return np.hypot(across[:, 0], across[:, 1])


def within(
    values: np.ndarray, low: np.ndarray, high: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """All pairs (i, j) with low[i] <= values[j] < high[i], about `PAIRS` at a time.

    All pairs of an i come together. On a page of 240 lines of 240 words, 14 million share a line.
    """
    order = np.argsort(values, kind="stable")
    first = np.searchsorted(values[order], low, side="left")
    last = np.searchsorted(values[order], high, side="left")
    counts = np.maximum(last - first, 0)
    ends = np.cumsum(counts)
    cuts = np.searchsorted(ends, np.arange(PAIRS, counts.sum(), PAIRS))
    for start, stop in pairwise([0, *np.unique(cuts).tolist(), len(counts)]):
        some = counts[start:stop]
        i = np.repeat(np.arange(start, stop), some)
        offsets = np.arange(len(i)) - np.repeat(np.cumsum(some) - some, some)
        yield i, order[np.repeat(first[start:stop], some) + offsets]


def weighted_median(values: np.ndarray, weights: np.ndarray) -> float:
    """The value (of N, at least one) at which half of the weight is reached."""
    order = np.argsort(values)
    return float(values[order[np.searchsorted(weights[order].cumsum(), weights.sum() / 2)]])
