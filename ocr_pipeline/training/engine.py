"""The training engine of both stages: Detectron2's trainer and hooks around any objective.

An objective is a module whose training forward takes a batch and returns a dict of losses. The
engine knows nothing of text: models, data and evaluation come from a LazyConfig (configs/, or
`recipe.fine_tuning`).
"""

import json
import logging
import sys
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig
from tabulate import tabulate
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parallel import DistributedDataParallel

from detection.d2 import (
    CommonMetricPrinter,
    DetectionCheckpointer,
    JSONWriter,
    TensorboardXWriter,
    comm,
    hooks,
    instantiate,
)
from ocr_pipeline.device import resolve_device
from ocr_pipeline.files import atomic
from ocr_pipeline.training.hooks import (
    AveragedWeights,
    Checkpoints,
    EndOfRun,
    LearningRate,
    StopOnSignal,
    Validation,
)
from ocr_pipeline.training.pictures import draw_curves
from ocr_pipeline.training.stream import Stream
from ocr_pipeline.training.trainer import Trainer
from ocr_pipeline.weights import load_state, read_calibration, save_weights
from recognition.data import describe_words

logger = logging.getLogger(__name__)

#: Points by which a figure of pages other than the user's may fall before a warning.
FORGOTTEN = 2.0


def train(cfg: DictConfig, *, out: Path, resume: bool = False) -> Path:
    """Run the training that a config describes.

    The config has `model`, `data` (iterable of batches), `train` (see configs/common.py), and
    optionally `objective` (called with model=...), `evaluate` (called with the averaged model,
    returns figures; its `extras`, if any, are kept with the weights), `codec` (a recognizer's) and
    `resolution` (a detector's).

    In one of several processes (torch.distributed) each makes batches of its own and gradients
    are averaged; the first one alone evaluates and writes.

    Args:
        out: folder of the run: weights.safetensors, last.pth, metrics.json, curves.png, samples/,
            report.json, TensorBoard events.
        resume: go on from out/last.pth: the same steps as if the run had not been cut.

    Returns:
        The path of the averaged weights, out/weights.safetensors: the best where `train.best`
        names a figure, else the last.

    Raises:
        SystemExit: the process was told to stop (by Ctrl-C, say) and has saved where it is.
        FloatingPointError, MemoryError: see `trainer.Trainer`.
        ChildProcessError: a worker that makes batches was killed; where the run is has been saved.
        OSError: the disk is full.
    """
    settings = cfg.train
    start = first_step(out / "last.pth", resume)
    out.mkdir(parents=True, exist_ok=True)
    if settings.threads:
        torch.set_num_threads(settings.threads)
    device = resolve_device(settings.device)
    model, objective = build(cfg, device)
    stop = StopOnSignal()
    stream = Stream(
        lambda: instantiate(cfg.data),
        seed=settings.seed + 1_000_003 * comm.get_rank(),
        segment=settings.eval_period or settings.steps,
        check=stop.check,
    )
    trainer = Trainer(
        objective=objective if comm.get_world_size() == 1 else synchronised(objective, device),
        stream=stream,
        optimizer=torch.optim.AdamW(
            parameter_groups(model, settings.weight_decay), lr=settings.lr, betas=(0.9, 0.98)
        ),
        device=device,
        dtype=_dtype(settings.dtype),
        clip_norm=settings.clip_norm,
        describe=(
            partial(describe_words, instantiate(cfg.codec))
            if "codec" in cfg
            else lambda batch: f"{len(batch)} windows"
        ),
    )
    if settings.freeze_norm:
        freeze_norms(model)  # after the trainer, which puts the whole model into training mode
    average = AveragedWeights(model=model, decay=settings.average)
    average.model.register_forward_pre_hook(stop.check)  # evaluations may take minutes
    evaluator = instantiate(cfg.evaluate) if "evaluate" in cfg else None

    # Kept where no evaluation tells.
    inherited = read_calibration(settings.init) if settings.init else {}

    def export() -> Path:
        path = out / "weights.safetensors"
        if comm.is_main_process():
            extras: dict[str, Any] = {"charset": cfg.codec.charset} if "codec" in cfg else {}
            if "resolution" in cfg:
                extras["resolution"] = cfg.resolution
            extras |= inherited | getattr(evaluator, "extras", {})
            save_weights(path, average.model, cfg.model, **extras)
        return path

    checkpointer = DetectionCheckpointer(model, str(out), trainer=trainer)
    checkpoints = Checkpoints(checkpointer=checkpointer, minutes=settings.checkpoint_minutes)
    validation = None
    if evaluator is not None:
        validation = Validation(
            period=settings.eval_period,
            evaluate=evaluator,
            model=average.model,
            export=export,
            out=out,
            metric=settings.best,
            patience=settings.patience,
        )
    writers = [
        CommonMetricPrinter(settings.steps),
        JSONWriter(str(out / "metrics.json")),
        TensorboardXWriter(str(out)),
    ]
    trainer.register_hooks(
        [
            stop,
            hooks.IterationTimer(),
            LearningRate(peak=settings.lr, steps=settings.steps, warmup=settings.warmup),
            average,
            checkpoints,
            validation,
            hooks.PeriodicWriter(writers, settings.log_period) if comm.is_main_process() else None,
        ]
    )
    if resume:
        checkpointer.load(str(out / "last.pth"))
        stream.resume(start, trainer.generators)
    with stop, closing(trainer):
        try:
            trainer.train(start, settings.steps)
        except EndOfRun as end:
            logger.info("%s", end)
            if end.code:
                saved = start or checkpoints.made is not None
                logger.info("--resume goes on" if saved else "no step was made: nothing to save")
                sys.exit(end.code)
        finally:
            checkpoints.save()
    if validation is None:  # which exports what it measures
        export()
    if comm.is_main_process():
        draw_curves(out)
        if validation is not None and validation.metric:
            write_report(out, validation)
    return out / "weights.safetensors"


