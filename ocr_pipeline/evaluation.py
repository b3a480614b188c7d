"""Measuring the stages and whole pages on labelled folders (protocols: docs/results.md)."""

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import nn

from detection.detector import Detector
from detection.geometry import as_quads
from detection.metrics import DetectionMetric, fit_calibration, match
from detection.quantized import ranges_of as ranges_of_detector
from ocr_pipeline.device import inference_dtype
from ocr_pipeline.orientation import face_text
from ocr_pipeline.pipeline import OCRPipeline
from ocr_pipeline.results import Word, as_quad
from ocr_pipeline.weights import language_decode
from quantization.ranges import Ranges
from recognition.codec import Codec, normalize
from recognition.crops import crop_words
from recognition.data import legible_words
from recognition.metrics import RecognitionMetric, fit_exponent
from recognition.model import CRNN
from recognition.quantized import ranges_of as ranges_of_recognizer
from recognition.recognizer import Reading, Recognizer
from synthesis.contact_sheet import page_sheet, word_sheet

logger = logging.getLogger(__name__)

LabelledPage = Mapping[str, Any]


def evaluate_recognizer(
    recognizer: Recognizer,
    pages: Iterable[LabelledPage],
    *,
    limit: int | None = None,
    without: str = "",
) -> RecognitionMetric:
    """Read every legible word on its ground-truth quad, as the pipeline would (words that stand on
    their side are turned); labels with inner spaces are left out.

    Args:
        limit: stop after the page that brings this many words.
        without: words whose label holds any of these characters are left out (check boxes).
    """
    metric = RecognitionMetric()
    for page in pages:
        left_out = {" ", *without}
        legible = legible_words(page)
        words = [word for word in legible if not left_out & set(word["text"])]
        metric.left_out += len(legible) - len(words)
        for word, reading in zip(words, _readings(recognizer, page, words), strict=True):
            metric.update(word["text"], reading.text, reading.confidence)
        if limit is not None and metric.words >= limit:
            break
    return metric


def _readings(
    recognizer: Recognizer, page: LabelledPage, words: Sequence[Mapping[str, Any]]
) -> list[Reading]:
    """What words of a page say on their quads, on their side where they stand so."""

    def read(quads: np.ndarray) -> list[Reading]:
        return recognizer.recognize(crop_words(page["image"], quads))

    quads = as_quads([word["quad"] for word in words])
    return face_text(quads, read(quads), read)[1]


def words_on_true_quads(ocr: OCRPipeline, page: LabelledPage) -> list[Word]:
    """What the second stage reads on a page's labelled quads, be they of words or of lines. Since
    there is text, what is unsure counts too."""
    quads, _, _ = ground_truth(page)
    return [
        Word(
            text=reading.text,
            confidence=reading.confidence,
            quad=as_quad(quad),
            detection_score=1.0,
        )
        for quad, reading in zip(quads, ocr.recognize(page["image"], quads), strict=True)
        if reading.text
    ]


def evaluate_detector(
    detector: Detector,
    pages: Iterable[LabelledPage],
    *,
    iou: float = 0.5,
    straight: bool = False,
) -> DetectionMetric:
    """Find the words of each page; words with empty text are dropped where others have one,
    `ignore` is honoured."""
    metric = DetectionMetric(iou=iou, straight=straight)
    for page in pages:
        quads, _, ignore = ground_truth(page)
        (found,) = detector.detect([page["image"]])
        metric.update(quads, found.quads, ignore, found.scores)
    return metric


def ground_truth(page: LabelledPage) -> tuple[np.ndarray, list[str], np.ndarray]:
    """(quads (N, 4, 2), texts, ignore (N,)) of a page, less legible words with empty text where
    others have one."""
    words = [word for word in page["words"] if word.get("ignore") or word["text"].strip()]
    if not words:  # boxes alone, which is all that a detector needs
        words = page["words"]
    return (
        as_quads([word["quad"] for word in words]),
        [word["text"] for word in words],
        np.array([bool(word.get("ignore")) for word in words], dtype=bool),
    )


