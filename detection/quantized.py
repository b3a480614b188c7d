"""DBNet in integers of eight bits, for processors that multiply those (VNNI).

A map's value is scale * (byte - zero), with one scale and one zero for the whole map, which follow
from the range that its values were seen to have; weights are signed bytes with a scale for each
output channel; sums are of 32 bits (Jacob et al. 2018, arXiv 1712.05877, section 2). The backbone
and the fusion of its maps, nine tenths of the work, are done so, in half the time that bfloat16
takes on AMD's Zen 4; the maps are drawn in floating point as before.

    ranges_of(model)        while pages are looked at, in floating point -> ranges
    quantize(model, ranges) -> the same model, faster
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeGuard

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from detection.d2 import FPN, BasicBlock, BasicStem, BottleneckBlock, ResNet
from detection.model import DBHead, DBNet

#: Of each convolution but the first, by its name, the least and the greatest value that goes in; of
#: those whose result no convolution takes, what comes out, by name + `OUTPUT`.
Ranges = Mapping[str, Sequence[float]]
OUTPUT = ":output"


#: Where the convolutions are that `quantize` replaces.
_PARTS = ("backbone.", "head.fuse.", "head.probability.reduce.")


def is_quantizable(model: nn.Module) -> TypeGuard[DBNet]:
    """Whether `quantize` knows the model: a DBNet on Detectron2's FPN over a whole ResNet."""
    if not (
        isinstance(model, DBNet)
        and isinstance(model.head, DBHead)
        and isinstance(model.backbone, FPN)
        and isinstance(model.backbone.bottom_up, ResNet)
    ):
        return False
    fpn, stages = model.backbone, model.backbone.bottom_up.stages
    blocks = [block for stage in stages for block in stage]
    norms = [getattr(module, "norm", None) for module in fpn.modules()]
    return (
        len(fpn.in_features) == len(stages)
        and fpn.top_block is None
        and fpn._fuse_type == "sum"
        and type(fpn.bottom_up.stem) is BasicStem
        and all(type(block) in (BasicBlock, BottleneckBlock) for block in blocks)
        and all(norm is None or isinstance(norm, _BatchNorm) for norm in norms)
    )


@contextmanager
def ranges_of(model: nn.Module) -> Iterator[dict[str, tuple[float, float]]]:
    """The ranges of what a model computes in the meantime: of each, the mean over all passes.

    Single extremes would make all steps coarser; what exceeds the range is cut to it. They are
    there once the context is left; none, of a model that is not quantizable.
    """
    seen: dict[str, list[Tensor]] = {}

    def note(name: str, values: Tensor) -> None:
        seen.setdefault(name, []).append(torch.stack(values.detach().aminmax()).float())

    handles = []
    for name, module in model.named_modules() if is_quantizable(model) else ():
        if isinstance(module, nn.Conv2d) and name.startswith(_PARTS):
            handles.append(
                module.register_forward_pre_hook(lambda _, x, name=name: note(name, x[0]))
            )
            if name.endswith(".shortcut"):
                handles.append(
                    module.register_forward_hook(lambda _, x, y, name=name: note(name + OUTPUT, y))
                )
    ranges: dict[str, tuple[float, float]] = {}
    try:
        yield ranges
    finally:
        for handle in handles:
            handle.remove()
        for name, values in seen.items():
            low, high = torch.stack(values).mean(0).tolist()
            ranges[name] = low, high


def quantize(model: DBNet, ranges: Ranges) -> DBNet:
    """Replace, in place, a model's backbone and the fusion of its maps by quantized ones.

    Args:
        model: on a CPU, its batch norms folded (they would be ignored); see `is_quantizable`.
        ranges: of its convolutions, see `ranges_of`.

    Raises ValueError if a convolution's range is not there, or is none.
    """
    assert is_quantizable(model)
    scales = _Scales({name: _Scale.covering(*span) for name, span in ranges.items()})
    names = {module: name for name, module in model.named_modules()}
    head: Any = model.head
    fuse, reduce = head.fuse[0], head.probability.reduce[0]
    fused = scales[names[reduce]]
    black, white = ((value - model.pixel_mean) / model.pixel_std for value in (0, 255))
    image = _Scale.covering(float(black.min()), float(white.max()))
    # All maps of the pyramid have the scale of what they are joined to.
    model.backbone = _Pyramid(model.backbone, names, scales, image=image, given=scales[names[fuse]])  # type: ignore[assignment]
    head.fuse = _Convolution(fuse, taken=scales[names[fuse]], given=fused, relu=True)
    head.probability.reduce = _Convolution(reduce, taken=fused, relu=True)
    return model