def build(cfg: DictConfig, device: torch.device) -> tuple[nn.Module, nn.Module]:
    """The model on its device, with the weights and the frozen parts that `train` names; and the
    objective around it."""
    settings = cfg.train
    torch.manual_seed(settings.seed)
    model = instantiate(cfg.model)
    if settings.init:
        load_state(model, settings.init, charset=cfg.codec.charset if "codec" in cfg else "")
    for prefix in settings.freeze:
        if not any(name.startswith(str(prefix)) for name, _ in model.named_parameters()):
            parts = ", ".join(name for name, _ in model.named_children())
            raise ValueError(
                f"train.freeze: no parameter begins with {prefix!r}; there are {parts}"
            )
    for name, parameter in model.named_parameters():
        if name.startswith(tuple(settings.freeze)):
            parameter.requires_grad_(False)
    model.to(device, memory_format=torch.channels_last)
    return model, instantiate({**cfg.objective, "model": model}) if "objective" in cfg else model


def freeze_norms(model: nn.Module) -> None:
    """Batch norms keep the statistics that they have: few pages are no fair sample."""
    for module in model.modules():
        if isinstance(module, _BatchNorm):
            module.eval()


def synchronised(objective: nn.Module, device: torch.device) -> nn.Module:
    """The objective with gradients averaged over all processes.

    Each process makes its batches, so N of them learn from N times as much a step. (A detector's
    loader parts its `total_batch_size` among them instead.)
    """
    devices = [device] if device.type == "cuda" else None
    return DistributedDataParallel(objective, device_ids=devices, broadcast_buffers=False)


def write_report(out: Path, validation: Validation) -> None:
    """Log a table of the figures before and after, and write it to out/report.json."""
    before, after = validation.before, validation.best
    rows = [(name, before[name], after[name], after[name] - before[name]) for name in before]
    table = tabulate(rows, ("", "before", "after", "change"), floatfmt=("", ".2f", ".2f", "+.2f"))
    logger.info("step %d was the best by %s:\n%s", validation.best_step, validation.metric, table)
    if validation.best_step == 0:
        logger.warning(
            "no evaluation was better than the start, so the weights are those of the start; look "
            "at samples/ and curves.png, and see docs/troubleshooting.md"
        )
    own, _, figure = validation.metric.partition("/")
    for name in before:
        lost = (after[name] - before[name]) * (1 if figure == "cer" else -1)
        if name.endswith(f"/{figure}") and not name.startswith(f"{own}/") and lost > FORGOTTEN:
            logger.warning(
                "%s got worse by %.1f: the model forgets what it knew; raise --replay, lower "
                "train.lr, or freeze more (train.freeze)", name, lost
            )  # fmt: skip
    with atomic(out / "report.json") as file:
        report = {"best_step": validation.best_step, "before": before, "after": after}
        file.write(json.dumps(report, indent=1).encode())


def parameter_groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Decay for weight matrices and kernels, none for biases and norms."""
    learnt = [p for p in model.parameters() if p.requires_grad]
    matrices = [p for p in learnt if p.ndim > 1]
    vectors = [p for p in learnt if p.ndim <= 1]
    return [
        {"params": matrices, "weight_decay": weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]


def first_step(checkpoint: Path, resume: bool) -> int:
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
