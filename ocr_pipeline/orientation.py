"""Which way up the text stands, told by reading a few words each way.

A detector sees where words are and how they are tilted, but not which end is up: its quads start
at the corner from which upright text would be read. A recognizer is surer of text the right way up.
"""

from collections.abc import Callable, Sequence

import numpy as np

#: Words that are read each way to decide for a page.
SAMPLE = 12
#: Words this much longer than high, or higher than long, tell along which axis text runs.
ELONGATED = 2.0
#: A page is turned if that makes its words this much surer (0 to 1) on average.
MARGIN = 0.1
#: Text along the other axis is as high as the page's text, give or take; a lone `1` or `l`, which
#: is narrow too, is far less wide than that.
ALIKE = 0.6

#: Quads (N, 4, 2) -> how surely each is read, 0 to 1.
Confidences = Callable[[np.ndarray], Sequence[float]]


def face_reading_direction(quads: np.ndarray, confidences: Confidences) -> np.ndarray:
    """Let each quad of a page start at the top-left corner of its text in reading direction.

    Args:
        quads: (N, 4, 2), clockwise, each from the corner at which text would start if it were
            turned by less than 45 degrees.
        confidences: reads quads of this page.

    Returns:
        The quads with their corners rolled: all by the turn of the page's text, those that stand
        across it (the spine of a table, a stamp in the margin) by theirs.
    """
    quads = quads.copy()
    along, across = _sides(quads)
    lying, standing = along >= ELONGATED * across, across >= ELONGATED * along
    turned = across[standing].sum() > along[lying].sum()
    main = np.flatnonzero(standing if turned else lying)
    if len(main) == 0:
        return quads
    quads = np.roll(quads, -_best(quads, main, (1, 3) if turned else (0, 2), confidences), axis=1)

    along, across = _sides(quads)
    usual = np.median(across[main])
    rest = np.flatnonzero((across >= ELONGATED * along) & (along >= ALIKE * usual))
    if len(rest):
        turn = _best(quads, rest, (0, 1, 3), confidences)
        quads[rest] = np.roll(quads[rest], -turn, axis=1)
    return quads


def _sides(quads: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lengths (N,) of the quads along and across the direction in which they would be read."""
    sides = np.linalg.norm(np.roll(quads, -1, axis=1) - quads, axis=2)
    return (sides[:, 0] + sides[:, 2]) / 2, (sides[:, 1] + sides[:, 3]) / 2


def _best(
    quads: np.ndarray, members: np.ndarray, turns: Sequence[int], confidences: Confidences
) -> int:
    """The quarter turn that makes the longest of some words the surest; the first if in doubt."""
    lengths = np.maximum(*_sides(quads[members]))
    sample = quads[members[np.argsort(-lengths, kind="stable")[:SAMPLE]]]
    ways = np.concatenate([np.roll(sample, -turn, axis=1) for turn in turns])
    sure = np.reshape(confidences(ways), (len(turns), len(sample))).mean(axis=1)
    sure[0] += MARGIN if turns[0] == 0 else 0
    return turns[int(sure.argmax())]