class PageMetric:
    """End to end and bag of words, from counts summed over pages.

    End to end (docTR's protocol): truth and result are assigned one to one by IoU >= `iou` without
    regard to text; a pair counts where the texts are equal, as they are (raw) or in lower case
    (caseless). recall = pairs / truth, precision = pairs / result, f their harmonic mean.

    Bag of words (SROIE's protocol): the words of a page, lines split at spaces, lower case, as a
    multiset without geometry. Figures are percentages; with nothing to divide by, 0.
    """

    def __init__(self, *, iou: float = 0.5, straight: bool = False):
        self.iou = iou
        self.straight = straight
        self.pages = self.truth = self.found = self.raw = self.caseless = 0
        self.bag_truth = self.bag_found = self.bag_shared = 0

    def update(self, page: LabelledPage, words: Iterable[Word]) -> None:
        """Add a labelled page and the words that were read on it."""
        words = list(words)
        quads, texts, ignore = ground_truth(page)
        matching = match(
            quads,
            as_quads([word.quad for word in words]),
            ignore=ignore,
            iou=self.iou,
            straight=self.straight,
        )
        self.pages += 1
        self.truth += int((~ignore).sum())
        self.found += len(words) - int(matching.dropped.sum())
        for true, guess in matching.pairs:
            label, text = normalize(texts[true]), normalize(words[guess].text)
            self.raw += label == text
            self.caseless += label.lower() == text.lower()
        legible = [text for text, skip in zip(texts, ignore, strict=True) if not skip]
        bag = Counter(normalize(" ".join(legible)).lower().split())
        kept = (w for w, out in zip(words, matching.dropped, strict=True) if not out)
        read = Counter(normalize(" ".join(word.text for word in kept)).lower().split())
        self.bag_truth += bag.total()
        self.bag_found += read.total()
        self.bag_shared += (bag & read).total()

    def summary(self) -> dict[str, float]:
        """Figures over all pages so far, and the counts that they come from."""
        return {
            "pages": self.pages,
            "truth": self.truth,
            "found": self.found,
            **_scores("raw", self.raw, self.found, self.truth),
            **_scores("caseless", self.caseless, self.found, self.truth),
            **_scores("bag", self.bag_shared, self.bag_found, self.bag_truth),
        }


def _scores(name: str, right: int, found: int, truth: int) -> dict[str, float]:
    return {
        f"{name}_precision": 100 * right / max(found, 1),
        f"{name}_recall": 100 * right / max(truth, 1),
        f"{name}_f": 200 * right / max(found + truth, 1),
    }


#: On a sheet of samples of the first set: pages; words, and how many of one page.
_SHEET_PAGES, _SHEET_WORDS, _PAGE_WORDS = 8, 160, 20
#: Words of which not a single one is read by chance.
_TELLING = 20


def _spread(pages: Any) -> Iterator[LabelledPage]:
    """All pages of a set, in an order of which the first ones, however many, lie all over it."""
    if not hasattr(pages, "__len__"):
        return iter(pages)
    # Multiples of the golden ratio, less their whole parts, are evenly spread; ranks of them are
    # places in the set.
    golden = np.arange(len(pages)) * 0.6180339887498949 % 1
    return (pages[int(index)] for index in golden.argsort().argsort())


