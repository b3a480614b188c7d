"""How well quads agree with the truth: assignment, precision, recall, hmean, calibrated scores."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from scipy.optimize import linear_sum_assignment, minimize

from detection.geometry import as_quads


@dataclass(frozen=True)
class Matching:
    """Which predicted quads are which true ones.

    pairs: int (K, 2), indices (true, predicted), no index twice.
    dropped: bool (predicted,), not paired and on ignored truth: neither right nor wrong.
    """

    pairs: np.ndarray
    dropped: np.ndarray


def polygon_iou(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two quads (4, 2); 0 if either has no area.

    >>> polygon_iou([[0, 0], [4, 0], [4, 2], [0, 2]], [[2, 0], [6, 0], [6, 2], [2, 2]])
    0.3333333333333333
    """
    (p,), (q,) = _polygons(as_quads(a)), _polygons(as_quads(b))
    shared = p.intersection(q).area
    return float(shared / (p.area + q.area - shared)) if shared > 0 else 0.0


def match(
    truth: np.ndarray,
    predicted: np.ndarray,
    *,
    ignore: np.ndarray | None = None,
    iou: float = 0.5,
    straight: bool = False,
) -> Matching:
    """Pairs as many true and predicted quads as overlap by `iou`, then by the largest overlaps.

    Args:
        truth: (N, 4, 2). predicted: (M, 4, 2).
        ignore: bool (N,), truth that is paired with nothing and takes away the predictions of
            which it covers more than half.
        iou: least polygon IoU of a pair.
        straight: compare upright boxes around the quads instead.
    """
    truth, predicted = as_quads(truth), as_quads(predicted)
    ignore = np.zeros(len(truth), bool) if ignore is None else np.asarray(ignore, bool)
    if straight:
        truth, predicted = _upright(truth), _upright(predicted)
    true, guesses = _polygons(truth), _polygons(predicted)
    t, p = shapely.STRtree(guesses).query(true)
    shared = shapely.area(shapely.intersection(true[t], guesses[p]))
    areas, guessed_areas = shapely.area(true), shapely.area(guesses)
    overlap = shared / np.maximum(areas[t] + guessed_areas[p] - shared, 1e-9)

    weights = np.zeros((len(truth), len(predicted)))
    good = (overlap >= iou) & (shared > 0) & ~ignore[t]
    weights[t[good], p[good]] = 1 + overlap[good]  # 1: one pair more beats any larger overlap
    pairs = np.stack(linear_sum_assignment(weights, maximize=True), 1)
    pairs = pairs[weights[pairs[:, 0], pairs[:, 1]] > 0]

    dropped = np.zeros(len(predicted), bool)
    dropped[p[ignore[t] & (shared > 0.5 * guessed_areas[p])]] = True
    dropped[pairs[:, 1]] = False
    return Matching(pairs, dropped)


class DetectionMetric:
    """Precision, recall and their harmonic mean, from counts summed over pages.

    precision = pairs / predictions (less dropped ones), recall = pairs / true words (less ignored
    ones), hmean = 2 precision recall / (precision + recall); each is 0 where it would divide by 0.

    >>> metric = DetectionMetric(iou=0.5)
    >>> word = [[0, 0], [40, 0], [40, 10], [0, 10]]
    >>> metric.update([word], [word, [[0, 50], [9, 50], [9, 60], [0, 60]]])
    >>> metric.summary()["precision"], metric.summary()["recall"]
    (0.5, 1.0)
    """

    def __init__(self, *, iou: float = 0.5, straight: bool = False):
        self.iou = iou
        self.straight = straight
        self.reset()

    def reset(self) -> None:
        """Forgets all pages."""
        self.pairs = self.truth = self.predicted = self.pages = 0
        self.scores: list[tuple[float, bool]] = []  # of each prediction, and whether it is right

    def update(
        self,
        truth: np.ndarray,
        predicted: np.ndarray,
        ignore: np.ndarray | None = None,
        scores: np.ndarray | Sequence[float] | None = None,
    ) -> None:
        """Adds one page.

        Args:
            truth, predicted, ignore: as in `match`.
            scores: (M,), of the predictions; kept for `fit_calibration`.
        """
        matching = match(truth, predicted, ignore=ignore, iou=self.iou, straight=self.straight)
        self.pairs += len(matching.pairs)
        self.truth += len(truth) - (0 if ignore is None else int(np.sum(ignore)))
        self.predicted += len(predicted) - int(matching.dropped.sum())
        self.pages += 1
        if scores is not None:
            right = np.isin(np.arange(len(predicted)), matching.pairs[:, 1])
            self.scores += [
                (float(score), bool(is_right))
                for score, is_right, out in zip(scores, right, matching.dropped, strict=True)
                if not out
            ]

    def summary(self) -> dict[str, float]:
        """Figures over all pages so far, 0..1, and the counts that they come from."""
        return {
            "precision": self.pairs / max(self.predicted, 1),
            "recall": self.pairs / max(self.truth, 1),
            "hmean": 2 * self.pairs / max(self.predicted + self.truth, 1),
            "pairs": self.pairs,
            "predicted": self.predicted,
            "truth": self.truth,
            "pages": self.pages,
        }


def fit_calibration(scores: Sequence[tuple[float, bool]]) -> tuple[float, float] | None:
    """The logistic curve that makes scores shares of right quads (Platt 1999).

    Args:
        scores: (score, whether right) of each quad.

    Returns:
        (midpoint, slope): of quads with the score `midpoint` half are right. None if there are too
        few to tell (20 right ones and 20 wrong), or if scores do not tell right from wrong.
    """
    values, right = np.array(scores, np.float64).reshape(-1, 2).T
    yes, no = right.sum(), (1 - right).sum()
    if min(yes, no) < 20 or not np.isfinite(values).all():
        return None
    centre = values.mean()
    target = np.where(right > 0, (yes + 1) / (yes + 2), 1 / (no + 2))

    def loss(line: np.ndarray) -> float:
        logits = line[0] + line[1] * (values - centre)
        return float((np.logaddexp(0, logits) - target * logits).sum())

    found = minimize(loss, (0.0, 1.0))
    offset, slope = map(float, found.x)
    # Twice the gain in likelihood over no slope at all: chance alone reaches 6.6 once in a hundred.
    gain = 2 * (loss(np.array([np.log(yes / no), 0.0])) - found.fun)
    return (float(centre) - offset / slope, slope) if slope > 0 and gain > 6.6 else None


def _polygons(quads: np.ndarray) -> np.ndarray:
    """Shapely polygons; of a quad that crosses itself the hull."""
    polygons = shapely.polygons(quads.astype(np.float64))
    return np.where(shapely.is_valid(polygons), polygons, shapely.convex_hull(polygons))


def _upright(quads: np.ndarray) -> np.ndarray:
    low, high = quads.min(1), quads.max(1)
    return np.concatenate([low, high], 1)[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 4, 2)
