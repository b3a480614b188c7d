"""The batches of a run: the same ones, whether it ran through or was cut and resumed."""

import logging
from collections.abc import Callable, Iterable, Iterator
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
    """

    def __init__(self, loader: Callable[[], Iterable[Any]], *, seed: int, segment: int):
        self.loader = loader
        self.seed = seed
        self.segment = segment
        self.start = 0
        self.generators: dict[str, torch.Tensor] | None = None

    def resume(self, step: int, generators: dict[str, torch.Tensor] | None) -> None:
        """Begin with the batch of `step`; `generators` is `generator_states()` before it."""
        self.start, self.generators = step, generators

    def __iter__(self) -> Iterator[Any]:
        step = self.start
        while True:
            seen = step % self.segment
            torch.manual_seed(self.seed + step - seen)
            batches = iter(self.loader())
            if seen:
                logger.info("passing over the %d batches seen since the last evaluation", seen)
                for _ in range(seen):
                    next(batches)
                if self.generators is not None:
                    restore_generators(self.generators)
            for _ in range(self.segment - seen):
                try:
                    yield next(batches)
                except StopIteration:
                    raise ValueError("the data ended: they must be endless") from None
            step += self.segment - seen
            del batches  # its workers end before the next ones begin


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
