"""DBNet in integers of eight bits (see `quantization`).

The backbone and the fusion of its maps, nine tenths of the work, are done so, in half the time that
bfloat16 takes on AMD's Zen 4; the maps are drawn in floating point as before.

    ranges_of(model)        while pages are looked at, in floating point -> ranges
    quantize(model, ranges) -> the same model, faster
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, TypeGuard

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from detection.d2 import FPN, BasicBlock, BasicStem, BottleneckBlock, ResNet
from detection.model import DBHead, DBNet
from quantization.convolution import QuantizedConv2d, Scale, Scales
from quantization.ranges import Ranges, ranges_seen

#: Ranges are those of what goes into each convolution but the first, by its name, and, by name +
#: `OUTPUT`, of what comes out of those whose result no convolution takes.
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


def ranges_of(model: nn.Module) -> AbstractContextManager[dict[str, tuple[float, float]]]:
    """The ranges of what a model computes in the meantime (`ranges_seen`); none, of a model that is
    not quantizable."""
    inputs = {
        name: module
        for name, module in (model.named_modules() if is_quantizable(model) else ())
        if isinstance(module, nn.Conv2d) and name.startswith(_PARTS)
    }
    shortcuts = {
        name + OUTPUT: module for name, module in inputs.items() if name.endswith(".shortcut")
    }
    return ranges_seen(inputs=inputs, outputs=shortcuts)


def quantize(model: DBNet, ranges: Ranges) -> DBNet:
    """Replace, in place, a model's backbone and the fusion of its maps by quantized ones.

    Args:
        model: on a CPU, its batch norms folded (they would be ignored); see `is_quantizable`.
        ranges: of its convolutions, see `ranges_of`.

    Raises ValueError if a convolution's range is not there, or is none.
    """
    assert is_quantizable(model)
    scales = Scales.covering(ranges)
    names = {module: name for name, module in model.named_modules()}
    head: Any = model.head
    fuse, reduce = head.fuse[0], head.probability.reduce[0]
    fused = scales[names[reduce]]
    black, white = ((value - model.pixel_mean) / model.pixel_std for value in (0, 255))
    image = Scale.covering(float(black.min()), float(white.max()))
    # All maps of the pyramid have the scale of what they are joined to.
    model.backbone = _Pyramid(model.backbone, names, scales, image=image, given=scales[names[fuse]])  # type: ignore[assignment]
    head.fuse = QuantizedConv2d(fuse, taken=scales[names[fuse]], given=fused, relu=True)
    head.probability.reduce = QuantizedConv2d(reduce, taken=fused, relu=True)
    return model


class _Block(nn.Module):
    """A residual block (He et al. 2016), basic or bottleneck."""

    def __init__(
        self,
        block: Any,
        names: Mapping[nn.Module, str],
        scales: Mapping[str, Scale],
        *,
        given: Scale,
    ):
        super().__init__()
        convolutions = [c for n, c in block.named_children() if n.startswith("conv")]
        inputs = [scales[names[convolution]] for convolution in convolutions]
        shortcut = block.shortcut
        added = inputs[0] if shortcut is None else scales[names[shortcut] + OUTPUT]
        self.shortcut = (
            None if shortcut is None else QuantizedConv2d(shortcut, taken=inputs[0], given=added)
        )
        *first, last = convolutions
        self.first = nn.Sequential(
            *(
                QuantizedConv2d(each, taken=inputs[i], given=inputs[i + 1], relu=True)
                for i, each in enumerate(first)
            )
        )
        self.last = QuantizedConv2d(last, taken=inputs[-1], given=given, added=added, relu=True)

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
        scales: Mapping[str, Scale],
        *,
        image: Scale,
        given: Scale,
    ):
        super().__init__()
        bottom_up = backbone.bottom_up
        laterals, outputs = backbone.lateral_convs, backbone.output_convs  # the coarsest first
        blocks = [list(stage) for stage in bottom_up.stages]
        self.image = image
        self.stem = QuantizedConv2d(
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
                QuantizedConv2d(lateral, taken=scales[names[lateral]], given=joined, added=coarser)
            )
            self.outputs.append(QuantizedConv2d(last, taken=joined, given=given))
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