class RecognitionEvaluator:
    """`evaluate_recognizer` for the training engine, on at most some `limit` words of each set, all
    over it: averaged model in, figures out.

    `extras` are for `weights.save_weights`: the ranges that a CPU needs to read in bytes, as these
    words have them, and the exponent that fits confidences to them.
    """

    def __init__(self, *, sets: Sequence[tuple[str, Any]], codec: Codec, limit: int = 2000):
        self.sets = sets
        self.codec = codec
        self.limit = limit
        self.extras: dict[str, Any] = {}

    def __call__(self, model: CRNN) -> dict[str, float]:
        """Figures named set/metric; a set of which no word is read gets a diagnosis in the log.

        Raises:
            ValueError: a set holds no word that counts: its figures would look perfect.
        """
        recognizer = self._recognizer(model)
        figures: dict[str, float] = {}
        confidences: list[tuple[float, bool]] = []
        with ranges_of_recognizer(model) as ranges:
            for name, pages in self.sets:
                metric = evaluate_recognizer(recognizer, _spread(pages), limit=self.limit)
                if not metric.words:
                    raise ValueError(
                        f"validation set {name}: no word counts (all are ignored, empty, or hold "
                        "spaces or characters outside the charset): check it with `ocr-data check`"
                    )
                confidences += metric.confidences
                if metric.words >= _TELLING and not metric.exact:
                    logger.warning(
                        "%s: %s", name, nothing_read([text for _, text in metric.errors])
                    )
                summary = metric.summary()
                figures |= {
                    f"{name}/{figure}": summary[figure]
                    for figure in ("exact", "caseless", "alphanumeric", "cer")
                }
        exponent = fit_exponent(confidences)
        self.extras = _kept(ranges)
        if exponent:
            self.extras["confidence_exponent"] = exponent
        return figures

    def sheet(self, model: CRNN) -> np.ndarray:
        """Words of the first set with what is read, in red and with the label where it is wrong."""
        recognizer = self._recognizer(model)
        pages: list[dict[str, Any]] = []
        shown = 0
        for page in self.sets[0][1]:
            legible = legible_words(page)
            legible = legible[:: max(1, len(legible) // _PAGE_WORDS)][:_PAGE_WORDS]
            words = []
            for word, reading in zip(legible, _readings(recognizer, page, legible), strict=True):
                label, quad = word["text"], np.asarray(word["quad"], np.float32)
                wrong = normalize(label) != reading.text
                text = f"{reading.text} ({label})" if wrong else label
                words.append({"quad": quad, "text": text, "wrong": wrong, "ignore": False})
            pages.append({"image": page["image"], "words": words})
            shown += len(words)
            if shown >= _SHEET_WORDS:
                break
        return word_sheet(pages, crop_words, count=_SHEET_WORDS)

    def _recognizer(self, model: CRNN) -> Recognizer:
        decode = language_decode(self.codec)
        return Recognizer(model=model, codec=self.codec, dtype=_precision(model), decode=decode)


def nothing_read(texts: Sequence[str]) -> str:
    """Why none of many words was read right, judged by what was read."""
    begin = f"none of {len(texts)} words was read right"
    if not any(texts):
        return (
            f"{begin}, all came out empty. A recognizer that begins from nothing says only blanks "
            "for its first hundreds of steps: wait. One that has been trained does so where crops "
            "hold no text: look at samples/, quads may be in other pixels than the pictures"
        )
    common, count = Counter(text for text in texts if text).most_common(1)[0]
    if count > 0.5 * len(texts):
        return (
            f"{begin}, {count} came out as {common!r}. It has not begun to tell letters apart: "
            "wait some hundreds of steps, then lower train.lr"
        )
    return (
        f"{begin}, but they were read as various texts, such as {common!r}. Symbols that are new "
        "to the weights take some hundreds of steps; else labels and quads may be out of step "
        "(another order, another picture), or the charset's order is not that of the weights: look "
        "at samples/"
    )


class DetectionEvaluator:
    """`evaluate_detector` for the training engine, on at most `limit` pages of each set, all over
    it.

    `extras` are for `weights.save_weights`: the ranges that a CPU needs to detect in bytes, as
    these pages have them, and the curve that fits scores to them.
    """

    def __init__(
        self, *, sets: Sequence[tuple[str, Any]], resolution: Mapping[str, Any], limit: int = 40
    ):
        self.sets = sets
        self.resolution = resolution
        self.limit = limit
        self.extras: dict[str, Any] = {}

    def __call__(self, model: nn.Module) -> dict[str, float]:
        """Figures named set/metric, in percent."""
        detector = self._detector(model)
        figures: dict[str, float] = {}
        scores: list[tuple[float, bool]] = []
        with ranges_of_detector(model) as ranges:
            for name, pages in self.sets:
                metric = evaluate_detector(detector, islice(_spread(pages), self.limit))
                summary = metric.summary()
                figures |= {
                    f"{name}/{figure}": 100 * summary[figure]
                    for figure in ("precision", "recall", "hmean")
                }
                scores += metric.scores
        self.extras = _kept(ranges)
        if calibration := fit_calibration(scores):
            self.extras["calibration"] = calibration
        return figures

    def sheet(self, model: nn.Module) -> np.ndarray:
        """Pages of the first set, green around what was found, red around words missed."""
        detector = self._detector(model)
        pages = []
        for page in islice(self.sets[0][1], _SHEET_PAGES):
            quads, _, ignore = ground_truth(page)
            (found,) = detector.detect([page["image"]])
            missed = ~ignore
            missed[match(quads, found.quads, ignore=ignore).pairs[:, 0]] = False
            words = [
                *({"quad": quad, "ignore": False} for quad in found.quads),
                *({"quad": quad, "ignore": True} for quad in quads[missed]),
            ]
            pages.append({"image": page["image"], "words": words})
        return page_sheet(pages, count=_SHEET_PAGES, side=450)

    def _detector(self, model: nn.Module) -> Detector:
        return Detector(model=model, dtype=_precision(model), **self.resolution)


def _kept(ranges: Ranges) -> dict[str, Any]:
    """What goes into the weights file of them; nothing, where float16 has overflowed."""
    finite = np.isfinite(list(ranges.values())).all()
    return {"ranges": ranges} if ranges and finite else {}


def _precision(model: nn.Module) -> torch.dtype:
    return inference_dtype(next(model.parameters()).device)
