"""The detector from nothing, on synthetic pages and the real training pages.

    ocr-train configs/detection/db_resnet18.py --out runs/detector paths.real=data/train

See configs/common.py for the paths.
"""

from detection.d2 import FPN, BasicStem, ResNet, build_detection_train_loader
from detection.d2 import LazyCall as L
from detection.data import MixedPages, TrainMapper
from detection.losses import DBLoss
from detection.model import DBHead, DBNet
from detection.postprocess import Regions
from detection.targets import TextMaps
from ocr_pipeline.evaluation import DetectionEvaluator
from synthesis.pages import PdfPages

from ..common import paths, real_pages, scenes, train  # noqa: F401

# A window of 1000 pixels is enlarged about 1.6 times on average: words 10 to 50 high.
_window = dict(crop=1000, text_height=(7, 30))

# Longer side in pixels of what the network sees of a page; kept with the weights.
resolution = dict(long_side=2048, max_upscale=2.0)

_levels = ["res2", "res3", "res4", "res5"]

model = L(DBNet)(
    backbone=L(FPN)(
        bottom_up=L(ResNet)(
            stem=L(BasicStem)(in_channels=3, out_channels=64, norm="BN"),
            stages=L(ResNet.make_default_stages)(depth=18, norm="BN"),
            out_features=_levels,
            freeze_at=0,
        ),
        in_features=_levels,
        out_channels=64,
    ),
    head=L(DBHead)(in_channels=64, channels=64),
    loss=L(DBLoss)(),
    postprocess=L(Regions)(shrink_ratio=0.7, margin=0.1, min_score=0.79),
)

data = L(build_detection_train_loader)(
    dataset=L(MixedPages)(
        # Shares of pages. Held-out pages are for `evaluate`.
        sources=[
            (L(PdfPages)(folders=["${paths.typeset}"], **_window, seed=21), 0.3),
            (L(PdfPages)(folders=["${paths.documents}"], **_window, seed=22), 0.12),
            (
                scenes(seed=23, cutouts=real_pages("ic15_words", labels="labels.jsonl")),
                0.4,
            ),
            (real_pages("sroie"), 0.13),
            (real_pages("tapuscorpus_fra"), 0.05),  # its boxes are loose
        ],
    ),
    mapper=L(TrainMapper)(
        targets=L(TextMaps)(shrink_ratio=0.7),
        crop_size=(512, 512),
        scales=(0.6, 1.4),  # 1229 to 2867: sharper than inference and coarser
        long_side="${resolution.long_side}",
        max_upscale="${resolution.max_upscale}",
    ),
    total_batch_size=8,
    aspect_ratio_grouping=False,
    num_workers=1,
)

evaluate = L(DetectionEvaluator)(
    sets=[
        ("sroie", real_pages("sroie", held_out=True)),
        ("tapuscorpus", real_pages("tapuscorpus_fra", held_out=True)),
    ],
    resolution="${resolution}",
)

train.update(steps=20_000, lr=1e-3, warmup=500)
