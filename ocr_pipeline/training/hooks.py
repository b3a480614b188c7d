"""What happens around the steps of a run: averaging, rates, validation, checkpoints."""

import copy
import logging
import math
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import nn

from detection.d2 import DetectionCheckpointer, HookBase, comm, hooks
from ocr_pipeline.files import atomic

logger = logging.getLogger(__name__)


class EndOfRun(BaseException):  # not an Exception: the trainer would log it as a fault
    """Ends a run before its last step: (why, exit code or 0)."""

    def __init__(self, reason: str, code: int = 0):
        super().__init__(reason)
        self.code = code


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


class Validation(hooks.EvalHook):
    """Evaluates the averaged model, keeps the best weights, and ends a run that gets no better.

    Args:
        period: steps from one evaluation to the next.
        evaluate: model -> figures {"set/figure": value}; its `sheet(model)`, if it has one, is a
            picture of samples and goes to out/samples.
        model: the averaged model.
        export: writes its weights.
        out: folder of the run.
        metric: the figure by which weights are the best ("cer" at its end: the lower the better);
            the start is measured too, so a run never ends worse than it began. "" keeps the last.
        patience: evaluations in a row without a better figure that end the run; 0 for never.
    """

    def __init__(
        self,
        *,
        period: int,
        evaluate: Callable[[nn.Module], dict[str, float]],
        model: nn.Module,
        export: Callable[[], Any],
        out: Path,
        metric: str,
        patience: int,
    ):
        super().__init__(period, self._measure)
        self.evaluate, self.model, self.export = evaluate, model, export
        self.out, self.metric, self.patience = out, metric, patience
        self.before: dict[str, float] = {}
        self.best: dict[str, float] = {}
        self.best_step = 0
        self.waited = 0

    def before_train(self) -> None:
        """Measure the start, if the best weights are to be kept."""
        if self.metric and not self.before:
            if not comm.is_main_process():
                return
            self.best = self.before = self._figures(0)
            if self.metric not in self.before:
                raise ValueError(
                    f"train.best is {self.metric!r}, but the evaluation gives "
                    f"{', '.join(self.before)}"
                )
            self.trainer.storage.put_scalars(**self.before, smoothing_hint=False)
            self.export()

    def before_step(self) -> None:
        """End a run that has not got better for long."""
        if self.patience and max(comm.all_gather(self.waited)) >= self.patience:
            raise EndOfRun(
                f"no better {self.metric} in {self.patience} evaluations since step "
                f"{self.best_step}: the run ends early"
            )

    def _measure(self) -> dict[str, float]:
        if not comm.is_main_process():
            return {}
        step = min(self.trainer.iter + 1, self.trainer.max_iter)
        figures = self._figures(step)
        if not self.metric:
            self.export()
        elif self._score(figures) > self._score(self.best):
            self.best, self.best_step, self.waited = figures, step, 0
            self.export()
        else:
            self.waited += 1
        return figures

    def _figures(self, step: int) -> dict[str, float]:
        figures = self.evaluate(self.model)
        rounded = {name: round(value, 2) for name, value in figures.items()}
        logger.info("evaluation at step %d: %s", step, rounded)
        if hasattr(self.evaluate, "sheet"):
            write_picture(self.out / "samples" / f"{step:06}.png", self.evaluate.sheet(self.model))
        return figures

    def _score(self, figures: dict[str, float]) -> float:
        return figures[self.metric] * (-1 if self.metric.endswith("cer") else 1)

    def state_dict(self) -> dict[str, Any]:
        """What has been measured so far."""
        names = ("before", "best", "best_step", "waited")
        return {name: getattr(self, name) for name in names}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Inverse of `state_dict`."""
        for name, value in state_dict.items():
            setattr(self, name, value)


class TimedCheckpoints(HookBase):
    """Saves the whole state every `minutes` and at the end, the last one alone kept.

    Only what whole steps have left is saved: a run that breaks within a step leaves the checkpoint
    before it.
    """

    def __init__(self, *, checkpointer: DetectionCheckpointer, minutes: float):
        self.checkpointer = checkpointer
        self.path = Path(checkpointer.save_dir) / "last.pth"
        self.seconds = minutes * 60
        self.saved_at = time.monotonic()
        self.whole = False

    def before_step(self) -> None:
        """A step begins."""
        self.whole = False

    def after_step(self) -> None:
        """Save when the time has come; a full disk costs a warning, not the run."""
        self.whole = True
        if time.monotonic() - self.saved_at < self.seconds:
            return
        try:
            self.save(self.trainer.iter)
        except OSError as error:
            logger.warning("%s could not be written (%s): the one before it stays and the run "
                           "goes on; make room on the disk", self.path, error)  # fmt: skip
            self.saved_at = time.monotonic()

    def after_train(self) -> None:
        """Save the end, or the point at which the run was stopped."""
        if self.whole:
            self.save(self.trainer.iter - 1)

    def save(self, step: int) -> None:
        """Write last.pth, the state after `step`, whole or not at all."""
        if comm.is_main_process():
            state = {
                "model": self.checkpointer.model.state_dict(),
                "trainer": self.trainer.state_dict(),
                "iteration": step,
            }
            with atomic(self.path) as file:
                torch.save(state, file)
        self.saved_at = time.monotonic()


class StopOnSignal(HookBase):
    """Ends the run after the step in hand when the process is told to stop (Ctrl-C, SIGTERM).

    A second signal does what it always does.
    """

    def __init__(self) -> None:
        self.received = 0
        self.handlers: dict[int, Any] = {}

    def before_train(self) -> None:
        """Listen."""
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self.handlers[number] = signal.signal(number, self._receive)

    def _receive(self, number: int, _: Any) -> None:
        self.received = number
        self.after_train()

    def before_step(self) -> None:
        """End the run, if it was told to stop."""
        if self.received:
            raise EndOfRun("told to stop; --resume goes on", 128 + self.received)

    def after_train(self) -> None:
        """Listen no longer."""
        for number, handler in self.handlers.items():
            signal.signal(number, handler)
        self.handlers.clear()


def write_picture(path: Path, image: np.ndarray) -> None:
    """Write RGB uint8 (H, W, 3) as PNG, whole or not at all."""
    with atomic(path) as file:
        file.write(cv2.imencode(".png", image[..., ::-1])[1].tobytes())


def cosine_schedule(step: int, *, steps: int, warmup: int, floor: float = 0.02) -> float:
    """Learning-rate factor: linear warm-up, then half a cosine down to `floor`.

    >>> [round(cosine_schedule(s, steps=100, warmup=10), 2) for s in (0, 9, 10, 55, 100)]
    [0.1, 1.0, 1.0, 0.51, 0.02]
    """
    if step < warmup:
        return (step + 1) / warmup
    progress = min(1.0, (step - warmup) / max(1, steps - warmup))
    return floor + (1 - floor) * (1 + math.cos(math.pi * progress)) / 2
