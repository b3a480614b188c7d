"""The recognizer from nothing, on typeset pages alone: all that a fresh clone has.

    ocr-synth typeset --out data/typeset --pages 3000
    ocr-train configs/recognition/synthetic.py --out runs/recognizer

It learns to read clean print in an hour on a laptop; scans and photographs want real pages too:
see configs/recognition/crnn.py.
"""

from detection.d2 import LazyCall as L
from synthesis.pages import PdfPages

from .crnn import codec, data, evaluate, model, objective, train  # noqa: F401

paths = dict(typeset="data/typeset")
data.dataset.sources = [
    (L(PdfPages)(folders=["${paths.typeset}"], text_height=(11, 48), max_side=2200, seed=11), 1.0)
]
evaluate.sets = [
    ("typeset", L(PdfPages)(folders=["${paths.typeset}"], text_height=(11, 48), seed=91))
]
