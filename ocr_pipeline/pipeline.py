"""The facade: an image in, a result out, each stage callable by itself."""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image, ImageOps

import ocr_pipeline
from ocr_pipeline import layout
from ocr_pipeline.inputs import PageImage, read_pages, to_rgb
from ocr_pipeline.results import Document, Page, Word, as_quad

#: A file, a Pillow image, or RGB uint8 (H, W, 3) or grey uint8 (H, W).
Source = str | os.PathLike[str] | Image.Image | np.ndarray

#: Pages that are read together: enough to fill a recognition batch with words.
BATCH_SIZE = 4
#: And no more pages once they have this many pixels, of 3 bytes each. A4 at 300 dpi has 9 million.
BATCH_PIXELS = 50_000_000


class DetectionsLike(Protocol):
    """Quads float32 (N, 4, 2) in pixels of the image, and their scores (N,), 0 to 1."""

    @property
    def quads(self) -> np.ndarray:
        """Where the words are."""

    @property
    def scores(self) -> np.ndarray:
        """How sure the detector is of each."""


class ReadingLike(Protocol):
    """What a crop says, and how sure the recognizer is, 0 to 1."""

    @property
    def text(self) -> str:
        """The text, "" where nothing is legible."""

    @property
    def confidence(self) -> float:
        """Confidence in it."""


class DetectorLike(Protocol):
    """Finds words. `source` and `sha256` name its weights."""

    source: str
    sha256: str

    def detect(self, images: Sequence[np.ndarray]) -> Sequence[DetectionsLike]:
        """Words of each image, RGB uint8 (H, W, 3)."""


class RecognizerLike(Protocol):
    """Reads words. `source` and `sha256` name its weights."""

    source: str
    sha256: str

    def recognize(self, crops: Sequence[np.ndarray]) -> Sequence[ReadingLike]:
        """Text of each crop, grey uint8 (32, w)."""


@dataclass
class _Pending:
    """A document whose pages are not all read yet."""

    source: str
    pages: list[Page] = field(default_factory=list)
    failed: bool = False


_Item = tuple[Source, _Pending, PageImage]


def _raise(source: Source, error: Exception) -> None:
    raise error


