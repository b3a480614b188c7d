import copy
import json

import cv2
import pytest

from configs.detection import db_resnet18
from detection.d2 import LazyCall as L
from detection.d2 import instantiate
from ocr_pipeline.weights import save_weights
from recognition.model import CRNN
from tests.recognition.test_data import page_of

TEXTS = [["abba", "cab", "head"], ["fade", "bed"], ["ace", "decade"], ["gaga", "beach"]]


@pytest.fixture(autouse=True)
def plain_logging(monkeypatch, caplog):
    """Loggers of the whole process stay as they are."""
    monkeypatch.setattr("ocr_pipeline.cli.train._log", lambda *_: None)
    caplog.set_level("INFO")


@pytest.fixture
def write_pages():
    """Writes pages to a labelled folder, each record changed as a function says; gives its path."""

    def write(folder, pages=(), *, change=lambda record: record):
        (folder / "images").mkdir(parents=True)
        with (folder / "labels.jsonl").open("w") as labels:
            for i, page in enumerate(pages or map(page_of, TEXTS)):
                name = f"images/{i}.png"
                cv2.imwrite(str(folder / name), page["image"])
                height, width = page["image"].shape[:2]
                record = {"image": name, "width": width, "height": height, "words": page["words"]}
                labels.write(json.dumps(change(record)) + "\n")
        return folder

    return write


def save_tiny(path, charset):
    """Writes a small recognizer that has seen nothing; gives its path."""
    sizes = dict(channels=(8, 16, 24, 32), blocks=(0, 0, 1), squeezed=32, hidden=32)
    config = L(CRNN)(num_classes=len(charset) + 1, **sizes)
    save_weights(path, instantiate(config), config, charset=charset)
    return path


@pytest.fixture
def tiny_weights(tmp_path):
    """A recognizer of eight letters that has seen nothing."""
    return save_tiny(tmp_path / "tiny.safetensors", "abcdefgh")


@pytest.fixture
def tiny_detector(tmp_path):
    """A detector of the shipped kind, thin, that has seen nothing."""
    path = tmp_path / "detector.safetensors"
    config = copy.deepcopy(db_resnet18.model)
    config.backbone.out_channels = config.head.in_channels = config.head.channels = 8
    extras = {"resolution": dict(long_side=320), "calibration": (0.8, 30.0)}
    save_weights(path, instantiate(config), config, **extras)
    return path
