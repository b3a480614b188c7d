"""Plane geometry in pixel edges: an image of width W spans 0 to W; x right, y down."""

import math

import numpy as np

#: From pixel centres, which OpenCV counts, to pixel edges.
_CENTRE = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])


def rotation(radians: float) -> np.ndarray:
    """Matrix (2, 2) of a clockwise turn of points (x, y) as columns."""
    cos, sin = math.cos(radians), math.sin(radians)
    return np.array([[cos, -sin], [sin, cos]])


def on_pixel_centres(matrix: np.ndarray) -> np.ndarray:
    """A homography (3, 3) of pixel edges as OpenCV's warps take it."""
    return np.linalg.inv(_CENTRE) @ matrix @ _CENTRE
