"""In which ranges the values of a network are, as seen while it works in floating point."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

#: By name, the least and the greatest value of a map.
Ranges = Mapping[str, Sequence[float]]


@contextmanager
def ranges_seen(
    *, inputs: Mapping[str, nn.Module], outputs: Mapping[str, nn.Module] | None = None
) -> Iterator[dict[str, tuple[float, float]]]:
    """The ranges of what goes into modules, or comes out of them, in the meantime: of each, by the
    name given for it, the mean over all passes.

    Single extremes would make all steps coarser; what exceeds the range is cut to it. The ranges
    are there once the context is left.
    """
    seen: dict[str, list[Tensor]] = {}

    def note(name: str, values: Tensor) -> None:
        seen.setdefault(name, []).append(torch.stack(values.detach().aminmax()).float())

    handles = [
        module.register_forward_pre_hook(lambda _, given, name=name: note(name, given[0]))
        for name, module in inputs.items()
    ] + [
        module.register_forward_hook(lambda _, given, result, name=name: note(name, result))
        for name, module in (outputs or {}).items()
    ]
    ranges: dict[str, tuple[float, float]] = {}
    try:
        yield ranges
    finally:
        for handle in handles:
            handle.remove()
        for name, values in seen.items():
            low, high = torch.stack(values).mean(0).tolist()
            ranges[name] = low, high
