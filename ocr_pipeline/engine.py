"""The training engine of both stages: Detectron2's trainer and hooks around any objective.

An objective is a module whose training forward takes a batch and returns a dict of losses. The
engine knows nothing of text: models, data and evaluation come from a LazyConfig (configs/).
"""

import copy
import logging
import math
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig
from torch import nn

from detection.d2 import (
    CommonMetricPrinter,
    DetectionCheckpointer,
    HookBase,
    JSONWriter,
    SimpleTrainer,
    TensorboardXWriter,
    hooks,
    instantiate,
)
from ocr_pipeline.device import resolve_device
from ocr_pipeline.weights import load_state, save_weights

logger = logging.getLogger(__name__)

#: Steps in a row without a finite loss or gradient after which a run is called broken.
PATIENCE = 50


class Trainer(SimpleTrainer):
    """SimpleTrainer with autocast on any device, clipped gradients and skipped bad steps."""

    def __init__(
        self,
        *,
        objective: nn.Module,
        loader: Iterable[Any],
        optimizer: torch.optim.Optimizer,
        device: torch.device,
        dtype: torch.dtype,
        clip_norm: float,
    ):
        super().__init__(objective, loader, optimizer)
        self.device_type = device.type
        self.dtype = dtype
        self.clip_norm = clip_norm
        self.scaler = torch.amp.GradScaler(device.type, enabled=dtype == torch.float16)
        self.skipped = 0
        self.skipped_in_a_row = 0  # above 0: the step just made was skipped

    def run_step(self) -> None:
        """One batch: forward in `dtype`, backward, clip, step unless something is not finite."""
        start = time.perf_counter()
        batch = next(self._data_loader_iter)
        data_time = time.perf_counter() - start
        with torch.autocast(
            self.device_type, dtype=self.dtype, enabled=self.dtype != torch.float32
        ):
            losses = self.model(batch)
        self.optimizer.zero_grad()
        self.scaler.scale(sum(losses.values())).backward()
        self.scaler.unscale_(self.optimizer)
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), self.clip_norm)
        if torch.isfinite(norm):
            self.skipped_in_a_row = 0
            self._write_metrics(losses, data_time)
            self.storage.put_scalars(grad_norm=norm.item(), skipped_steps=self.skipped)
            self.scaler.step(self.optimizer)
        else:
            self._skip(losses)
        self.scaler.update()

    def _skip(self, losses: Mapping[str, torch.Tensor]) -> None:
        self.skipped += 1
        self.skipped_in_a_row += 1
        values = {name: loss.item() for name, loss in losses.items()}
        logger.warning("step %d skipped: losses %s, gradient not finite", self.iter, values)
        if self.skipped_in_a_row >= PATIENCE:
            raise FloatingPointError(
                f"{PATIENCE} steps in a row had no finite loss or gradient, last {values}; lower "
                "train.lr, train in float32 (train.dtype=float32), and check the data"
            )

    def state_dict(self) -> dict[str, Any]:
        """Everything a resumed run needs beside the model."""
        return {**super().state_dict(), "scaler": self.scaler.state_dict()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Inverse of `state_dict`."""
        super().load_state_dict(state_dict)
        self.scaler.load_state_dict(state_dict["scaler"])


class AveragedWeights(HookBase):
    """Exponential moving average of the weights (Polyak), what is evaluated and shipped.

    The decay grows with the steps, min(decay, (1 + n) / (10 + n)), so that a short run is not
    left with its first weights.
    """

    def __init__(self, *, model: nn.Module, decay: float):
        self.source = model
        self.decay = decay
        self.steps = 0
        self.model = copy.deepcopy(model).eval().requires_grad_(False)

    @torch.no_grad()
    def after_step(self) -> None:
        """Move the average towards the weights just stepped."""
        averages, values = self.model.state_dict(), self.source.state_dict()
        if self.trainer.skipped_in_a_row:
            # The forward pass of a bad step has spoilt the statistics of the batch norms.
            for name, _ in self.source.named_buffers():
                if name in values:
                    values[name].copy_(averages[name])
            return
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        floats = [name for name, value in values.items() if value.is_floating_point()]
        torch._foreach_lerp_(
            [averages[name] for name in floats], [values[name] for name in floats], 1 - decay
        )
        for name in values.keys() - floats:
            averages[name].copy_(values[name])

    def state_dict(self) -> dict[str, Any]:
        """The average and its age."""
        return {"model": self.model.state_dict(), "steps": self.steps}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Inverse of `state_dict`."""
        self.model.load_state_dict(state_dict["model"])
        self.steps = state_dict["steps"]


class LearningRate(HookBase):
    """Sets the rate of each step from its number alone, so that a resumed run needs no memory."""

    def __init__(self, *, peak: float, steps: int, warmup: int):
        self.peak = peak
        self.steps = steps
        self.warmup = warmup

    def before_step(self) -> None:
        """Set the rate of the step to come."""
        factor = cosine_schedule(self.trainer.iter, steps=self.steps, warmup=self.warmup)
        for group in self.trainer.optimizer.param_groups:
            group["lr"] = self.peak * factor
        self.trainer.storage.put_scalar("lr", self.peak * factor, smoothing_hint=False)


class TimedCheckpoints(HookBase):
    """Saves the whole state every `minutes` and at the end, the last one alone kept."""

    def __init__(self, *, checkpointer: DetectionCheckpointer, minutes: float):
        self.checkpointer = checkpointer
        self.seconds = minutes * 60
        self.saved_at = time.monotonic()

    def after_step(self) -> None:
        """Save when the time has come."""
        if time.monotonic() - self.saved_at >= self.seconds:
            self.save()

    def after_train(self) -> None:
        """Save the end, or the point at which the run was stopped."""
        self.save()

    def save(self) -> None:
        """Write last.pth whole or not at all."""
        self.checkpointer.save("writing", iteration=self.trainer.iter)
        folder = Path(self.checkpointer.save_dir)
        (folder / "writing.pth").replace(folder / "last.pth")
        self.saved_at = time.monotonic()


def cosine_schedule(step: int, *, steps: int, warmup: int, floor: float = 0.02) -> float:
    """Learning-rate factor: linear warm-up, then half a cosine down to `floor`.

    >>> [round(cosine_schedule(s, steps=100, warmup=10), 2) for s in (0, 9, 10, 55, 100)]
    [0.1, 1.0, 1.0, 0.51, 0.02]
    """
    if step < warmup:
        return (step + 1) / warmup
    progress = min(1.0, (step - warmup) / max(1, steps - warmup))
    return floor + (1 - floor) * (1 + math.cos(math.pi * progress)) / 2


def parameter_groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Decay for weight matrices and kernels, none for biases and norms."""
    matrices = [p for p in model.parameters() if p.ndim > 1]
    vectors = [p for p in model.parameters() if p.ndim <= 1]
    return [
        {"params": matrices, "weight_decay": weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]


def train(cfg: DictConfig, *, out: Path, resume: bool = False) -> Path:
    """Run the training that a config describes.

    The config has `model`, `data` (iterable of batches), `train` (see configs/common.py), and
    optionally `objective` (called with model=...), `evaluate` (called with the averaged model,
    returns figures), `codec` (a recognizer's) and `resolution` (a detector's).

    Args:
        out: folder of the run: last.pth, weights.safetensors, metrics.json, TensorBoard events.
        resume: go on from out/last.pth.

    Returns:
        The path of the averaged weights, out/weights.safetensors.
    """
    settings = cfg.train
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(settings.seed)
    if settings.threads:
        torch.set_num_threads(settings.threads)
    device = resolve_device(settings.device)
    model = instantiate(cfg.model)
    if settings.init:
        load_state(model, settings.init)
    model.to(device, memory_format=torch.channels_last)
    objective = instantiate({**cfg.objective, "model": model}) if "objective" in cfg else model
    optimizer = torch.optim.AdamW(
        parameter_groups(model, settings.weight_decay), lr=settings.lr, betas=(0.9, 0.98)
    )
    # The data draw on torch's seed: a run that goes on sees new pages, not its first ones again.
    start = _first_step(out / "last.pth", resume)
    torch.manual_seed(settings.seed + start)
    trainer = Trainer(
        objective=objective,
        loader=instantiate(cfg.data),
        optimizer=optimizer,
        device=device,
        dtype=_dtype(settings.dtype),
        clip_norm=settings.clip_norm,
    )
    average = AveragedWeights(model=model, decay=settings.average)
    checkpointer = DetectionCheckpointer(model, str(out), trainer=trainer)

    extras: dict[str, Any] = {"charset": cfg.codec.charset} if "codec" in cfg else {}
    if "resolution" in cfg:
        extras["resolution"] = cfg.resolution

    def export() -> Path:
        path = out / "weights.safetensors"
        save_weights(path, average.model, cfg.model, **extras)
        return path

    trainer.register_hooks(
        [
            hooks.IterationTimer(),
            LearningRate(peak=settings.lr, steps=settings.steps, warmup=settings.warmup),
            average,
            TimedCheckpoints(checkpointer=checkpointer, minutes=settings.checkpoint_minutes),
            *_evaluation_hooks(cfg, average.model, export),
            hooks.PeriodicWriter(
                [
                    CommonMetricPrinter(settings.steps),
                    JSONWriter(str(out / "metrics.json")),
                    TensorboardXWriter(str(out)),
                ],
                period=settings.log_period,
            ),
        ]
    )
    if resume:
        checkpointer.load(str(out / "last.pth"))
    trainer.train(start, settings.steps)
    return export()


def _first_step(checkpoint: Path, resume: bool) -> int:
    """The step to begin with; refuses to resume nothing and to write over a run."""
    if not resume:
        if checkpoint.exists():
            raise FileExistsError(
                f"{checkpoint.parent}: holds a run already; add --resume to go on with it, or "
                "name another folder with --out"
            )
        return 0
    if not checkpoint.exists():
        raise FileNotFoundError(f"{checkpoint}: no checkpoint to resume; leave --resume out")
    # Mapped, not read: the checkpointer will read it, and here it is one number.
    return torch.load(checkpoint, map_location="cpu", weights_only=True, mmap=True)["iteration"] + 1


def _dtype(name: str) -> torch.dtype:
    types = {"bfloat16": torch.bfloat16, "float16": torch.float16, "float32": torch.float32}
    if name not in types:
        raise ValueError(f"train.dtype is {name!r}; use one of {', '.join(types)}")
    return types[name]


def _evaluation_hooks(
    cfg: DictConfig, model: nn.Module, export: Callable[[], Path]
) -> list[HookBase]:
    if "evaluate" not in cfg:
        return []
    evaluate = instantiate(cfg.evaluate)

    def run() -> dict[str, float]:
        figures = evaluate(model)
        logger.info("evaluation: %s", {name: round(value, 2) for name, value in figures.items()})
        export()
        return figures

    return [hooks.EvalHook(cfg.train.eval_period, run)]
