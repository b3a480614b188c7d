"""Text too large for the working resolution: seen once more, from twice as far away.

A sign's or a headline's letters may be larger than what the model takes in at a glance: it finds
them one by one, or only the word's beginning. Where the first look found such large things, a look
at half its scale, which costs a quarter of it, decides about them.
"""

import numpy as np

from detection.adapter import Detections
from detection.closer import heights, merge

#: Height, in pixels of the first look's input, of what is better seen from farther away.
LARGE = 80.0
#: Scale of the farther look, as a share of the first one's.
FAR = 0.5


def has_large(words: Detections, scale: float) -> bool:
    """Whether a look at `scale` found words, or letters, that are too large for it."""
    return bool((heights(words.quads) * scale >= LARGE).any())


def with_large(first: Detections, far: Detections, scale: float) -> Detections:
    """What a look at `scale` found, but of what is too large for it what the farther look found."""
    large = heights(far.quads) * scale >= LARGE
    words = Detections(far.quads[large], far.scores[large])
    ranks = np.full(len(words), np.inf), np.zeros(len(first))
    return merge([(words, ranks[0]), (first, ranks[1])])
