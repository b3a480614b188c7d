"""The recognizer from nothing, on synthetic pages and the real training words.

    ocr-train configs/recognition/crnn.py --out runs/recognizer paths.real=data/train

See configs/common.py for the paths.
"""

from torch.utils.data import DataLoader

from detection.d2 import LazyCall as L
from ocr_pipeline.evaluation import RecognitionEvaluator
from recognition.codec import DEFAULT_CHARSET, Codec
from recognition.data import WordCrops
from recognition.losses import CTCObjective
from recognition.model import CRNN
from synthesis.pages import PdfPages

from ..common import paths, real_pages, scenes, train  # noqa: F401

_pages = dict(text_height=(11, 48), max_side=2200)
_crowded = dict(bare=0.0, ornamented=0.1)

codec = L(Codec)(charset=DEFAULT_CHARSET)
model = L(CRNN)(num_classes=len(DEFAULT_CHARSET) + 1)

objective = L(CTCObjective)()

data = L(DataLoader)(
    dataset=L(WordCrops)(
        # Shares of words. Held-out pages are for `evaluate`.
        sources=[
            (L(PdfPages)(folders=["${paths.typeset}"], **_pages, seed=11), 0.28),
            (L(PdfPages)(folders=["${paths.signs}"], **_pages, seed=13), 0.08),
            (L(PdfPages)(folders=["${paths.documents}"], **_pages, seed=12), 0.06),
            # Many words a picture, for what holds none teaches a reader nothing: as a camera in
            # passing sees them, and as one that was pointed at them.
            (scenes(**_crowded, groups=24, seed=14), 0.13),
            (scenes(**_crowded, groups=16, text_height=(18, 120), strength=0.5, seed=15), 0.15),
            (real_pages("sroie"), 0.14),
            (real_pages("tapuscorpus_fra"), 0.06),
            (real_pages("ic15_words", labels="labels.jsonl"), 0.10),
        ],
        codec="${codec}",
        max_pixels=32 * 96 * 96,
    ),
    batch_size=None,
    num_workers=1,
)

evaluate = L(RecognitionEvaluator)(
    sets=[
        ("sroie", real_pages("sroie", held_out=True)),
        ("tapuscorpus", real_pages("tapuscorpus_fra", held_out=True)),
        ("ic15", real_pages("ic15_words", labels="labels.jsonl", held_out=True)),
    ],
    codec="${codec}",
)

train.update(steps=30_000, lr=1e-3, warmup=1000)
