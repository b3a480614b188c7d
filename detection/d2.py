"""The one place that imports and adapts Detectron2.

Two small adaptations let upstream's v0.6 and its main branch run beside current packages, with or
without the compiled part (`detectron2._C`, which nothing here needs: it serves rotated boxes and
deformable convolution; ROIAlign and NMS are torchvision's). A third lets it be imported in half the
time.
"""

import importlib.util
import sys
import types
import warnings

import PIL.Image

_REMEDY = (
    "Detectron2 is not installed: run `uv sync` in the repository, or build upstream's source with "
    "`pip install --no-build-isolation git+https://github.com/facebookresearch/detectron2`"
)

if importlib.util.find_spec("detectron2") is None:
    raise ImportError(_REMEDY)

if not hasattr(PIL.Image, "LINEAR"):  # v0.6 names it as a default argument; Pillow 10 dropped it
    PIL.Image.LINEAR = PIL.Image.Resampling.BILINEAR  # type: ignore[attr-defined]

if importlib.util.find_spec("detectron2._C") is None:
    sys.modules["detectron2._C"] = types.ModuleType("detectron2._C")


def _import_torchvision() -> None:
    """Import torchvision without torch's compiler, which takes as long to load as all of torch.

    It is wanted for one question: whether it can compile for a device, which only ROIAlign on a GPU
    held to deterministic algorithms asks. While torchvision is imported a stand-in says no.
    """
    if "torch._dynamo" in sys.modules or "torchvision" in sys.modules:
        return
    compiler = types.ModuleType("torch._dynamo")
    questions = types.ModuleType("torch._dynamo.utils")
    questions.is_compile_supported = lambda device_type: False  # type: ignore[attr-defined]
    stand_ins = {module.__name__: module for module in (compiler, questions)}
    sys.modules |= stand_ins
    try:
        importlib.import_module("torchvision")
    finally:
        for name in stand_ins:
            del sys.modules[name]


with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # torch deprecations in code that is not ours to change
    _import_torchvision()
    from detectron2.checkpoint import DetectionCheckpointer
    from detectron2.config import LazyCall, LazyConfig, instantiate
    from detectron2.data import build_detection_train_loader
    from detectron2.engine import HookBase, SimpleTrainer, hooks
    from detectron2.layers import ShapeSpec
    from detectron2.modeling.anchor_generator import DefaultAnchorGenerator
    from detectron2.modeling.backbone import FPN, Backbone, BasicStem, ResNet
    from detectron2.modeling.backbone.fpn import LastLevelMaxPool
    from detectron2.modeling.backbone.resnet import BasicBlock, BottleneckBlock
    from detectron2.modeling.box_regression import Box2BoxTransform
    from detectron2.modeling.matcher import Matcher
    from detectron2.modeling.meta_arch import GeneralizedRCNN
    from detectron2.modeling.poolers import ROIPooler
    from detectron2.modeling.proposal_generator import RPN, StandardRPNHead
    from detectron2.modeling.roi_heads import (
        FastRCNNConvFCHead,
        FastRCNNOutputLayers,
        MaskRCNNConvUpsampleHead,
        StandardROIHeads,
    )
    from detectron2.structures import Boxes, ImageList, Instances, PolygonMasks
    from detectron2.utils import comm
    from detectron2.utils.events import CommonMetricPrinter, JSONWriter, TensorboardXWriter
    from detectron2.utils.logger import setup_logger

__all__ = [
    "FPN",
    "RPN",
    "Backbone",
    "BasicBlock",
    "BasicStem",
    "BottleneckBlock",
    "Box2BoxTransform",
    "Boxes",
    "CommonMetricPrinter",
    "DefaultAnchorGenerator",
    "DetectionCheckpointer",
    "FastRCNNConvFCHead",
    "FastRCNNOutputLayers",
    "GeneralizedRCNN",
    "HookBase",
    "ImageList",
    "Instances",
    "JSONWriter",
    "LastLevelMaxPool",
    "LazyCall",
    "LazyConfig",
    "MaskRCNNConvUpsampleHead",
    "Matcher",
    "PolygonMasks",
    "ROIPooler",
    "ResNet",
    "ShapeSpec",
    "SimpleTrainer",
    "StandardROIHeads",
    "StandardRPNHead",
    "TensorboardXWriter",
    "build_detection_train_loader",
    "comm",
    "hooks",
    "instantiate",
    "setup_logger",
]
