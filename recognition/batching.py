"""Crops of many widths -> batches of similar width, for training and inference alike."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from recognition.crops import HEIGHT


def group_by_width(
    widths: Sequence[int], *, max_pixels: int, max_count: int = 512
) -> list[list[int]]:
    """Indices of crops, grouped so that the crops of a group are of similar width.

    Sorted by width, then cut whenever the padded batch would exceed `max_pixels` (the widest
    times the count times 32) or `max_count`. A crop wider than the cap makes a batch alone.

    >>> group_by_width([100, 8, 90, 10], max_pixels=32 * 200)
    [[1, 3], [2, 0]]
    """
    groups: list[list[int]] = []
    for index in sorted(range(len(widths)), key=widths.__getitem__):
        group = groups[-1] if groups else None
        padded = widths[index] * HEIGHT * (len(group) + 1) if group else 0
        # A narrow crop beside one twice as wide is mostly padding: wasted work.
        if (
            group is None
            or padded > max_pixels
            or len(group) >= max_count
            or widths[index] > 1.3 * widths[group[0]] + 16
        ):
            groups.append([index])
        else:
            group.append(index)
    return groups


def collate(crops: Sequence[np.ndarray]) -> tuple[Tensor, Tensor]:
    """Stack grey crops (32, w) -> images (B, 1, 32, W) float32 and true widths (B,) int64.

    Each crop is standardised by its own mean and deviation (ink and paper of any brightness
    come out alike), then padded with zeros at the right to the widest, rounded up to 8.
    """
    widths = [crop.shape[1] for crop in crops]
    padded = -(-max(widths) // 8) * 8
    images = np.zeros((len(crops), 1, HEIGHT, padded), dtype=np.float32)
    for image, crop in zip(images, crops, strict=True):
        values = crop.astype(np.float32)
        # The floor keeps sensor noise on a blank crop from being blown up to look like ink.
        image[0, :, : crop.shape[1]] = (values - values.mean()) / max(values.std(), 12.0)
    return torch.from_numpy(images), torch.tensor(widths)
