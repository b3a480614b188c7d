import pytest
import torch

from detection.d2 import FPN, BasicBlock, BasicStem, BottleneckBlock, ResNet
from detection.losses import DBLoss
from detection.model import DBHead, DBNet
from detection.postprocess import Regions
from detection.quantized import is_quantizable, quantize, ranges_of
from ocr_pipeline.device import multiplies_bytes
from ocr_pipeline.folding import fold_batch_norms

LEVELS = ["res2", "res3", "res4", "res5"]
in_bytes = pytest.mark.skipif(
    not multiplies_bytes(torch.device("cpu")), reason="this processor does not multiply bytes"
)


def make(block=BasicBlock, norm="BN", **settings):
    """A thin DBNet with statistics in its batch norms, two blocks a stage."""
    torch.manual_seed(0)
    more = {"bottleneck_channels": 8} if block is BottleneckBlock else {}
    stages = [
        ResNet.make_stage(block, 2, in_channels=inputs, out_channels=outputs,
                          stride_per_block=[stride, 1], norm=norm, **more)
        for inputs, outputs, stride in [(16, 16, 1), (16, 24, 2), (24, 32, 2), (32, 48, 2)]
    ]  # fmt: skip
    stem = BasicStem(in_channels=3, out_channels=16, norm=norm)
    bottom_up = ResNet(stem=stem, stages=stages, out_features=LEVELS)
    backbone = FPN(bottom_up=bottom_up, in_features=LEVELS, out_channels=16, **settings)
    head = DBHead(in_channels=16, channels=16)
    model = DBNet(backbone=backbone, head=head, loss=DBLoss(), postprocess=Regions())
    for _ in range(20):  # statistics of pictures
        images = picture()
        model.head(images, model.backbone(images))
    return model.eval()


def picture():
    coarse = 4 * torch.rand(2, 3, 16, 24) - 2  # as pixels are once normalised
    return torch.nn.functional.interpolate(coarse, scale_factor=8, mode="bilinear")


@in_bytes
@pytest.mark.parametrize("block", [BasicBlock, BottleneckBlock])
@torch.inference_mode()
def test_bytes_say_nearly_what_numbers_say(block):
    model = make(block)
    with ranges_of(model) as ranges:
        for _ in range(3):
            images = picture()
            model.head(images, model.backbone(images))
    assert not model.backbone.bottom_up.stem.conv1._forward_pre_hooks
    images = picture()
    meant, _ = model.head(images, model.backbone(images))
    quantize(fold_batch_norms(model), ranges)
    said, _ = model.head(images, model.backbone(images))
    assert (said - meant).std() < 0.1 * meant.std()
    # Nothing is kept from one pass to the next, and batch mates do not matter.
    alone = model.head(images[:1], model.backbone(images[:1]))[0]
    torch.testing.assert_close(alone, said[:1])


@pytest.mark.parametrize(
    "model",
    [
        torch.nn.Linear(2, 2),
        make(norm=lambda channels: torch.nn.GroupNorm(4, channels)),
        make(fuse_type="avg"),
    ],
    ids=["no DBNet", "norms that cannot be folded", "another pyramid"],
)
def test_other_models_are_left_in_floating_point(model):
    assert not is_quantizable(model)
    with ranges_of(model) as ranges:
        pass
    assert ranges == {}


@in_bytes
def test_a_range_that_is_not_there_is_named():
    model = fold_batch_norms(make())
    with torch.inference_mode(), ranges_of(model) as ranges:
        images = picture()
        model.head(images, model.backbone(images))
    del ranges["backbone.fpn_lateral3"]
    with pytest.raises(ValueError, match=r"no range of backbone\.fpn_lateral3"):
        quantize(model, ranges)
