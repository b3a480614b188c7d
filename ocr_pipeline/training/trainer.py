"""One training step, on any device, that survives what goes wrong."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from detection.d2 import SimpleTrainer, comm
from ocr_pipeline.training.stream import Stream, generator_states

logger = logging.getLogger(__name__)

#: Steps in a row without a finite loss or gradient after which a run is called broken.
PATIENCE = 50


class Trainer(SimpleTrainer):
    """SimpleTrainer with autocast on any device, clipped gradients and skipped bad steps.

    A batch that does not fit the memory is run in pieces whose gradients are added up, and so are
    all later ones: the step stays the same (but for batch norms, which see the pieces), it takes
    less memory.

    Args:
        objective: its training forward takes a batch and returns a dict of losses. Batches are
            lists, or it has `split(batch, pieces) -> [(piece, share of the batch), ...]`.
        stream: the batches.
        optimizer, device, dtype, clip_norm: see configs/common.py.
        describe: says of a batch what is in it, for messages about it.
    """

    def __init__(
        self,
        *,
        objective: nn.Module,
        stream: Stream,
        optimizer: torch.optim.Optimizer,
        device: torch.device,
        dtype: torch.dtype,
        clip_norm: float,
        describe: Callable[[Any], str],
    ):
        super().__init__(objective, stream, optimizer)
        self.device_type = device.type
        self.dtype = dtype
        self.clip_norm = clip_norm
        self.describe = describe
        self.scaler = torch.amp.GradScaler(device.type, enabled=dtype == torch.float16)
        self.pieces = 1  # of a batch, doubled when memory runs out
        self.skipped = 0
        self.skipped_in_a_row = 0  # above 0: the step just made was skipped
        self.generators: dict[str, torch.Tensor] | None = None  # of a checkpoint just loaded
        self.within_step = False  # the state is that of no whole number of steps

    def close(self) -> None:
        """End the workers that make batches."""
        self._data_loader_iter.close()

    def run_step(self) -> None:
        """One batch: forward in `dtype`, backward, clip, step unless something is not finite."""
        start = time.perf_counter()
        batch = next(self._data_loader_iter)
        data_time = time.perf_counter() - start
        self.within_step = True
        while (losses := self._gradients(batch)) is None:
            self._shrink(batch)
        self.scaler.unscale_(self.optimizer)
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), self.clip_norm)
        # Of all processes together: each must make the same steps.
        finite = bool(torch.isfinite(norm + _total(losses)))
        if all(comm.all_gather(finite)):
            self.skipped_in_a_row = 0
            self._write_metrics(losses, data_time)
            self.storage.put_scalars(grad_norm=norm.item(), skipped_steps=self.skipped)
            self.scaler.step(self.optimizer)
        else:
            self._skip(batch, losses, norm.item())
        self.scaler.update()

    def _gradients(self, batch: Any) -> dict[str, torch.Tensor] | None:
        """The batch's losses, its gradients left in the parameters; None if memory ran out."""
        self.optimizer.zero_grad()
        totals: dict[str, torch.Tensor] = {}
        try:
            for piece, share in self._split(batch):
                losses = self._losses(piece, self.dtype)
                self.scaler.scale(_total(losses) * share).backward()
                for name, loss in losses.items():
                    totals[name] = totals.get(name, 0) + loss.detach() * share
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            logger.warning("%s", str(error).partition("\n")[0])
            return None
        return totals

    def _losses(self, batch: Any, dtype: torch.dtype) -> dict[str, torch.Tensor]:
        with torch.autocast(self.device_type, dtype=dtype, enabled=dtype != torch.float32):
            return self.model(batch)

    def _split(self, batch: Any) -> list[tuple[Any, float]]:
        if self.pieces == 1:
            return [(batch, 1.0)]
        objective = getattr(self.model, "module", self.model)  # within DistributedDataParallel
        return getattr(objective, "split", split_list)(batch, self.pieces)

    def _shrink(self, batch: Any) -> None:
        """More and smaller pieces from here on; raises MemoryError where they are single."""
        parts = len(self._split(batch))
        self.pieces *= 2
        if torch.distributed.is_initialized():
            raise MemoryError(
                "out of memory in one of several processes; make the batches smaller "
                "(recognition: data.dataset.max_pixels, detection: data.total_batch_size)"
            )
        if len(self._split(batch)) == parts:
            raise MemoryError(
                f"out of memory with a single sample of {self.describe(batch)}; use a smaller "
                "window (detection: data.mapper.crop_size), another GPU, or train.device=cpu"
            )
        self.optimizer.zero_grad()
        if self.device_type == "cuda":
            torch.cuda.empty_cache()
        logger.warning(
            "step %d: out of memory with %s; each batch is run in %d pieces from here on",
            self.iter,
            self.describe(batch),
            self.pieces,
        )

    def _skip(self, batch: Any, losses: Mapping[str, torch.Tensor], norm: float) -> None:
        self.skipped += 1
        self.skipped_in_a_row += 1
        values = {name: loss.item() for name, loss in losses.items()}
        logger.warning("step %d skipped: losses %s, gradient norm %.3g", self.iter, values, norm)
        if self.skipped_in_a_row >= PATIENCE:
            raise FloatingPointError(
                f"{PATIENCE} steps in a row had no finite loss or gradient, last {values}: "
                + self._diagnosis(batch)
            )

    @torch.no_grad()
    def _diagnosis(self, batch: Any) -> str:
        """Why a batch has no finite gradient, and what to do."""
        for name, value in self.model.named_parameters():
            if not value.isfinite().all():
                return f"the weights themselves are not finite ({name}); begin from other weights"
        if not all(value.isfinite().all() for value in _tensors(batch)):
            return "the batch holds values that are not finite; check the pictures"
        rate = self.optimizer.param_groups[0]["lr"]
        if self.dtype != torch.float32:
            losses = self._losses(batch, torch.float32)
            if torch.isfinite(_total(losses)):
                return (
                    f"in float32 the loss is finite, in {str(self.dtype)[6:]} it is not; train "
                    "with train.dtype=float32"
                )
        return f"the step is too large; lower train.lr (now {rate:.2g}), to a tenth to begin with"

    def state_dict(self) -> dict[str, Any]:
        """Everything a resumed run needs beside the model."""
        return {
            **super().state_dict(),
            "scaler": self.scaler.state_dict(),
            "pieces": self.pieces,
            "skipped": self.skipped,
            "generators": generator_states(),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Inverse of `state_dict`."""
        super().load_state_dict(state_dict)
        self.scaler.load_state_dict(state_dict["scaler"])
        # Runs that began before these were kept go on without them.
        self.pieces = state_dict.get("pieces", 1)
        self.skipped = state_dict.get("skipped", 0)
        self.generators = state_dict.get("generators")


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether there was no memory: GPUs have an error for it, CPUs a message."""
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def split_list(batch: Sequence[Any], pieces: int) -> list[tuple[Sequence[Any], float]]:
    """A list in at most so many parts of like length, each with its share of the whole.

    >>> split_list("abcde", 2)
    [('abc', 0.6), ('de', 0.4)]
    """
    length = -(-len(batch) // pieces)
    parts = [batch[start : start + length] for start in range(0, len(batch), length)]
    return [(part, len(part) / len(batch)) for part in parts]


def _total(losses: Mapping[str, torch.Tensor]) -> torch.Tensor:
    return torch.stack(list(losses.values())).sum()


def _tensors(batch: Any) -> list[torch.Tensor]:
    if isinstance(batch, torch.Tensor):
        return [batch]
    if isinstance(batch, Mapping):
        batch = list(batch.values())
    return [t for item in batch for t in _tensors(item)] if isinstance(batch, list) else []
