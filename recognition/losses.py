"""The recognizer's training objective: CTC made safe."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from recognition.codec import Codec
from recognition.model import CRNN, time_steps
from recognition.recognizer import Recognizer


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
        return {"loss_ctc": _ctc(_log_probs(self.model, batch), batch)}

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


class DistilledObjective(CTCObjective):
    """A CRNN that learns from a trained recognizer too (Hinton et al. 2015, arXiv 1503.02531).

    Besides the CTC loss, the Kullback-Leibler divergence of its classes from the teacher's, mean
    over the valid time steps, times `weight`: a label says what stands in a crop, the teacher also
    where, and what it might be taken for.

    Raises:
        ValueError: the teacher reads another charset.
    """

    def __init__(self, *, model: CRNN, codec: Codec, teacher: Recognizer, weight: float = 4.0):
        super().__init__(model=model)
        if teacher.codec.charset != codec.charset:
            raise ValueError(
                f"the teacher {teacher.source} reads {len(teacher.codec.symbols)} symbols, not the "
                f"{len(codec.symbols)} that the model is to learn; give both one charset"
            )
        device = next(model.parameters()).device
        self.teacher = teacher.model.to(device).requires_grad_(False)
        self.weight = weight

    def train(self, mode: bool = True) -> "DistilledObjective":
        """Only the model is in training, never the teacher."""
        super().train(mode)
        self.teacher.eval()
        return self

    def forward(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """As `CTCObjective`, and the divergence."""
        said = _log_probs(self.model, batch)
        with torch.no_grad():
            known = _log_probs(self.teacher, batch)
        steps = torch.arange(said.shape[1])[None] < time_steps(batch["widths"])[:, None]  # B, T
        steps = steps.to(said.device)
        divergence = F.kl_div(said[steps], known[steps], log_target=True, reduction="batchmean")
        return {"loss_ctc": _ctc(said, batch), "loss_distillation": self.weight * divergence}


def _log_probs(model: CRNN, batch: dict[str, Tensor]) -> Tensor:
    """(B, T, V), in float32."""
    device = next(model.parameters()).device
    logits = model(batch["images"].to(device), batch["widths"].to(device))
    return logits.float().log_softmax(dim=2)


def _ctc(log_probs: Tensor, batch: dict[str, Tensor]) -> Tensor:
    device = log_probs.device
    with torch.autocast(device.type, enabled=False):
        return F.ctc_loss(
            log_probs.transpose(0, 1),  # T, B, V
            batch["labels"].to(device),
            time_steps(batch["widths"].to(device)),
            batch["lengths"].to(device),
            blank=Codec.BLANK,
            reduction="mean",
            zero_infinity=True,
        )
