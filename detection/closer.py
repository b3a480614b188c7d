"""Text too small for the working resolution: where it may be, and how it is read after all.

Below `READABLE` pixels of its input a detector finds little and says nothing of what it misses. But
on a page larger than the working resolution, the page itself has detail there:

    detail of the page that no word explains        unread_cells
    -> windows where it is densest: how high?       densest, small_text
    -> tiles of a scale at which that is enough     tiles_of
    -> the words of all looks, each once            Tile.own, merge

Everything is in pixels of the page unless named otherwise; `scale` is the factor from there to the
network's input.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
import shapely

from detection.adapter import Detections
from detection.geometry import Window, heights

#: Height, in pixels of the network's input, of the lowest words that are found well. Of clean
#: print 7, 8, 10, 12 and 16 pixels high, the shipped weights find 1, 35, 79, 90 and 95 % of words.
READABLE = 10.0
#: Height to which small text is brought.
COMFORTABLE = 16.0
#: Windows in which the height of text is told, and their side in pixels of the network's input.
GLANCES, GLANCE = 4, 384
#: Side of a tile, as a share of the working resolution: it needs half the memory of a first look.
TILE = 0.75

_CELL = 4  # side of a cell in pixels of the network's input
_NOISE = 16  # grey levels between neighbours that say nothing
_DETAIL = 8.0  # grey levels, see `unread_cells`
_WORTHWHILE = 256  # cells of unread detail that are worth a glance, and their share of all detail:
_WORTHWHILE_SHARE = 0.05  # words of readable height are missed too, here and there
_STRIP = 1 << 20  # pixels that are measured at a time: they stay in the cache
_OVERLAP = 6  # a tile shares one part of so many with its neighbour


def unread_cells(image: np.ndarray, scale: float, quads: np.ndarray) -> tuple[np.ndarray, int]:
    """Where there may be text that a look at `scale` was too coarse for.

    In text, unlike on paper, in most pictures and along rules, there are many pixels that differ
    from their neighbours along x and along y at once. The lower the text is, the more: where it is
    lower than `READABLE`, by more than `_DETAIL` on average for each pixel of the look.

    Args:
        image: RGB uint8 (H, W, 3).
        scale: below 1.
        quads: (N, 4, 2), words that the look did find; where they are nothing is unread.

    Returns:
        bool (rows, columns), and the side of its cells. All false if there is too little to look
        for.
    """
    height, width = image.shape[:2]
    cell = round(_CELL / scale)
    columns = -(-width // cell)
    detail = []
    rows = max(1, _STRIP // (width * cell))
    for top in range(0, height, rows * cell):
        grey = cv2.cvtColor(image[top : top + rows * cell + 1], cv2.COLOR_RGB2GRAY)
        grey = cv2.copyMakeBorder(grey, 0, 1, 0, 1, cv2.BORDER_REPLICATE)
        beside = cv2.absdiff(grey[:-1, :-1], grey[:-1, 1:])
        below = cv2.absdiff(grey[:-1, :-1], grey[1:, :-1])
        steps = np.maximum(cv2.min(beside, below), _NOISE)[: rows * cell] - _NOISE
        count = -(-len(steps) // cell)
        padding = count * cell - len(steps), columns * cell - steps.shape[1]
        steps = np.pad(steps, [(0, side) for side in padding])[:, : columns * cell]
        detail.append(cv2.resize(steps, (columns, count), interpolation=cv2.INTER_AREA))
    fine = np.concatenate(detail) >= _DETAIL * scale
    unread = fine.astype(np.uint8)
    for quad in np.round(quads / cell * 16 - 8).astype(np.int32):
        cv2.fillConvexPoly(unread, quad, 0, shift=4)
        cv2.polylines(unread, [quad], True, 0, thickness=3, shift=4)  # letters' ends
    if np.count_nonzero(unread) < max(_WORTHWHILE, _WORTHWHILE_SHARE * np.count_nonzero(fine)):
        unread[:] = 0
    return unread.astype(bool), cell


def densest(unread: np.ndarray, cell: int, side: float) -> list[tuple[int, int]]:
    """Left, top of at most `GLANCES` squares of `side` with the most unread cells, apart."""
    reach = max(1, round(side / cell))
    left = unread.astype(np.float32)
    corners: list[tuple[int, int]] = []
    while len(corners) < GLANCES and left.any():
        sums = cv2.boxFilter(
            left, -1, (reach, reach), normalize=False, borderType=cv2.BORDER_CONSTANT
        )
        row, column = (
            max(0, center - reach // 2) for center in divmod(int(sums.argmax()), sums.shape[1])
        )
        left[row : row + reach, column : column + reach] = 0
        corners.append((column * cell, row * cell))
    return corners


def small_text(found: Sequence[Detections], scale: float) -> float | None:
    """Height of the smaller text in windows, if it is too small for a look at `scale`."""
    measured = heights(np.concatenate([words.quads for words in found]))
    if len(measured) < 3:
        return None
    height = float(np.percentile(measured, 25))
    return height if height * scale < READABLE else None


@dataclass(frozen=True)
class Tile:
    """A part of a page that is read by itself.

    window, core: left, top, right, bottom; cores cover the page without overlap, and a window
    reaches beyond its core wherever the page goes on.
    page: width and height of the page.
    """

    window: Window
    core: Window
    page: tuple[int, int]

    def own(self, words: Detections, scale: float) -> tuple[Detections, np.ndarray]:
        """The words that are this tile's to tell, and how far inside it they lie.

        Those are whole, with their centre in the core or so near it that a neighbour may put it on
        its own side.
        """
        low, high = np.array(self.window[:2]), np.array(self.window[2:])
        open_low, open_high = low > 0, high < self.page  # sides on which the page goes on
        quads, centers = words.quads, words.quads.mean(axis=1)
        cut = (quads.min(axis=1) <= low + 1 / scale) & open_low
        cut |= (quads.max(axis=1) >= high - 1 / scale) & open_high
        slack = COMFORTABLE / 2 / scale
        inside = (centers >= np.array(self.core[:2]) - slack) & (
            centers < np.array(self.core[2:]) + slack
        )
        kept = inside.all(axis=1) & ~cut.any(axis=1)
        depths = np.minimum(
            np.where(open_low, centers - low, np.inf), np.where(open_high, high - centers, np.inf)
        ).min(axis=1)
        return Detections(quads[kept], words.scores[kept]), depths[kept]

    def owns(self, quads: np.ndarray) -> np.ndarray:
        """Whether (N,) the centres of quads lie in the core."""
        centers = quads.mean(axis=1)
        return ((centers >= self.core[:2]) & (centers < self.core[2:])).all(axis=1)


def tiles_of(unread: np.ndarray, cell: int, *, height: int, width: int, side: int) -> list[Tile]:
    """Tiles in whose cores something is unread.

    All windows are `side` x `side`, or as long as the page: of one size, they need the memory of
    one. They overlap by a sixth of that or more: of 1536 pixels of the network's input, where small
    text is 16 high, by a word of 30 letters, which so is whole in one of them.
    """
    rows, columns = _spans(height, side), _spans(width, side)
    return [
        Tile((x.start, y.start, x.stop, y.stop), (left, top, right, bottom), (width, height))
        for y, (top, bottom) in rows
        for x, (left, right) in columns
        if unread[top // cell : -(-bottom // cell), left // cell : -(-right // cell)].any()
    ]


def _spans(size: int, side: int) -> list[tuple[range, tuple[int, int]]]:
    """Windows along an axis, and their cores, which meet in the middle of the overlaps."""
    overlap = side // _OVERLAP
    count = max(1, -(-(size - overlap) // (side - overlap)))
    starts = np.linspace(0, max(0, size - side), count).round().astype(int).tolist()
    windows = [range(start, min(size, start + side)) for start in starts]
    edges = [0, *((a.stop + b.start) // 2 for a, b in pairwise(windows)), size]
    return list(zip(windows, pairwise(edges), strict=True))


def merge(looks: Sequence[tuple[Detections, np.ndarray]]) -> Detections:
    """The words of several looks at one page, each once.

    Args:
        looks: words and their ranks (N,). Where words of two looks share more than half of the
            smaller one's area, the one of the higher rank stays.
    """
    quads = np.concatenate([words.quads for words, _ in looks])
    scores = np.concatenate([words.scores for words, _ in looks])
    ranks = np.concatenate([ranks for _, ranks in looks])
    look = np.repeat(np.arange(len(looks)), [len(words) for words, _ in looks])
    polygons = shapely.convex_hull(shapely.polygons(quads.astype(np.float64)))
    a, b = shapely.STRtree(polygons).query(polygons, predicate="intersects")
    a, b = a[look[a] != look[b]], b[look[a] != look[b]]
    smaller = np.minimum(shapely.area(polygons[a]), shapely.area(polygons[b]))
    same = shapely.area(shapely.intersection(polygons[a], polygons[b])) > 0.5 * smaller
    a, b = a[same], b[same]
    stays = np.ones(len(quads), bool)
    order = np.empty(len(quads), int)
    order[np.argsort(-ranks, kind="stable")] = np.arange(len(quads))  # 0 is the highest rank
    for better, worse in sorted(zip(order[a], order[b], strict=True)):
        if better < worse and stays[better]:
            stays[worse] = False
    kept = stays[order]
    return Detections(quads[kept], scores[kept])
