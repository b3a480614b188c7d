"""Probability map -> quads of words."""

import cv2
import numpy as np

from detection.geometry import box_quads, smallest_boxes, unshrink_distances
from detection.targets import STRIDE


class Regions:
    """Connected regions of a probability map, each grown back to the quad of its word.

    Args:
        shrink_ratio: the one that the targets were drawn with (`targets.TextMaps`).
        threshold: a pixel belongs to a region if its probability is at least this.
        margin: room added around words, in heights, half of it on either side: people frame words
            more loosely than fonts do, and a box that is a little large overlaps theirs more.
        min_score: regions with a lower mean probability are dropped.
        min_size: quads with a shorter side, margin included, below this (pixels of the image) are
            dropped.
        upright_slack: see `geometry.smallest_boxes`.
    """

    def __init__(
        self,
        *,
        shrink_ratio: float = 0.7,
        threshold: float = 0.55,
        margin: float = 0.0,
        min_score: float = 0.7,
        min_size: float = 3.0,
        upright_slack: float = 0.15,
    ):
        self.shrink_ratio = shrink_ratio
        self.threshold = threshold
        self.margin = margin
        self.min_score = min_score
        self.min_size = min_size
        self.upright_slack = upright_slack

    def __call__(self, probability: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Words of one map.

        Args:
            probability: float32 (H, W), 0..1, at half the image's resolution.

        Returns:
            quads float32 (N, 4, 2) in pixels of the image, not cut at its border, each starting at
            the corner from which its text would be read if it is turned by 45 degrees at most
            (by more where it is sheared);
            scores float32 (N,), the mean probability of the region.
        """
        # At the image's resolution edges fall to half a pixel of the map.
        probability = cv2.resize(
            probability, None, fx=STRIDE, fy=STRIDE, interpolation=cv2.INTER_LINEAR
        )
        inside = (probability >= self.threshold).astype(np.uint8)
        count, labels, stats, _ = cv2.connectedComponentsWithStats(inside, connectivity=8)
        sizes = stats[:, cv2.CC_STAT_AREA]
        scores = np.bincount(labels.ravel(), probability.ravel(), count) / np.maximum(sizes, 1)
        good = scores >= self.min_score
        good[0] = False  # the background

        # Two-level: regions inside a hole of another one (a word in a stamp) are outlines too.
        contours, hierarchy = cv2.findContours(inside, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
        outlines = [
            (contour, labels[contour[0, 0, 1], contour[0, 0, 0]])
            for contour, (_, _, _, parent) in zip(contours, _rows(hierarchy), strict=True)
            if parent < 0
        ]
        outlines = [(contour, label) for contour, label in outlines if good[label]]
        boxes = smallest_boxes([contour for contour, _ in outlines], self.upright_slack)
        scores = scores[[label for _, label in outlines]].astype(np.float32)

        distances = unshrink_distances(boxes[:, 2], boxes[:, 3], self.shrink_ratio)
        boxes[:, 2:4] += 2 * distances[:, None]
        boxes[:, 2:4] += self.margin * boxes[:, 2:4].min(1, keepdims=True)
        keep = boxes[:, 2:4].min(1) >= self.min_size
        return box_quads(boxes[keep]), scores[keep]

    def explain(self, probability: np.ndarray) -> tuple[np.ndarray, np.ndarray, list[str]]:
        """Quads and scores of all regions of one map, and why each is no word ("" if it is)."""
        every = Regions(**{**vars(self), "min_score": 0.0, "min_size": 0.0})
        quads, scores = every(probability)
        sides = np.linalg.norm(quads[:, 1:3] - quads[:, :2], axis=2).min(1)
        reasons = [
            f"score {score:.2f} < {self.min_score:g}"
            if score < self.min_score
            else f"side {side:.1f} < {self.min_size:g}"
            if side < self.min_size
            else ""
            for score, side in zip(scores, sides, strict=True)
        ]
        return quads, scores, reasons


def _rows(hierarchy: np.ndarray | None) -> np.ndarray:
    return np.empty((0, 4), np.int32) if hierarchy is None else hierarchy[0]
