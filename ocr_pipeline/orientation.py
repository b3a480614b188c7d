"""Which way up the text stands, told by reading a few words each way.

A detector sees where words are and how they are tilted, but not which end is up: its quads start
at the corner from which upright text would be read. A recognizer is surer of text the right way up.
"""

from collections.abc import Callable, Sequence

import numpy as np

#: Words that are read each way to decide for a page.
SAMPLE = 8
#: Longer ones, in heights, cost more than they tell.
LONGEST = 6.0
#: Words this much longer than high, or higher than long, tell along which axis text runs.
ELONGATED = 2.0
#: Text is turned if that makes its words this much surer (0 to 1) on average.
MARGIN = 0.1
#: Text along the other axis is as high as the page's text, give or take; a lone `1` or `l`, which
#: is narrow too, is far less wide than that.
ALIKE = 0.6

#: Quads (N, 4, 2) -> how surely each is read, 0 to 1.
Confidences = Callable[[np.ndarray], Sequence[float]]


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


def face_across(quads: np.ndarray, confidences: Confidences) -> np.ndarray:
    """Turn the quads of words that stand across the text of their page, such as a table's spine.

    Args:
        quads: (N, 4, 2), clockwise; most start at the top-left corner of their text.
        confidences: reads quads of this page.

    Returns:
        The quads; those of words that stand across start at the top-left corner of their text too.
    """
    along, across = _sides(quads)
    lying = along >= ELONGATED * across
    usual = np.median(across[lying]) if lying.any() else 0
    rest = np.flatnonzero((across >= ELONGATED * along) & (along >= ALIKE * usual))
    turn = _best(quads[rest], (0, 1, 3), confidences)
    quads = quads.copy()
    quads[rest] = np.roll(quads[rest], -turn, axis=1)
    return quads


def turn_back(quads: np.ndarray, turn: int, width: int, height: int) -> np.ndarray:
    """Quads (N, 4, 2) on `np.rot90(page, turn)` -> quads on the page of `width` x `height`."""
    for step in reversed(range(turn)):
        before = height if step % 2 else width  # of the picture that this quarter turned
        quads = np.stack([before - quads[..., 1], quads[..., 0]], axis=-1)
    return quads


def _sides(quads: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lengths (N,) of the quads along and across the direction in which they would be read."""
    sides = np.linalg.norm(np.roll(quads, -1, axis=1) - quads, axis=2)
    return (sides[:, 0] + sides[:, 2]) / 2, (sides[:, 1] + sides[:, 3]) / 2


def _best(quads: np.ndarray, turns: Sequence[int], confidences: Confidences) -> int:
    """The quarter turn that makes a sample of some words the surest; the first if in doubt."""
    if len(quads) == 0:
        return 0
    along, across = _sides(quads)
    ratios = np.maximum(along, across) / np.maximum(np.minimum(along, across), 1e-6)
    ratios[ratios > LONGEST] = 0
    sample = quads[np.argsort(-ratios, kind="stable")[:SAMPLE]]
    ways = np.concatenate([np.roll(sample, -turn, axis=1) for turn in turns])
    sure = np.reshape(confidences(ways), (len(turns), len(sample))).mean(axis=1)
    sure[0] += MARGIN if turns[0] == 0 else 0
    return turns[int(sure.argmax())]
