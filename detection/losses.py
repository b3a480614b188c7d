"""The loss of DB (Liao et al. 2020, arXiv 1911.08947, section 3.6)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class DBLoss(nn.Module):
    """Cross entropy with hard negatives + dice of the approximate binary map + L1 of the threshold.

    Args:
        negative_ratio: negative pixels that count for each positive one, the hardest first.
        k: steepness of the approximate binary map, sigmoid(k * (probability - threshold)).
        probability_weight, binary_weight, threshold_weight: factors of the three losses.

    Computed in float32 whatever the precision of the maps, and finite without any positive pixel.
    """

    def __init__(
        self,
        *,
        negative_ratio: float = 3.0,
        k: float = 50.0,
        probability_weight: float = 5.0,
        binary_weight: float = 1.0,
        threshold_weight: float = 10.0,
    ):
        super().__init__()
        self.negative_ratio = negative_ratio
        self.k = k
        self.probability_weight = probability_weight
        self.binary_weight = binary_weight
        self.threshold_weight = threshold_weight

    def forward(self, probability: Tensor, threshold: Tensor, targets: Tensor) -> dict[str, Tensor]:
        """The three weighted losses.

        Args:
            probability, threshold: logits (B, 1, H, W).
            targets: (B, 4, H, W), the rows of `targets.TextMaps`.
        """
        probability, threshold = probability.float()[:, 0], threshold.float()[:, 0]
        text, text_mask, border, border_mask = targets.float().unbind(1)
        binary = torch.sigmoid(self.k * (torch.sigmoid(probability) - torch.sigmoid(threshold)))
        distance = F.l1_loss(torch.sigmoid(threshold), border, reduction="none") * border_mask
        losses = {
            "loss_probability": self.probability_weight
            * balanced_cross_entropy(probability, text, text_mask, self.negative_ratio),
            "loss_binary": self.binary_weight * dice_loss(binary, text, text_mask),
            "loss_threshold": self.threshold_weight
            * distance.sum()
            / border_mask.sum().clamp(min=1),
        }
        return losses


def balanced_cross_entropy(
    logits: Tensor, target: Tensor, mask: Tensor, negative_ratio: float
) -> Tensor:
    """Mean cross entropy of the positive pixels and the hardest `negative_ratio` times as many,
    weighted by `mask`.

    A batch without text still learns from its hardest hundredth of a pixel count.
    """
    loss = F.binary_cross_entropy_with_logits(logits, target, reduction="none") * mask
    positive = (target > 0.5) & (mask > 0)
    negative_loss = loss[(target <= 0.5) & (mask > 0)]
    positives = int(positive.sum())
    count = min(negative_loss.numel(), max(int(positives * negative_ratio), loss.numel() // 100))
    hardest = negative_loss.topk(count, sorted=False).values
    return (loss[positive].sum() + hardest.sum()) / max(positives + count, 1)


def dice_loss(prediction: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """1 - 2 |P T| / (|P| + |T|) over the pixels of the batch weighted by `mask`, 0 if empty."""
    overlap = (prediction * target * mask).sum()
    total = ((prediction + target) * mask).sum()
    return 1 - (2 * overlap + 1) / (total + 1)
