"""Mask R-CNN (He et al. 2017): Faster R-CNN and each word's mask, so that turned words fit.

    ocr-train configs/detection/mask_rcnn_r50_fpn.py --out runs/mask_rcnn paths.real=data/train

Detectron2 lays each mask out on the whole image: a byte for each word and pixel of the working
resolution.
"""

from detection.d2 import LazyCall as L
from detection.d2 import MaskRCNNConvUpsampleHead, ROIPooler, ShapeSpec

from .faster_rcnn_r50_fpn import data, evaluate, model, paths, resolution, train  # noqa: F401

_heads = model.roi_heads
_heads.mask_in_features = _heads.box_in_features
_heads.mask_pooler = L(ROIPooler)(
    output_size=14,
    scales=_heads.box_pooler.scales,
    sampling_ratio=0,
    pooler_type="ROIAlignV2",
    canonical_box_size=_heads.box_pooler.canonical_box_size,
)
_heads.mask_head = L(MaskRCNNConvUpsampleHead)(
    input_shape=L(ShapeSpec)(channels=256, height=14, width=14),
    num_classes=1,
    conv_dims=[256] * 5,
)
