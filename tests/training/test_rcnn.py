"""Detectron2's own models learn and work through the same engine, files and commands."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from detection.d2 import LazyCall as L
from detection.d2 import LazyConfig
from detection.geometry import areas
from ocr_pipeline.training.engine import train
from ocr_pipeline.weights import load_detector
from tests.detection.conftest import render

pytestmark = pytest.mark.usefixtures("one_thread")

CONFIGS = Path(__file__).parents[2] / "configs" / "detection"


def pages():
    return [render()]


@pytest.fixture
def cfg(request):
    """A config as shipped, but thin, on small crops of one page."""
    cfg = LazyConfig.load(str(CONFIGS / f"{request.param}.py"))
    del cfg.evaluate
    model = cfg.model
    model.backbone.bottom_up.stages.depth = 18
    model.backbone.out_channels = model.proposal_generator.head.in_channels = 16
    heads = model.roi_heads
    heads.box_head.input_shape.channels = 16
    heads.box_head.fc_dims = [32]
    heads.box_predictor.input_shape.channels = 32
    heads.box_predictor.test_score_thresh = 0.0  # what has learnt little finds something too
    heads.box_predictor.test_topk_per_image = 20
    if "mask_head" in heads:
        heads.mask_head.input_shape.channels = 16
        heads.mask_head.conv_dims = [16, 16]
    cfg.data.dataset.sources = [(L(pages)(), 1.0)]
    cfg.data.mapper.mapper.crop_size = (128, 128)
    cfg.data.mapper.mapper.long_side = 320
    cfg.data.update(total_batch_size=2, num_workers=0)
    cfg.resolution.long_side = 320
    cfg.train.update(steps=2, warmup=1, device="cpu", dtype="bfloat16", log_period=1)
    return cfg


@pytest.mark.parametrize(
    ("cfg", "losses"),
    [
        ("faster_rcnn_r50_fpn", {"loss_cls", "loss_box_reg", "loss_rpn_cls", "loss_rpn_loc"}),
        ("mask_rcnn_r50_fpn", {"loss_cls", "loss_box_reg", "loss_rpn_cls", "loss_mask"}),
    ],
    indirect=["cfg"],
)
def test_a_model_of_detectron2_trains_and_finds_words(cfg, losses, tmp_path):
    weights = train(cfg, out=tmp_path)
    (*_, last) = map(json.loads, (tmp_path / "metrics.json").read_text().splitlines())
    assert losses <= set(last)
    assert np.isfinite(last["total_loss"])
    assert last["skipped_steps"] == 0

    detector = load_detector(weights, torch.device("cpu"))
    page = render()["image"]
    (found,) = detector.detect([page])
    assert 0 < len(found) <= 20
    assert found.quads.shape == (len(found), 4, 2)
    assert (areas(found.quads) > 0).all()  # clockwise
    assert found.quads.min() >= -1
    assert found.quads.max() <= max(page.shape) + 1
