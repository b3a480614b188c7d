"""Pages of grey bars, and two dummy stages that find the bars and read their shade."""

import hashlib
from dataclasses import dataclass

import cv2
import numpy as np
import pytest
from PIL import Image

from ocr_pipeline.pipeline import OCRPipeline


@dataclass(frozen=True)
class Found:
    quads: np.ndarray
    scores: np.ndarray


@dataclass(frozen=True)
class Read:
    text: str
    confidence: float

    def words(self):
        return [(self.text, 0.0, 1.0)] if self.text else []


POISON = (123, 100)  # size of a page that the detector fails on


class BarDetector:
    """Each connected dark region is a word."""

    source = "bars.safetensors"
    sha256 = hashlib.sha256(b"bars").hexdigest()

    def __init__(self):
        self.batches: list[int] = []

    def detect(self, images):
        self.batches.append(len(images))
        return [self._find(image) for image in images]

    def _find(self, image):
        if image.shape[1::-1] == POISON:
            raise RuntimeError("first line\nsecond line")
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        _, _, stats, _ = cv2.connectedComponentsWithStats((grey < 225).astype(np.uint8))
        boxes = stats[1:, :4].astype(np.float32)
        left, top = boxes[:, 0], boxes[:, 1]
        right, bottom = left + boxes[:, 2], top + boxes[:, 3]
        quads = np.stack([left, top, right, top, right, bottom, left, bottom], axis=1)
        return Found(quads.reshape(-1, 4, 2), np.full(len(boxes), 0.9, np.float32))


class ShadeRecognizer:
    """The text is the shade, in tens; shade 20 says nothing; the darker, the surer."""

    source = "shades.safetensors"
    sha256 = hashlib.sha256(b"shades").hexdigest()

    def __init__(self):
        self.batches: list[int] = []

    def recognize(self, crops):
        self.batches.append(len(crops))
        shades = [round(float(crop[16, crop.shape[1] // 2]) / 10) for crop in crops]
        return [Read("" if s == 20 else f"s{s}", 1 - s / 25) for s in shades]


@pytest.fixture
def ocr():
    return OCRPipeline(
        detector=BarDetector(), recognizer=ShadeRecognizer(), settings={"device": "cpu"}
    )


def bars(*shades: int, size: tuple[int, int] = (200, 100)) -> Image.Image:
    """A white page, one line of bars 20 x 10 whose shades are tens: read as "s<shade> ..."."""
    page = np.full((size[1], size[0], 3), 255, np.uint8)
    for k, shade in enumerate(shades):
        page[20:30, 10 + 25 * k : 30 + 25 * k] = 10 * shade
    return Image.fromarray(page)
