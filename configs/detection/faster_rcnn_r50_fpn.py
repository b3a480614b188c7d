"""Faster R-CNN (Ren et al. 2015) with ResNet-50 and FPN from nothing, on the pages of db_resnet18.

    ocr-train configs/detection/faster_rcnn_r50_fpn.py --out runs/faster_rcnn paths.real=data/train

Its boxes are upright: turned words get quads that hold more than the word.
"""

from detection.adapter import InstanceMapper
from detection.d2 import (
    FPN,
    RPN,
    BasicStem,
    Box2BoxTransform,
    DefaultAnchorGenerator,
    FastRCNNConvFCHead,
    FastRCNNOutputLayers,
    GeneralizedRCNN,
    LastLevelMaxPool,
    Matcher,
    ResNet,
    ROIPooler,
    ShapeSpec,
    StandardROIHeads,
    StandardRPNHead,
)
from detection.d2 import LazyCall as L

from .db_resnet18 import data, evaluate, paths, resolution, train  # noqa: F401

_stages = ["res2", "res3", "res4", "res5"]
_levels = ["p2", "p3", "p4", "p5"]
_strides = [4, 8, 16, 32]
_ratios = [0.15, 0.3, 0.6, 1.5]  # height / width of words

model = L(GeneralizedRCNN)(
    backbone=L(FPN)(
        bottom_up=L(ResNet)(
            stem=L(BasicStem)(in_channels=3, out_channels=64, norm="BN"),
            stages=L(ResNet.make_default_stages)(depth=50, norm="BN"),
            out_features=_stages,
            freeze_at=0,
        ),
        in_features=_stages,
        out_channels=256,
        top_block=L(LastLevelMaxPool)(),
    ),
    proposal_generator=L(RPN)(
        in_features=[*_levels, "p6"],
        head=L(StandardRPNHead)(in_channels=256, num_anchors=len(_ratios)),
        anchor_generator=L(DefaultAnchorGenerator)(
            sizes=[[16], [32], [64], [128], [256]], aspect_ratios=_ratios, strides=[*_strides, 64]
        ),
        anchor_matcher=L(Matcher)(
            thresholds=[0.3, 0.7], labels=[0, -1, 1], allow_low_quality_matches=True
        ),
        box2box_transform=L(Box2BoxTransform)(weights=[1.0, 1.0, 1.0, 1.0]),
        batch_size_per_image=256,
        positive_fraction=0.5,
        pre_nms_topk=(2000, 2000),  # in training, in inference
        post_nms_topk=(1000, 2000),
        nms_thresh=0.7,
    ),
    roi_heads=L(StandardROIHeads)(
        num_classes=1,
        batch_size_per_image=256,
        positive_fraction=0.25,
        proposal_matcher=L(Matcher)(
            thresholds=[0.5], labels=[0, 1], allow_low_quality_matches=False
        ),
        box_in_features=_levels,
        box_pooler=L(ROIPooler)(
            output_size=7,
            scales=[1 / stride for stride in _strides],
            sampling_ratio=0,
            pooler_type="ROIAlignV2",
            canonical_box_size=128,  # words are small: their box's size that is pooled from p4
        ),
        box_head=L(FastRCNNConvFCHead)(
            input_shape=L(ShapeSpec)(channels=256, height=7, width=7),
            conv_dims=[],
            fc_dims=[1024, 1024],
        ),
        box_predictor=L(FastRCNNOutputLayers)(
            input_shape=L(ShapeSpec)(channels=1024),
            box2box_transform=L(Box2BoxTransform)(weights=[10.0, 10.0, 5.0, 5.0]),
            num_classes=1,
            test_score_thresh=0.5,
            test_nms_thresh=0.4,
            test_topk_per_image=2000,  # words of a page
        ),
    ),
    pixel_mean=[127.5, 127.5, 127.5],
    pixel_std=[64.0, 64.0, 64.0],
    input_format="RGB",
)

data.mapper.targets = None
data.mapper = L(InstanceMapper)(mapper=data.mapper)

train.update(lr=2e-4)  # as AdamW likes deep networks without a trained start
