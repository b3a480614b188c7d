"""The recognizer's training objective: CTC made safe."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from recognition.codec import Codec
from recognition.model import CRNN, time_steps


class CTCObjective(nn.Module):
    """A CRNN under training: batch in, dict of losses out.

    The loss is the mean over words of the CTC loss divided by the label's length, in float32
    whatever the autocast type (log-probabilities underflow in half precision). Labels that do
    not fit their time steps are the data's business (`data.WordCrops` leaves them out by name);
    should one slip through, `zero_infinity` keeps it from poisoning the weights.
    """

    def __init__(self, *, model: CRNN):
        super().__init__()
        self.model = model

    def forward(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """batch: images (B, 1, 32, W), widths (B,), labels (sum of lengths,), lengths (B,)."""
        device = next(self.model.parameters()).device
        images, widths = batch["images"].to(device), batch["widths"].to(device)
        logits = self.model(images, widths)  # B, T, V
        with torch.autocast(device.type, enabled=False):
            log_probs = logits.float().log_softmax(dim=2).transpose(0, 1)  # T, B, V
            loss = F.ctc_loss(
                log_probs,
                batch["labels"].to(device),
                time_steps(widths),
                batch["lengths"].to(device),
                blank=Codec.BLANK,
                reduction="mean",
                zero_infinity=True,
            )
        return {"loss_ctc": loss}

    @staticmethod
    def split(batch: dict[str, Tensor], pieces: int) -> list[tuple[dict[str, Tensor], float]]:
        """The batch in at most so many parts, each with its share of the words."""
        size = -(-len(batch["widths"]) // pieces)
        lengths = batch["lengths"].split(size)
        parts = zip(
            batch["images"].split(size),
            batch["widths"].split(size),
            batch["labels"].split([int(part.sum()) for part in lengths]),
            lengths,
            strict=True,
        )
        names = ("images", "widths", "labels", "lengths")
        return [
            (dict(zip(names, part, strict=True)), len(part[1]) / len(batch["widths"]))
            for part in parts
        ]
