"""The batches of a run: the same ones, whether it ran through or was cut and resumed."""

import itertools
import logging
import signal
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any

import torch

logger = logging.getLogger(__name__)


class Stream:
    """Endless batches, of which the one of any step can be found again.

    Every `segment` steps the data start anew, from a seed made of the step. A run that goes on
    seeds the segment in which it was cut, passes over the batches that it has seen, and restores
    the state of torch's generator: from there on everything is drawn as if it had never stopped.

    Args:
        loader: makes the data; called at each segment, for datasets may keep generators.
        seed: of the run, one of its own for each process.
        segment: steps; long ones cost time when a run goes on, short ones restart workers often.
        check: called at each batch that is passed over; may raise, to end that.
    """

    def __init__(
        self,
        loader: Callable[[], Iterable[Any]],
        *,
        seed: int,
        segment: int,
        check: Callable[[], Any] = lambda: None,
    ):
        self.loader = loader
        self.seed = seed
        self.segment = segment
        self.check = check
        self.start = 0
        self.generators: dict[str, torch.Tensor] | None = None

    def resume(self, step: int, generators: dict[str, torch.Tensor] | None) -> None:
        """Begin with the batch of `step`; `generators` is `generator_states()` before it."""
        self.start, self.generators = step, generators

    def __iter__(self) -> Generator[Any]:
        """Begin; the workers end with the generator, at the latest when it is closed."""
        step = self.start
        while True:
            seen = step % self.segment
            torch.manual_seed(self.seed + step - seen)
            batches = _on_its_own(self.loader())
            if seen:
                logger.info("passing over the %d batches seen since the last evaluation", seen)
                for _ in range(seen):
                    self.check()
                    _next(batches)
                if self.generators is not None:
                    restore_generators(self.generators)
            for _ in range(self.segment - seen):
                yield _next(batches)
            step += self.segment - seen
            del batches  # its workers end before the next ones begin


def _on_its_own(loader: Iterable[Any]) -> Iterator[Any]:
    """The loader's batches, made by workers that leave all signals to the process of the run.

    Ctrl-C goes to a whole process group, and workers would die of it before the step in hand is
    done. They begin with the signals that are blocked here, and end when the run's process does.
    """
    stops = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    listening = threading.current_thread() is threading.main_thread()
    on_death = signal.getsignal(signal.SIGCHLD)
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, stops)
    try:
        batches = iter(loader)
        first = _next(batches)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        # torch's handler raises the death of a worker anywhere, amid a step or a file; the next
        # batch is soon enough.
        if listening:
            signal.signal(signal.SIGCHLD, on_death)
    return itertools.chain([first], batches)


def _next(batches: Iterator[Any]) -> Any:
    try:
        return next(batches)
    except StopIteration:
        raise ValueError("the data ended: they must be endless") from None
    except (RuntimeError, ConnectionError, EOFError) as error:
        # A worker may also die while what it made is being fetched from it.
        if isinstance(error, RuntimeError) and not str(error).startswith("DataLoader worker (pid"):
            raise
        raise ChildProcessError(
            "a worker that makes batches was killed, mostly because memory ran out; close other "
            "programs or lower data.num_workers, and go on with --resume"
        ) from error


def generator_states() -> dict[str, torch.Tensor]:
    """State of torch's generators: dropout draws on them."""
    states = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_initialized():
        states["cuda"] = torch.cuda.get_rng_state()
    return states


def restore_generators(states: dict[str, torch.Tensor]) -> None:
    """Inverse of `generator_states`; a state of a device that is not in use is left alone."""
    torch.set_rng_state(states["cpu"])
    if "cuda" in states and torch.cuda.is_initialized():
        torch.cuda.set_rng_state(states["cuda"])
