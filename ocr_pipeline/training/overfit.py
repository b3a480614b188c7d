"""The shortest proof that a set-up can learn: one batch, again and again."""

import logging
import time
from typing import Any

import torch
from omegaconf import DictConfig

from detection.d2 import instantiate
from ocr_pipeline.device import resolve_device
from ocr_pipeline.training.engine import build, freeze_norms
from ocr_pipeline.training.trainer import split_list

logger = logging.getLogger(__name__)

#: Words, or windows, of the batch.
_WORDS, _WINDOWS = 8, 2
#: Shares of the first loss: what ends it, and what must be reached when time is up.
_BY_HEART, _LEARNT = 0.1, 0.5
#: Below this loss there is nothing to learn.
_ENOUGH = 0.02


class OverfitError(ValueError):
    """One batch could not be learnt by heart: the set-up is at fault; the message says how."""


def overfit_one_batch(cfg: DictConfig, *, seconds: float = 45, steps: int = 200) -> str:
    """Learn a few samples by heart, in float32, without anything random.

    Returns:
        A line about what was reached.

    Raises:
        OverfitError: the loss does not fall to half.
    """
    device = resolve_device(cfg.train.device)
    model, objective = build(cfg, device)
    torch.manual_seed(cfg.train.seed)
    batch: Any = next(iter(instantiate(cfg.data)))
    words = isinstance(batch, dict)
    pieces = -(-len(batch["widths"]) // _WORDS) if words else -(-len(batch) // _WINDOWS)
    parts = [part for part, _ in getattr(objective, "split", split_list)(batch, pieces)]
    objective.train()
    if cfg.train.init:  # statistics of a model that has seen nothing are of no use
        freeze_norms(model)
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.eval()
    with torch.no_grad():  # the part that the weights know least has most to teach
        known = [float(sum(objective(part).values())) for part in parts]
    if max(known) < _ENOUGH:
        return (
            f"the weights know this batch already (loss {max(known):.3g}): labels and pictures "
            "belong together, but there is little to learn"
        )
    part = parts[known.index(max(known))]
    learnt = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(learnt, lr=max(cfg.train.lr, 5e-4))
    losses: list[float] = []
    begun = time.monotonic()
    while len(losses) < steps and time.monotonic() - begun < seconds:
        loss = sum(objective(part).values())
        losses.append(loss.item())
        if losses[-1] < _BY_HEART * losses[0]:
            break
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learnt, cfg.train.clip_norm)
        optimizer.step()
    spent = time.monotonic() - begun
    outcome = f"loss {losses[0]:.3g} -> {min(losses):.3g} in {len(losses)} steps, {spent:.0f} s"
    if not min(losses) < _LEARNT * losses[0]:
        raise OverfitError(
            f"one batch could not be learnt by heart ({outcome}). If the loss moved "
            "at all, give it longer or a higher train.lr; if not, check train.freeze, and whether "
            "the labels belong to the pictures (a run draws them to samples/)"
        )
    return f"one batch was learnt by heart: {outcome}; the set-up works"
