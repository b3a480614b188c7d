"""In which direction words run, for `layout` and `orientation` alike."""

import numpy as np


def directions(quads: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How each quad (N, 4, 2) would be read: degrees (N,) clockwise from the x axis, and length."""
    along = (quads[:, 1] - quads[:, 0] + quads[:, 2] - quads[:, 3]) / 2
    return np.degrees(np.arctan2(along[:, 1], along[:, 0])), np.hypot(along[:, 0], along[:, 1])


def weighted_median(values: np.ndarray, weights: np.ndarray) -> float:
    """The value (of N, at least one) at which half of the weight is reached."""
    order = np.argsort(values)
    return float(values[order[np.searchsorted(weights[order].cumsum(), weights.sum() / 2)]])
