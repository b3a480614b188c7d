"""A smaller recognizer that a trained one teaches, the shipped one unless told otherwise.

    ocr-train configs/recognition/distilled.py --out runs/small paths.real=data/train

The data are those of crnn.py; see configs/common.py for the paths.
"""

from detection.d2 import LazyCall as L
from ocr_pipeline.device import resolve_device
from ocr_pipeline.weights import load_recognizer
from recognition.losses import DistilledObjective

from .crnn import codec, data, evaluate, model, paths, train  # noqa: F401

paths.teacher = None  # a weights file or a run folder; None is the shipped one

# A quarter of the work.
model.update(channels=(16, 32, 64, 128), ranks=(8, 16, 40), squeezed=64, hidden=96)

objective = L(DistilledObjective)(
    codec="${codec}",
    teacher=L(load_recognizer)(
        path="${paths.teacher}", device=L(resolve_device)(name="${train.device}"), language=False
    ),
)
