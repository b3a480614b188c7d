"""Text too large for the working resolution: seen once more, from twice as far away.

A sign's or a headline's letters may be larger than what the model takes in at a glance: it finds
them one by one, or only the word's beginning. Where the first look found such large things, a look
at half its scale, which costs a quarter of it, gives whole words in place of their pieces.
"""

import numpy as np
import shapely

from detection.adapter import Detections
from detection.closer import merge
from detection.geometry import heights

#: Height, in pixels of the first look's input, of what is better seen from farther away.
LARGE = 80.0
#: Scale of the farther look, as a share of the first one's.
FAR = 0.5
#: Words of less than half that height are no pieces of a large one. What holds so many of them is
#: a block of text that is too small from afar.
_BLOCK = 3


def has_large(words: Detections, scale: float) -> bool:
    """Whether a look at `scale` found words, or letters, that are too large for it."""
    return bool((heights(words.quads) * scale >= LARGE).any())


def with_large(first: Detections, far: Detections, scale: float) -> Detections:
    """What a look at `scale` found, but large words as the farther look found them."""
    large = heights(far.quads) * scale >= LARGE
    small = first.quads[heights(first.quads) * scale < LARGE / 2].mean(axis=1)
    polygons = shapely.polygons(far.quads.astype(np.float64))
    held = shapely.contains_xy(polygons[:, None], small[:, 0], small[:, 1]).sum(axis=1)
    kept = large & (held < _BLOCK)
    words = Detections(far.quads[kept], far.scores[kept])
    return merge([(words, np.full(len(words), np.inf)), (first, np.zeros(len(first)))])
