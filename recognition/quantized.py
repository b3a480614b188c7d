"""The CRNN's convolutions in integers of eight bits (see `quantization`).

They are three quarters of the work, and take less than half the time that they take in bfloat16 on
AMD's Zen 4, and a quarter of what they take in float32; the LSTMs work in floating point as before.

    ranges_of(model)        while words are read, in floating point -> ranges
    quantize(model, ranges) -> the same model, faster
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from itertools import pairwise
from typing import Any

from torch import Tensor, nn

from quantization.convolution import QuantizedConv2d, Scales
from quantization.ranges import Ranges, ranges_seen
from recognition.model import CRNN, FactoredBlock, ResidualBlock, Stage, masked


def _layers(model: CRNN) -> dict[str, nn.Module]:
    """What `quantize` replaces, by name, in the order of the work."""
    layers = {name: layer for name, layer in model.named_modules() if isinstance(layer, nn.Conv2d)}
    return layers | {"lstm1.squeeze": model.lstm1.squeeze}


def ranges_of(model: CRNN) -> AbstractContextManager[dict[str, tuple[float, float]]]:
    """The ranges of what goes into each layer in the meantime, by its name (`ranges_seen`)."""
    return ranges_seen(inputs=_layers(model))


def quantize(model: CRNN, ranges: Ranges) -> CRNN:
    """Replace, in place, a model's convolutions and what squeezes their maps by quantized ones.

    Args:
        model: on a CPU, its batch norms folded (they would be ignored).
        ranges: see `ranges_of`.

    Raises ValueError if a layer's range is not there, or is none.
    """
    scales = Scales.covering(ranges)
    layers = _layers(model)
    taken = {layer: scales[name] for name, layer in layers.items()}
    given = {layer: taken[after] for layer, after in pairwise(layers.values())}

    def quantized(convolution: nn.Conv2d, **more: Any) -> QuantizedConv2d:
        return QuantizedConv2d(
            convolution, taken=taken[convolution], given=given[convolution], **more
        )

    model.stem = _Stem(quantized(model.stem.conv, relu=True))  # type: ignore[assignment]
    for stage in model.stages:
        assert isinstance(stage, Stage)
        for index, block in enumerate(stage):
            stage[index] = _BLOCKS[type(block)](block, quantized)
    squeeze = model.lstm1.squeeze
    model.lstm1.squeeze = _Squeeze(squeeze, taken=taken[squeeze])  # type: ignore[assignment]
    return model


#: A convolution -> the quantized one.
_Quantized = Callable[..., QuantizedConv2d]


class _Stem(nn.Module):
    """The first convolution, of numbers. After it, as after every ReLU, the byte of zero is zero:
    maps are masked as they are in floating point."""

    def __init__(self, convolution: QuantizedConv2d):
        super().__init__()
        self.convolution = convolution

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Numbers (B, 1, H, W) -> bytes (B, C, H, W)."""
        return masked(self.convolution(self.convolution.taken.bytes_of(x)), mask)


class _Factored(nn.Module):
    def __init__(self, block: FactoredBlock, quantized: _Quantized):
        super().__init__()
        self.down = quantized(block.down)
        self.across = quantized(block.across, relu=True)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Bytes -> bytes, in `FactoredBlock`'s shapes."""
        return masked(self.across(self.down(x)), mask)


class _Residual(nn.Module):
    def __init__(self, block: ResidualBlock, quantized: _Quantized):
        super().__init__()
        first, second = block.first, block.second
        self.depthwise1 = quantized(first.depthwise)
        self.pointwise1 = quantized(first.pointwise, relu=True)
        self.depthwise2 = quantized(second.depthwise)
        self.pointwise2 = quantized(second.pointwise, relu=True, added=self.depthwise1.taken)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Bytes (B, C, H, W), which are written over -> bytes."""
        inner = masked(self.pointwise1(self.depthwise1(x)), mask)
        return masked(self.pointwise2(self.depthwise2(inner), x), mask)


_BLOCKS: dict[type, Callable[[Any, _Quantized], nn.Module]] = {
    FactoredBlock: _Factored,
    ResidualBlock: _Residual,
}


class _Squeeze(nn.Module):
    """A linear layer of bytes: (B, T, F) -> numbers (B, T, F')."""

    def __init__(self, linear: nn.Linear, **scales: Any):
        super().__init__()
        convolution = nn.Conv2d(linear.in_features, linear.out_features, 1, bias=False)
        convolution.weight = nn.Parameter(linear.weight[..., None, None])
        self.convolution = QuantizedConv2d(convolution, **scales)

    def forward(self, x: Tensor) -> Tensor:
        return self.convolution(x.transpose(1, 2)[..., None])[..., 0].transpose(1, 2)
