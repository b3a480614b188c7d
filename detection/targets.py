"""Labels -> the maps that a DB detector learns (Liao et al. 2020, arXiv 1911.08947)."""

import cv2
import numpy as np

from detection.geometry import areas, offset_quads, shrink_distances

STRIDE = 2  # pixels of the image for one of a map
_FINE = 4  # sub-pixels along a map's pixel: a word's edge falls between pixels, and the map says so
_REACH = 0.3  # heights by which words are lengthened to find the gaps between them
_SHORT = 3.0  # heights: words less long than that weigh more
_SHIFT = 4  # fractional bits of the coordinates that OpenCV draws


class TextMaps:
    """Draws the four target maps of an image, at half its resolution.

    Args:
        shrink_ratio: what DB calls r: the text map shows each word with its edges moved inwards by
            area * (1 - r^2) / perimeter. DB uses 0.4, for whole lines; words want 0.7: neighbours
            a narrow space apart stay apart, and an error of a pixel at an edge is not blown up
            sixfold when the quad is grown back.
        min_height: words less high than this (pixels of the image) are ignored, not learnt.
        threshold_range: values of the threshold map away from words' borders and on them.
        gap_weight: of pixels in narrow gaps between words, where most weigh 1: they are few, and
            decide whether two words are found or one (cf. Ronneberger et al. 2015, arXiv
            1505.04597, equation 2, for cells that touch).
        short_weight: of pixels of the shortest words, their edges included; it falls with the root
            of a word's length to 1. A colon has a tenth of the pixels of a word, and would count
            for as little (cf. the "instance-balanced" loss of Deng et al. 2018, arXiv 1801.01315,
            where all words weigh the same).
    """

    def __init__(
        self,
        *,
        shrink_ratio: float = 0.7,
        min_height: float = 5.0,
        threshold_range: tuple[float, float] = (0.3, 0.7),
        gap_weight: float = 3.0,
        short_weight: float = 3.0,
    ):
        self.shrink_ratio = shrink_ratio
        self.min_height = min_height
        self.threshold_range = threshold_range
        self.gap_weight = gap_weight
        self.short_weight = short_weight

    def __call__(
        self, height: int, width: int, quads: np.ndarray, ignore: np.ndarray
    ) -> np.ndarray:
        """Maps of an image of `height` x `width` pixels, both even.

        Args:
            quads: float32 (N, 4, 2) in pixels of the image; what lies outside it is cut off.
            ignore: bool (N,), words whose area counts neither as text nor as background.

        Returns:
            float32 (4, height / 2, width / 2): text (0..1, the share of a pixel that shrunk words
            cover), weights of the text map (0 where ignored), threshold, mask of the threshold map.
        """
        height, width = height // STRIDE, width // STRIDE
        quads = np.where(areas(quads)[:, None, None] < 0, quads[:, ::-1], quads) / STRIDE
        sides = np.linalg.norm(np.roll(quads, -1, 1) - quads, axis=2)  # (N, 4)
        sides = (sides + np.roll(sides, 2, 1))[:, :2] / 2  # (N, 2): width, height
        ignore = ignore | (sides[:, 1] * STRIDE < self.min_height) | (areas(quads) <= 0)

        words, sides = quads[~ignore], sides[~ignore]
        distances = shrink_distances(words, self.shrink_ratio)
        # A thin stroke keeps a whole pixel, or the map would not show it.
        inwards = np.minimum(distances, np.maximum((sides.min(1) - 1) / 2, 0))

        fine = np.zeros((height * _FINE, width * _FINE), np.uint8)
        # OpenCV paints the outline too: half a sub-pixel less on each side makes up for it.
        _fill(fine, offset_quads(words, inwards + 0.5 / _FINE) * _FINE, 255)
        text = _reduce(fine, width, height) / 255
        mask = np.ones((height, width), np.uint8)
        _fill(mask, quads[ignore], 0)
        _fill(mask, words, 1)
        gaps = _gaps(height, width, words, sides[:, 1]) & (text == 0)
        emphasis = self._emphasis(height, width, words, sides)
        weights = np.where(gaps, self.gap_weight, emphasis) * mask

        threshold, threshold_mask = self._border(height, width, words, distances)
        return np.stack([text, weights, threshold, threshold_mask * mask]).astype(np.float32)

    def _emphasis(
        self, height: int, width: int, words: np.ndarray, sides: np.ndarray
    ) -> np.ndarray:
        """Weights (height, width) of words' areas, 1 elsewhere."""
        weights = np.ones((height, width), np.float32)
        lengths = np.maximum(sides[:, 0], 1e-6) / np.maximum(sides[:, 1], 1e-6)
        factors = np.minimum(np.sqrt(_SHORT / lengths), self.short_weight)
        fixed = _fixed(words)
        for index in np.argsort(factors):  # where words overlap, the heaviest counts
            if factors[index] > 1:
                cv2.fillConvexPoly(weights, fixed[index], float(factors[index]), shift=_SHIFT)
        return weights

    def _border(self, height: int, width: int, words: np.ndarray, distances: np.ndarray):
        """Threshold map and its mask: highest on a word's border, falling to both sides of it."""
        words, distances = words * STRIDE, distances * STRIDE  # drawn at the image's resolution
        outlines = np.full((height * STRIDE, width * STRIDE), 255, np.uint8)
        cv2.polylines(outlines, list(_fixed(words)), True, 0, shift=_SHIFT)
        distance = cv2.distanceTransform(outlines, cv2.DIST_L2, 3)
        reach = np.zeros(outlines.shape, np.float32)
        for quads in (offset_quads(words, -distances), words):  # own area wins over neighbours'
            for quad, value in zip(_fixed(quads), distances, strict=True):
                cv2.fillConvexPoly(reach, quad, float(value), shift=_SHIFT)
        low, high = self.threshold_range
        nearness = np.maximum(reach - distance, 0) / np.maximum(reach, 1e-3)
        return (
            low + (high - low) * _reduce(nearness, width, height),
            _reduce((reach > 0).astype(np.float32), width, height) > 0.5,
        )


