"""What bytes mean, and convolutions of them."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from quantization.ranges import Ranges


@dataclass(frozen=True)
class Scale:
    """What the bytes of a map mean: scale * (byte - zero)."""

    scale: float
    zero: int

    @classmethod
    def covering(cls, low: float, high: float) -> "Scale":
        """That of a map with values from `low` to `high`; zero has a byte of its own.

        Raises ValueError if they are no range.
        """
        low, high = min(low, 0.0), max(high, 0.0)  # padding is zero, exactly
        if not math.isfinite(high - low):
            raise ValueError(f"{low} to {high} is no range")
        scale = max(high - low, 1e-6) / 255
        return cls(scale, round(-low / scale))

    def bytes_of(self, values: Tensor) -> Tensor:
        """Nearest bytes, uint8, of real values."""
        return (values / self.scale).add_(self.zero + 0.5).clamp_(0, 255).to(torch.uint8)


class Scales(dict[str, Scale]):
    """Those of maps by name; one that is not there raises ValueError."""

    @classmethod
    def covering(cls, ranges: Ranges) -> "Scales":
        """Those of all ranges. Raises ValueError for what is none."""
        return cls({name: Scale.covering(*span) for name, span in ranges.items()})

    def __missing__(self, name: str) -> Scale:
        raise ValueError(f"there is no range of {name}")


class QuantizedConv2d(nn.Module):
    """A convolution of bytes with its bias, sum and ReLU, in one pass of oneDNN.

    Args:
        convolution: in floating point.
        taken, given: scales of what goes in and comes out; without `given` that is numbers, in
            autocast's precision.
        added: scale of a map that is added to the result, which is written over that map.
        relu: whether negative results become zero.
    """

    weight: Tensor
    weight_scales: Tensor

    def __init__(
        self,
        convolution: nn.Conv2d,
        *,
        taken: Scale,
        given: Scale | None = None,
        added: Scale | None = None,
        relu: bool = False,
    ):
        super().__init__()
        self.taken, self.given, self.added = taken, given, added
        self.unary = "relu" if relu else "none"
        self.geometry = (
            list(map(int, convolution.stride)),
            list(map(int, convolution.padding)),
            list(map(int, convolution.dilation)),
            convolution.groups,
        )
        weight = convolution.weight.detach().float()
        scales = weight.abs().amax((1, 2, 3)).clamp(min=1e-8) / 127
        rounded = (weight / scales.view(-1, 1, 1, 1)).round().to(torch.int8)
        self.register_buffer("weight_scales", scales)
        self.register_buffer("weight_zeros", torch.zeros(len(scales), dtype=torch.int32))
        self.register_buffer(
            "weight",
            torch.ops.onednn.qconv_prepack(
                rounded, scales, taken.scale, taken.zero, *self.geometry, None
            ),
        )
        bias = convolution.bias
        self.register_buffer("bias", None if bias is None else bias.detach().float())

    def forward(self, x: Tensor, added: Tensor | None = None) -> Tensor:
        """Bytes (B, C, H, W) -> bytes or numbers (B, C', H', W')."""
        shared = (
            *(x, self.taken.scale, self.taken.zero),
            *(self.weight, self.weight_scales, self.weight_zeros),
        )
        if self.given is not None:
            result = (*self.geometry, self.given.scale, self.given.zero, torch.uint8)
        else:
            half = torch.is_autocast_enabled("cpu")
            dtype = torch.get_autocast_dtype("cpu") if half else torch.float32
            result = (*self.geometry, 1.0, 0, dtype)
        if self.added is None:
            return torch.ops.onednn.qconv2d_pointwise(
                *shared, self.bias, *result, self.unary, [], ""
            )
        return torch.ops.onednn.qconv2d_pointwise.binary(
            *(*shared, added, self.bias, *result),
            *(self.added.scale, self.added.zero, "sum", 1.0, self.unary, [], ""),
        )
