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

from detection.d2 import DetectionCheckpointer, HookBase, comm
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


class Validation(HookBase):
    """Evaluates the averaged model, keeps the best weights, and ends a run that gets no better.

    Args:
        period: steps from one evaluation to the next; the last step is always followed by one.
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
        self.period = period
        self.evaluate, self.model, self.export = evaluate, model, export
        self.out, self.metric, self.patience = out, metric, patience
        self.before: dict[str, float] = {}
        self.best: dict[str, float] = {}
        self.best_step = 0
        self.waited = 0
        self.measured = 0  # the last step that an evaluation followed

    def before_train(self) -> None:
        """Measure the start, if the best weights are to be kept."""
        start = self.trainer.start_iter
        if self.measured < start and self._is_due(start):
            self._measure(start)  # the run was cut in this evaluation
        if self.metric and not self.before and comm.is_main_process():
            self.best = self.before = self._figures(0)
            if self.metric not in self.before:
                raise ValueError(
                    f"train.best is {self.metric!r}, but the evaluation gives "
                    f"{', '.join(self.before)}"
                )
            self.export()

    def before_step(self) -> None:
        """End a run that has not got better for long."""
        if self.patience and max(comm.all_gather(self.waited)) >= self.patience:
            raise EndOfRun(
                f"no better {self.metric} in {self.patience} evaluations since step "
                f"{self.best_step}: the run ends early"
            )

    def after_step(self) -> None:
        """Measure, if it is time; the end only after the other hooks have seen the last step."""
        step = self.trainer.iter + 1
        if self._is_due(step) and step < self.trainer.max_iter:
            self._measure(step)

    def after_train(self) -> None:
        """Measure the end, if the run came to it."""
        if self.trainer.iter == self.trainer.max_iter:
            self._measure(self.trainer.max_iter)

    def _is_due(self, step: int) -> bool:
        return step == self.trainer.max_iter or (self.period > 0 and step % self.period == 0)

    def _measure(self, step: int) -> None:
        if comm.is_main_process():
            figures = self._figures(step)
            if not self.metric:
                self.export()
            elif self._score(figures) > self._score(self.best):
                self.best, self.best_step, self.waited = figures, step, 0
                self.export()
            else:
                self.waited += 1
        self.measured = step
        comm.synchronize()  # evaluations take their time, and on one process alone

    def _figures(self, step: int) -> dict[str, float]:
        with torch.random.fork_rng(devices=[]):
            # Of endless pages, the same each time. (torch.manual_seed would touch GPUs' too.)
            torch.default_generator.manual_seed(0)
            figures = self.evaluate(self.model)
            rounded = {name: round(value, 2) for name, value in figures.items()}
            logger.info("evaluation at step %d: %s", step, rounded)
            if hasattr(self.evaluate, "sheet"):
                sheet = self.evaluate.sheet(self.model)
                write_picture(self.out / "samples" / f"{step:06}.png", sheet)
        self.trainer.storage.put_scalars(**figures, smoothing_hint=False)
        return figures

    def _score(self, figures: dict[str, float]) -> float:
        return figures[self.metric] * (-1 if self.metric.endswith("cer") else 1)

    def state_dict(self) -> dict[str, Any]:
        """What has been measured so far."""
        names = ("before", "best", "best_step", "waited", "measured")
        return {name: getattr(self, name) for name in names}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Inverse of `state_dict`."""
        for name, value in state_dict.items():
            setattr(self, name, value)


class Checkpoints(HookBase):
    """Saves the whole state every `minutes`, the last one alone kept.

    Only what whole steps have left is saved: a run that breaks within a step leaves the checkpoint
    before it.
    """

    def __init__(self, *, checkpointer: DetectionCheckpointer, minutes: float):
        self.checkpointer = checkpointer
        self.path = Path(checkpointer.save_dir) / "last.pth"
        self.seconds = minutes * 60
        self.saved_at = time.monotonic()
        self.made: int | None = None  # the last step made

    def after_step(self) -> None:
        """Save when the time has come; a full disk costs a warning, not the run."""
        self.made = self.trainer.iter
        self.trainer.within_step = False
        if time.monotonic() - self.saved_at < self.seconds:
            return
        try:
            self.save()
        except OSError as error:
            logger.warning("%s; the run goes on", error)
            self.saved_at = time.monotonic()

    def save(self) -> None:
        """Write last.pth, the state after the last step made, whole or not at all.

        Raises:
            OSError: the disk is full; what was saved before is still there.
        """
        if self.made is None or self.trainer.within_step:
            return
        if comm.is_main_process():
            state = {
                "model": self.checkpointer.model.state_dict(),
                "trainer": self.trainer.state_dict(),
                "iteration": self.made,
            }
            try:
                with atomic(self.path) as file:
                    torch.save(state, file)
            except (OSError, RuntimeError) as error:
                # torch raises an error of its own from the system's.
                reason = error if isinstance(error, OSError) else error.__context__
                if not isinstance(reason, OSError):
                    raise
                raise OSError(
                    f"{self.path} could not be written ({reason.strerror}): what was saved before "
                    "stays; make room on the disk"
                ) from error
        self.saved_at = time.monotonic()


class StopOnSignal(HookBase):
    """Ends the run after the step in hand when the process is told to stop.

    It listens, while it is entered, to Ctrl-C, SIGTERM, and the closing of the terminal; what the
    process was started to ignore (nohup) it goes on ignoring. A second Ctrl-C does what it always
    does. Others come twice where a launcher passes on what the whole group has got: once is enough.
    Of several processes all stop after the same step, when one of them was told.
    """

    def __init__(self) -> None:
        self.received = 0
        self.handlers: dict[int, Any] = {}

    def __enter__(self) -> "StopOnSignal":
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self.handlers[number] = signal.signal(number, self._receive)
        return self

    def __exit__(self, *_: Any) -> None:
        for number, handler in self.handlers.items():
            signal.signal(number, handler)

    def _receive(self, number: int, _: Any) -> None:
        self.received = self.received or number
        if number == signal.SIGINT:
            signal.signal(number, self.handlers.pop(number))

    def before_step(self) -> None:
        """End the run, if any of its processes was told to stop."""
        self._end(max(comm.all_gather(self.received)))

    def check(self, *_: Any) -> None:
        """The same wherever else a process alone may end: in evaluations, say."""
        if comm.get_world_size() == 1:
            self._end(self.received)

    def _end(self, number: int) -> None:
        if number:
            raise EndOfRun("told to stop", 128 + number)


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