@dataclass(frozen=True)
class _Scale:
    """What the bytes of a map mean: scale * (byte - zero)."""

    scale: float
    zero: int

    @classmethod
    def covering(cls, low: float, high: float) -> "_Scale":
        low, high = min(low, 0.0), max(high, 0.0)  # padding is zero, exactly
        if not math.isfinite(high - low):
            raise ValueError(f"{low} to {high} is no range")
        scale = max(high - low, 1e-6) / 255
        return cls(scale, round(-low / scale))

    def bytes_of(self, values: Tensor) -> Tensor:
        """Nearest bytes, uint8, of real values."""
        return (values / self.scale).add_(self.zero + 0.5).clamp_(0, 255).to(torch.uint8)


class _Scales(dict[str, _Scale]):
    """Of convolutions, by name."""

    def __missing__(self, name: str) -> _Scale:
        raise ValueError(f"there is no range of {name}")


class _Convolution(nn.Module):
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
        taken: _Scale,
        given: _Scale | None = None,
        added: _Scale | None = None,
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


class _Block(nn.Module):
    """A residual block (He et al. 2016), basic or bottleneck."""

    def __init__(
        self,
        block: Any,
        names: Mapping[nn.Module, str],
        scales: Mapping[str, _Scale],
        *,
        given: _Scale,
    ):
        super().__init__()
        convolutions = [c for n, c in block.named_children() if n.startswith("conv")]
        inputs = [scales[names[convolution]] for convolution in convolutions]
        shortcut = block.shortcut
        added = inputs[0] if shortcut is None else scales[names[shortcut] + OUTPUT]
        self.shortcut = (
            None if shortcut is None else _Convolution(shortcut, taken=inputs[0], given=added)
        )
        *first, last = convolutions
        self.first = nn.Sequential(
            *(
                _Convolution(each, taken=inputs[i], given=inputs[i + 1], relu=True)
                for i, each in enumerate(first)
            )
        )
        self.last = _Convolution(last, taken=inputs[-1], given=given, added=added, relu=True)

    def forward(self, x: Tensor) -> Tensor:
        """Bytes -> bytes. Without a convolution as shortcut `x` is written over."""
        return self.last(self.first(x), x if self.shortcut is None else self.shortcut(x))


class _Pyramid(nn.Module):
    """Detectron2's FPN (Lin et al. 2017) over a ResNet: images -> maps of bytes.

    All maps are of the scale `given`.
    """

    def __init__(
        self,
        backbone: Any,
        names: Mapping[nn.Module, str],
        scales: Mapping[str, _Scale],
        *,
        image: _Scale,
        given: _Scale,
    ):
        super().__init__()
        bottom_up = backbone.bottom_up
        laterals, outputs = backbone.lateral_convs, backbone.output_convs  # the coarsest first
        blocks = [list(stage) for stage in bottom_up.stages]
        self.image = image
        self.stem = _Convolution(
            bottom_up.stem.conv1,
            taken=self.image,
            given=scales[names[blocks[0][0].conv1]],
            relu=True,
        )
        self.stages = nn.ModuleList()
        for stage, lateral in zip(blocks, reversed(laterals), strict=True):
            # What a block gives the next one takes, and the last one's the lateral convolution.
            takers = [*(block.conv1 for block in stage[1:]), lateral]
            self.stages.append(
                nn.Sequential(
                    *(
                        _Block(block, names, scales, given=scales[names[taker]])
                        for block, taker in zip(stage, takers, strict=True)
                    )
                )
            )
        self.laterals, self.outputs = nn.ModuleList(), nn.ModuleList()
        coarser = None
        for lateral, last in zip(laterals, outputs, strict=True):
            joined = scales[names[last]]
            self.laterals.append(
                _Convolution(lateral, taken=scales[names[lateral]], given=joined, added=coarser)
            )
            self.outputs.append(_Convolution(last, taken=joined, given=given))
            coarser = joined
        self.names = list(reversed(backbone.output_shape()))

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Images (B, 3, H, W), sides multiples of 32 -> {"p2": bytes (B, C, H / 4, W / 4), ...}."""
        x = _halved(self.stem(self.image.bytes_of(images)))
        features = []
        for stage in self.stages:
            features.append(x := stage(x))
        maps: dict[str, Tensor] = {}
        joined = None
        for name, lateral, output in zip(self.names, self.laterals, self.outputs, strict=True):
            feature = features.pop()
            joined = lateral(feature, None if joined is None else _doubled(joined))
            maps[name] = output(joined)
        return maps


def _doubled(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2)


def _halved(x: Tensor) -> Tensor:
    """Maximum of 3 x 3 at every second place, of two even sides; torch's takes no bytes whose
    channels are last."""
    for _ in range(2):
        y = torch.maximum(x[:, :, 0::2], x[:, :, 1::2])
        y[:, :, 1:] = torch.maximum(y[:, :, 1:], x[:, :, 1:-1:2])
        x = y.transpose(2, 3)
    return x
