"""Crops of many widths -> batches of one padded width, for training and inference alike.

CPU kernels (oneDNN) are compiled and cached for each shape that they meet, and the cache grows
with the shapes. So padded widths and batch sizes come from short ladders: little padding, few
shapes.
"""

from collections import defaultdict
from collections.abc import Sequence

import cv2
import numpy as np
import torch
from torch import Tensor

from recognition.crops import HEIGHT


def rung(size: int, *, step: int) -> int:
    """The ladder's next rung at or above `size`.

    Multiples of `step` up to eight of them, then the spacing doubles whenever the size does: at
    most a quarter is padding, a tenth on average.

    >>> [rung(size, step=16) for size in (1, 16, 17, 128, 129, 300, 520)]
    [16, 16, 32, 128, 160, 320, 640]
    """
    while size > 8 * step:
        step *= 2
    return -(-size // step) * step


def padded_width(width: int) -> int:
    """The width that a crop's batch is padded to; a matter of the crop alone."""
    return rung(width, step=16)


def batch_capacity(width: int, *, max_pixels: int) -> int:
    """How many crops of this padded width make `max_pixels`; always at least one."""
    return max(1, max_pixels // (width * HEIGHT))


def group_by_width(widths: Sequence[int], *, max_pixels: int) -> list[list[int]]:
    """Indices of crops, grouped by padded width, the narrowest first, within `batch_capacity`.

    >>> group_by_width([100, 8, 90, 10], max_pixels=32 * 200)
    [[1, 3], [2], [0]]
    """
    rungs = defaultdict(list)
    for index, width in enumerate(widths):
        rungs[padded_width(width)].append(index)
    groups = []
    for width, indices in sorted(rungs.items()):
        count = batch_capacity(width, max_pixels=max_pixels)
        groups += [indices[start : start + count] for start in range(0, len(indices), count)]
    return groups


def collate(crops: Sequence[np.ndarray], *, rows: int | None = None) -> tuple[Tensor, Tensor]:
    """Stack grey crops (32, w) -> images (B, 1, 32, W) float32 and true widths (B,) int64.

    Each crop is standardised by its own mean and deviation (ink and paper of any brightness
    come out alike), then padded with zeros at the right. With `rows`, blank rows, as wide
    as the widest crop so that nothing of them is masked, fill the batch up to that many.
    """
    widths = [crop.shape[1] for crop in crops]
    rows = rows or len(crops)
    images = np.zeros((rows, 1, HEIGHT, padded_width(max(widths))), dtype=np.float32)
    for image, crop in zip(images, crops, strict=False):
        mean, deviation = (float(value[0, 0]) for value in cv2.meanStdDev(crop))
        values = np.subtract(crop, mean, out=image[0, :, : crop.shape[1]], dtype=np.float32)
        # The floor keeps sensor noise on a blank crop from being blown up to look like ink.
        values /= max(deviation, 12.0)
    return torch.from_numpy(images), torch.tensor(widths + [max(widths)] * (rows - len(crops)))
