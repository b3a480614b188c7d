import cv2
import numpy as np
import pytest
import torch

from detection.d2 import FPN, BasicBlock, BasicStem, ResNet
from detection.losses import DBLoss
from detection.model import DBHead, DBNet
from detection.postprocess import Regions

LEVELS = ["res2", "res3", "res4", "res5"]
WORDS = ["Invoice", "No.", "4711", "total", "due", "on", "receipt", "Thank", "you", "for", "it"]


@pytest.fixture(autouse=True, scope="package")
def one_thread():
    """Threads cost more than they bring on toy models, and stall where cores are busy."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def dbnet() -> DBNet:
    """The shipped architecture with a thin backbone."""
    torch.manual_seed(0)
    stages = [
        ResNet.make_stage(
            BasicBlock,
            1,
            in_channels=inputs,
            out_channels=outputs,
            stride_per_block=[stride],
            norm="BN",
        )
        for inputs, outputs, stride in [(16, 16, 1), (16, 24, 2), (24, 32, 2), (32, 48, 2)]
    ]
    stem = BasicStem(in_channels=3, out_channels=16, norm="BN")
    backbone = FPN(
        bottom_up=ResNet(stem=stem, stages=stages, out_features=LEVELS),
        in_features=LEVELS,
        out_channels=16,
    )
    head = DBHead(in_channels=16, channels=16)
    return DBNet(backbone=backbone, head=head, loss=DBLoss(), postprocess=Regions())


@pytest.fixture
def page() -> dict:
    """See `render`."""
    return render()


def render() -> dict:
    """Black words on white, 320 x 320, with their quads."""
    image = np.full((320, 320, 3), 255, np.uint8)
    words = []
    x, y = 20, 50
    for text in WORDS:
        (width, height), below = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.8, 2)
        if x + width > 300:
            x, y = 20, y + 50
        cv2.putText(image, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (0, 0, 0), 2)
        box = [[x, y - height], [x + width, y - height], [x + width, y + below], [x, y + below]]
        words.append({"quad": box, "text": text, "ignore": False})
        x += width + 14
    return {"image": image, "words": words, "name": "rendered"}
