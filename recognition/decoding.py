"""CTC output -> symbols with time spans (Graves et al. 2006)."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from torch import Tensor

from recognition.codec import Codec


@dataclass(frozen=True)
class Decoded:
    """One crop's symbols.

    Attributes:
        indices: label indices.
        frames: for each symbol, its time steps [first, last + 1).
        confidence: probability of the best path: the product over the valid time steps of the
            likeliest class's probability. 0..1; a lower bound on the text's probability.
    """

    indices: list[int]
    frames: list[tuple[int, int]]
    confidence: float


def greedy_decode(logits: Tensor, steps: Sequence[int]) -> list[Decoded]:
    """Best path of each crop.

    Args:
        logits: (B, T, V) class scores.
        steps: B valid time steps; later ones are never looked at.
    """
    scores, classes = logits.float().log_softmax(dim=2).max(dim=2)
    all_scores, all_classes = scores.cpu().numpy(), classes.cpu().numpy()
    return [
        _collapse(row[:valid], float(np.exp(path[:valid].sum(dtype=np.float64))))
        for row, path, valid in zip(all_classes, all_scores, steps, strict=True)
    ]


def _collapse(classes: np.ndarray, confidence: float) -> Decoded:
    """Merge runs of one class, drop blanks."""
    starts = np.flatnonzero(np.diff(classes, prepend=-1))
    ends = np.append(starts[1:], len(classes))
    symbols = classes[starts] != Codec.BLANK
    return Decoded(
        indices=classes[starts][symbols].tolist(),
        frames=list(zip(starts[symbols].tolist(), ends[symbols].tolist(), strict=True)),
        confidence=confidence,
    )


def character_spans(frames: Sequence[tuple[int, int]], steps: int) -> list[tuple[float, float]]:
    """Each symbol's [left, right] as fractions of the crop's width.

    CTC marks a symbol near its middle, in one or two steps, so neighbours meet half way between
    their marks; the first begins at 0 and the last ends at 1.

    >>> character_spans([(1, 2), (5, 7)], 8)
    [(0.0, 0.46875), (0.46875, 1.0)]
    """
    if not frames:
        return []
    middles = [(first + end) / 2 / steps for first, end in frames]
    inner = [(a + b) / 2 for a, b in pairwise(middles)]
    edges = [0.0, *inner, 1.0]
    return list(pairwise(edges))
