"""The detector from nothing, on typeset pages alone: all that a fresh clone has.

ocr-synth typeset --out data/typeset --pages 3000
ocr-train configs/detection/synthetic.py --out runs/detector
"""

from detection.d2 import LazyCall as L
from synthesis.pages import PdfPages

from .db_resnet18 import data, evaluate, model, resolution, train  # noqa: F401

paths = dict(typeset="data/typeset")
data.dataset.sources = [
    (L(PdfPages)(folders=["${paths.typeset}"], crop=1000, text_height=(7, 30), seed=21), 1.0)
]
evaluate.sets = [
    ("typeset", L(PdfPages)(folders=["${paths.typeset}"], text_height=(11, 30), seed=91))
]
