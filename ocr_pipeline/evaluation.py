"""Measuring the stages and whole pages on labelled folders (docs/results.md has the protocols)."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from torch import nn

from recognition.codec import Codec
from recognition.crops import crop_words
from recognition.data import labelled_words
from recognition.metrics import RecognitionMetric
from recognition.recognizer import Recognizer


def evaluate_recognizer(
    recognizer: Recognizer, pages: Iterable[Mapping[str, Any]], *, limit: int | None = None
) -> RecognitionMetric:
    """Read every legible word on its ground-truth quad (at most `limit` words)."""
    metric = RecognitionMetric()
    for page in pages:
        words = labelled_words(page)
        crops = crop_words(page["image"], np.array([quad for quad, _ in words]))
        for (_, label), reading in zip(words, recognizer.recognize(crops), strict=True):
            metric.update(label, reading.text)
        if limit is not None and metric.words >= limit:
            break
    return metric


class RecognitionEvaluator:
    """`evaluate_recognizer` for the training engine: averaged model in, figures out."""

    def __init__(self, *, sets: Mapping[str, Any], codec: Codec, limit: int = 2000):
        self.sets = sets
        self.codec = codec
        self.limit = limit

    def __call__(self, model: nn.Module) -> dict[str, float]:
        """Figures named set/metric."""
        recognizer = Recognizer(model=model, codec=self.codec)
        return {
            f"{name}/{figure}": value
            for name, pages in self.sets.items()
            for figure, value in evaluate_recognizer(recognizer, pages, limit=self.limit)
            .summary()
            .items()
            if figure != "words"
        }