class OCRPipeline:
    """Reads pages with a detector and a recognizer.

    Args:
        detector: see `DetectorLike`.
        recognizer: see `RecognizerLike`.
        min_confidence: words below it are left out of results.
        batch_size: pages that are read together, over document borders.
        settings: further settings to note in results, such as the device.
    """

    def __init__(
        self,
        *,
        detector: DetectorLike,
        recognizer: RecognizerLike,
        min_confidence: float = 0.0,
        batch_size: int = BATCH_SIZE,
        settings: dict[str, Any] | None = None,
    ):
        self.detector = detector
        self.recognizer = recognizer
        self.min_confidence = min_confidence
        self.batch_size = batch_size
        self.settings = {**(settings or {}), "min_confidence": min_confidence}

    @classmethod
    def from_pretrained(
        cls,
        *,
        device: str = "auto",
        detector: str | Path | None = None,
        recognizer: str | Path | None = None,
        min_confidence: float = 0.0,
    ) -> "OCRPipeline":
        """Load weights, those of this package unless files are named.

        Args:
            device: "auto" (CUDA where there is one), "cpu", "cuda" or "cuda:n".
            detector: weights file of the detector.
            recognizer: weights file of the recognizer.
            min_confidence: words below it are left out of results.

        Raises:
            ValueError: the device is not there, or a weights file is missing or unfit.
        """
        from ocr_pipeline.device import resolve_device
        from ocr_pipeline.weights import load_detector, load_recognizer

        resolved = resolve_device(device)
        return cls(
            detector=load_detector(detector, resolved),
            recognizer=load_recognizer(recognizer, resolved),
            min_confidence=min_confidence,
            settings={"device": str(resolved)},
        )

    def detect(self, images: Sequence[np.ndarray]) -> Sequence[DetectionsLike]:
        """First stage: the words' quads and scores on each image, RGB uint8 (H, W, 3)."""
        return self.detector.detect(images)

    def recognize(self, image: np.ndarray, quads: np.ndarray) -> Sequence[ReadingLike]:
        """Second stage: what each quad (N, 4, 2) of an image says, in the order given."""
        from recognition.crops import crop_words

        return self.recognizer.recognize(crop_words(image, quads))

    def read(self, source: Source) -> Document:
        """Read one document.

        Raises:
            InputError: the file cannot be read.
        """
        (document,) = self.read_many([source])
        return document

    def read_many(
        self, sources: Iterable[Source], *, on_error: Callable[[Source, Exception], None] = _raise
    ) -> Iterator[Document]:
        """Read documents, as they come, in batches of pages.

        Args:
            sources: files or images.
            on_error: called with each source that fails, and why; it is left out and the others
                go on. The default raises.

        Yields:
            A document for each source that did not fail, in order; its `source` is the path.
        """
        finished: list[_Pending] = []
        pages = self._stream(sources, finished, on_error)
        while batch := self._next_batch(pages):
            for (source, pending, _), page in zip(batch, self._read_batch(batch), strict=True):
                if isinstance(page, Page):
                    pending.pages.append(page)
                elif not pending.failed:
                    pending.failed = True
                    on_error(source, page)
            # All pages that the stream gave out are read now, so these documents are whole.
            yield from self._documents(finished)
        yield from self._documents(finished)

    def read_pages(self, pages: Sequence[PageImage]) -> list[Page]:
        """Read decoded pages together: one detection batch, and all their words in one go."""
        from recognition.crops import crop_words

        start = time.perf_counter()
        found = self.detect([page.image for page in pages])
        detected = time.perf_counter()
        crops = [
            crop_words(page.image, detections.quads)
            for page, detections in zip(pages, found, strict=True)
        ]
        readings = iter(self.recognizer.recognize([crop for some in crops for crop in some]))
        recognized = time.perf_counter()

        results = []
        total = sum(map(len, crops))
        for page, detections, some in zip(pages, found, crops, strict=True):
            arranging = time.perf_counter()
            words = self._words(detections, list(islice(readings, len(some))))
            blocks = tuple(layout.arrange(words))
            results.append(
                Page(
                    index=page.index,
                    width=page.image.shape[1],
                    height=page.image.shape[0],
                    angle=layout.text_angle(words),
                    blocks=blocks,
                    timings={
                        "detection": (detected - start) / len(pages),
                        "recognition": (recognized - detected) * len(some) / max(total, 1),
                        "layout": time.perf_counter() - arranging,
                    },
                    warnings=page.warnings,
                )
            )
        return results

    def _words(self, detections: DetectionsLike, readings: Sequence[ReadingLike]) -> list[Word]:
        """Words that say something, and surely enough."""
        return [
            Word(
                text=reading.text,
                confidence=float(reading.confidence),
                quad=as_quad(quad),
                detection_score=float(score),
            )
            for quad, score, reading in zip(
                detections.quads, detections.scores, readings, strict=True
            )
            if reading.text.strip() and reading.confidence >= self.min_confidence
        ]

    def _stream(
        self,
        sources: Iterable[Source],
        finished: list[_Pending],
        on_error: Callable[[Source, Exception], None],
    ) -> Iterator[_Item]:
        """Decode page after page; a document whose last page was given out goes to `finished`."""
        for source in sources:
            pending = _Pending("" if isinstance(source, Image.Image | np.ndarray) else str(source))
            try:
                for page in _pages(source):
                    yield source, pending, page
                    if pending.failed:
                        break
            except Exception as error:
                if not pending.failed:
                    pending.failed = True
                    on_error(source, error)
            finished.append(pending)

    def _next_batch(self, pages: Iterator[_Item]) -> list[_Item]:
        batch = []
        pixels = 0
        for item in pages:
            batch.append(item)
            pixels += item[2].image.size // 3
            if len(batch) == self.batch_size or pixels >= BATCH_PIXELS:
                break
        return batch

    def _read_batch(self, batch: Sequence[_Item]) -> Sequence[Page | Exception]:
        """Read a batch; if it fails, its pages one by one, so that only the culprit fails."""
        try:
            return self.read_pages([page for _, _, page in batch])
        except Exception as error:
            if len(batch) == 1:
                return [error]
        return [result for item in batch for result in self._read_batch([item])]

    def _documents(self, finished: list[_Pending]) -> Iterator[Document]:
        while finished:
            pending = finished.pop(0)
            if not pending.failed:
                yield Document(
                    source=pending.source,
                    pages=tuple(pending.pages),
                    settings=self.settings,
                    models={
                        "detector": _model(self.detector),
                        "recognizer": _model(self.recognizer),
                    },
                    engine=ocr_pipeline.__version__,
                )


def _model(stage: DetectorLike | RecognizerLike) -> dict[str, str]:
    return {"name": stage.source, "sha256": stage.sha256}


def _pages(source: Source) -> Iterator[PageImage]:
    """Decoded pages of any source."""
    if isinstance(source, Image.Image):
        yield PageImage(to_rgb(ImageOps.exif_transpose(source)))
    elif isinstance(source, np.ndarray):
        if source.ndim == 2:
            source = np.repeat(source[:, :, None], 3, axis=2)
        if source.dtype != np.uint8 or source.ndim != 3 or source.shape[2] != 3 or not source.size:
            raise ValueError(
                f"an image is {source.dtype} {source.shape}, expected uint8 (H, W, 3), RGB, or "
                "(H, W), grey"
            )
        yield PageImage(source)
    else:
        yield from read_pages(source)