def _gaps(height: int, width: int, words: np.ndarray, heights: np.ndarray) -> np.ndarray:
    """Where two words nearly meet: bool (height, width), what both cover when lengthened."""
    along = words[:, [1, 2]] - words[:, [0, 3]]
    along /= np.maximum(np.linalg.norm(along, axis=2, keepdims=True), 1e-6)
    more = _REACH * heights[:, None, None] * along
    longer = words + np.concatenate([-more[:, :1], more, -more[:, 1:]], axis=1)
    covered = np.zeros((height, width), np.uint8)
    for quad in _fixed(longer):
        x, y = np.clip(quad.min(0) >> _SHIFT, 0, (width, height))
        right, bottom = np.clip((quad.max(0) >> _SHIFT) + 2, 0, (width, height))
        if right > x and bottom > y:  # not off the image
            one = np.zeros((bottom - y, right - x), np.uint8)
            cv2.fillConvexPoly(one, quad - (np.array([x, y]) << _SHIFT), 1, shift=_SHIFT)
            covered[y:bottom, x:right] += one
    return covered > 1


def _fixed(quads: np.ndarray) -> np.ndarray:
    """Quads as OpenCV's fixed-point numbers, which count from the centre of the first pixel."""
    return np.round((np.clip(quads, -1e5, 1e5) - 0.5) * 2**_SHIFT).astype(np.int32)


def _fill(image: np.ndarray, quads: np.ndarray, value: int) -> None:
    for quad in _fixed(quads):  # one by one: a single call would cut holes where words overlap
        cv2.fillConvexPoly(image, quad, value, shift=_SHIFT)


def _reduce(image: np.ndarray, width: int, height: int) -> np.ndarray:
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
