"""The facade: an image in, a result out, each stage callable by itself."""

import os
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image, ImageOps

import ocr_pipeline
from ocr_pipeline import layout
from ocr_pipeline.ahead import ahead
from ocr_pipeline.decode import PageImage, read_pages, to_rgb
from ocr_pipeline.inputs import InputError
from ocr_pipeline.joining import join_pieces
from ocr_pipeline.orientation import (
    LONGEST_SIDE,
    face_text,
    page_slant,
    page_turn,
    start_along,
    straighten,
    sureness,
    turn_back,
)
from ocr_pipeline.results import MIN_CONFIDENCE, Document, Page, Word, as_quad, certainty

#: A file, a Pillow image, or RGB uint8 (H, W, 3) or grey uint8 (H, W).
Source = str | os.PathLike[str] | Image.Image | np.ndarray

#: Decodes a file, as `decode.read_pages` does: called with a path and `on_error`.
Decode = Callable[..., Iterator[PageImage]]

#: Pages that are read together: enough to fill a recognition batch with words.
BATCH_SIZE = 4
#: And no more pages once they have this many pixels, of 3 bytes each. A4 at 300 dpi has 9 million.
BATCH_PIXELS = 50_000_000


class DetectionsLike(Protocol):
    """Quads float32 (N, 4, 2) in pixels of the image, and their scores (N,), 0 to 1: how probable
    it is that each is a word's (1 where that is unknown)."""

    @property
    def quads(self) -> np.ndarray:
        """Where the words are."""

    @property
    def scores(self) -> np.ndarray:
        """How sure the detector is of each, see `results.certainty`."""


class ReadingLike(Protocol):
    """What a crop says, and how sure the recognizer is, 0 to 1."""

    @property
    def text(self) -> str:
        """The text, "" where nothing is legible."""

    @property
    def confidence(self) -> float:
        """Confidence in it."""

    def words(self) -> Sequence[tuple[str, float, float]]:
        """(text, left, right) of each word, in fractions of the crop's width."""


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


class PageError(RuntimeError):
    """A stage failed on a page; `index` counts from 0, `__cause__` is what it raised."""

    def __init__(self, index: int, cause: Exception):
        super().__init__(f"page {index + 1}: {type(cause).__name__}: {cause}")
        self.index = index
        self.__cause__ = cause


@dataclass(frozen=True)
class _Facing:
    """Detections whose quads start where the page's text does."""

    quads: np.ndarray
    scores: np.ndarray


@dataclass
class _Pending:
    """A document whose pages are not all read yet."""

    source: Source
    pages: list[Page] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)


@dataclass
class _Event:
    """What happens to a document: a page or an error, or neither: its end."""

    document: _Pending
    page: PageImage | None = None
    result: Page | None = None
    error: Exception | None = None


#: What quads say, by their bytes.
_Known = dict[bytes, ReadingLike]


def _raise(source: Source, error: Exception) -> None:
    raise error


class OCRPipeline:
    """Reads pages with a detector and a recognizer.

    Args:
        detector: see `DetectorLike`.
        recognizer: see `RecognizerLike`.
        min_confidence: words of less `results.certainty` are left out of results; where none is
            left, the page's warnings say so.
        orientation: whether to look which way up the text stands; False takes it as upright.
        batch_size: pages that are read together, over document borders.
        decode: how files become pages; `functools.partial` of `decode.read_pages` with another
            `decode.Decoding`, say.
        settings: further settings to note in results, such as the device.
    """

    def __init__(
        self,
        *,
        detector: DetectorLike,
        recognizer: RecognizerLike,
        min_confidence: float = MIN_CONFIDENCE,
        orientation: bool = True,
        batch_size: int = BATCH_SIZE,
        decode: Decode = read_pages,
        settings: dict[str, Any] | None = None,
    ):
        self.detector = detector
        self.recognizer = recognizer
        self.min_confidence = min_confidence
        self.orientation = orientation
        self.batch_size = batch_size
        self.decode = decode
        self.settings = {
            **(settings or {}),
            "min_confidence": min_confidence,
            "orientation": orientation,
        }

    @classmethod
    def from_pretrained(
        cls,
        *,
        device: str = "auto",
        detector: str | Path | None = None,
        recognizer: str | Path | None = None,
        min_confidence: float = MIN_CONFIDENCE,
        orientation: bool = True,
        language_model: bool = True,
        decode: Decode = read_pages,
        settings: dict[str, Any] | None = None,
    ) -> "OCRPipeline":
        """Load weights, those of this package unless files are named.

        Args:
            device: "auto" (CUDA where there is one), "cpu", "cuda" or "cuda:n".
            detector: weights file of the detector.
            recognizer: weights file of the recognizer.
            language_model: whether it and the lexicon help with words of which the recognizer is
                unsure.
            min_confidence, orientation, decode, settings: see the class.

        Raises:
            ValueError: the device is not there, or a weights file is missing or unfit.
        """
        from ocr_pipeline.device import resolve_device
        from ocr_pipeline.weights import load_detector, load_recognizer

        resolved = resolve_device(device)
        return cls(
            detector=load_detector(detector, resolved),
            recognizer=load_recognizer(recognizer, resolved, language=language_model),
            min_confidence=min_confidence,
            orientation=orientation,
            decode=decode,
            settings={
                "device": str(resolved),
                "language_model": language_model,
                **(settings or {}),
            },
        )

    def detect(self, images: Sequence[np.ndarray]) -> Sequence[DetectionsLike]:
        """First stage: the words' quads and scores on each image, RGB uint8 (H, W, 3)."""
        return self.detector.detect(images)

    def recognize(self, image: np.ndarray, quads: np.ndarray) -> Sequence[ReadingLike]:
        """Second stage: what each quad (N, 4, 2) of an image says, in the order given.

        Quads start at the top-left corner of their text. Those of words that stand on their side
        need not, unless `orientation` is off; their characters' spans lie along the text then.
        """
        quads = np.asarray(quads, np.float32)
        return self._face_text(image, quads, self._read(image, quads))[1]

    def read(self, source: Source) -> Document:
        """Read one document.

        Raises:
            InputError: the file cannot be read.
            PageError: a stage failed.
        """
        (document,) = self.read_many([source])
        return document

    def read_many(
        self, sources: Iterable[Source], *, on_error: Callable[[Source, Exception], None] = _raise
    ) -> Iterator[Document]:
        """Read documents, as they come, in batches of pages.

        Decoding works a batch ahead, in a thread of its own.

        Args:
            sources: files or images.
            on_error: called, in the caller's thread, with each source that fails and why, or of
                which a page fails. The others go on, and so do the other pages; a document that
                lacks a page says so in its warnings. The default raises.

        Yields:
            A document for each source of which something could be read, in order; its `source` is
            the path.
        """
        # Both stages run in the caller's thread: two threads with a pool of OpenMP workers each
        # would halve their speed on a CPU.
        for batch in ahead(self._batches(sources)):
            self._read_batch([event for event in batch if event.page])
            for event in batch:
                document = event.document
                if event.error is not None:
                    document.errors.append(event.error)
                    on_error(document.source, event.error)
                elif event.result is not None:
                    document.pages.append(event.result)
                elif document.pages or not document.errors:
                    yield self._document(document)

    def read_pages(self, pages: Sequence[PageImage]) -> list[Page]:
        """Read decoded pages together: one detection batch, and nearly all words in one go."""
        start = time.perf_counter()
        found = self.detect([page.image for page in pages])
        detection = (time.perf_counter() - start) / max(len(pages), 1)  # seconds a page

        start = time.perf_counter()
        known: list[_Known] = [{} for _ in pages]
        facing = [
            self._upright(page.image, words, readings)
            for page, words, readings in zip(pages, found, known, strict=True)
        ]
        self._recognize_rest(pages, facing, known)
        said = [
            self._say(page.image, words, [readings[quad.tobytes()] for quad in words.quads])
            for page, words, readings in zip(pages, facing, known, strict=True)
        ]
        total = sum(len(quads) for quads, _, _ in said)
        recognition = (time.perf_counter() - start) / max(total, 1)  # seconds a word

        results = []
        for page, (quads, scores, readings) in zip(pages, said, strict=True):
            start = time.perf_counter()
            words = self._words(quads, scores, readings)
            blocks = tuple(layout.arrange(words))
            results.append(
                Page(
                    index=page.index,
                    width=page.image.shape[1],
                    height=page.image.shape[0],
                    angle=layout.text_angle(words),
                    dpi=page.dpi,
                    blocks=blocks,
                    timings={
                        "detection": detection,
                        "recognition": recognition * len(quads),
                        "layout": time.perf_counter() - start,
                    },
                    warnings=(*page.warnings, *self._all_unsure(words, readings)),
                )
            )
        return results

    def _all_unsure(
        self, words: Sequence[Word], readings: Sequence[ReadingLike]
    ) -> tuple[str, ...]:
        """A warning, if a page seems empty for that reason alone."""
        unsure = sum(bool(reading.text) for reading in readings)
        if words or not unsure:
            return ()
        return (
            f"all words found ({unsure}) are left out, being less sure than "
            f"{self.min_confidence:g}; --min-confidence 0 keeps them",
        )

    def _recognize_rest(
        self,
        pages: Sequence[PageImage],
        facing: Sequence[DetectionsLike],
        known: Sequence[_Known],
    ) -> None:
        """Read all words of all pages in one go, but for those that are known already."""
        from recognition.crops import crop_words

        keys, crops = [], []
        for page, words, readings in zip(pages, facing, known, strict=True):
            quads = {quad.tobytes(): quad for quad in words.quads}
            rest = [key for key in quads if key not in readings]
            keys += [(readings, key) for key in rest]
            crops += crop_words(page.image, np.reshape([quads[key] for key in rest], (-1, 4, 2)))
        for (readings, key), reading in zip(keys, self.recognizer.recognize(crops), strict=True):
            readings[key] = reading

    def _words(
        self, quads: np.ndarray, scores: np.ndarray, readings: Sequence[ReadingLike]
    ) -> list[Word]:
        """Words that say something, and surely enough.

        Where the recognizer reads several words in one crop, the detector has missed the gap
        between them, and the quad is cut there.
        """
        from recognition.crops import part_of_quad

        words = []
        for quad, score, reading in zip(quads, scores, readings, strict=True):
            # Nor where a score is NaN.
            if not certainty(reading.confidence, score) >= self.min_confidence:
                continue
            parts = reading.words()
            for text, left, right in parts:
                part = quad if len(parts) == 1 else part_of_quad(quad, left, right)
                words.append(
                    Word(
                        text=text,
                        confidence=float(reading.confidence),
                        quad=as_quad(part),
                        detection_score=float(score),
                    )
                )
        return words

    def _batches(self, sources: Iterable[Source]) -> Generator[list[_Event], None, None]:
        """Decode page after page; gather what happens until the pages make a batch."""
        batch: list[_Event] = []
        count = pixels = 0
        for source in sources:
            document = _Pending(source)
            for event in self._decode(document):
                batch.append(event)
                if event.page is not None:
                    count += 1
                    pixels += event.page.image.size // 3
                if count == self.batch_size or pixels >= BATCH_PIXELS:
                    yield batch
                    batch, count, pixels = [], 0, 0
            batch.append(_Event(document))
        yield batch

    def _decode(self, document: _Pending) -> Iterator[_Event]:
        errors: list[Exception] = []
        try:
            for page in self._pages(document.source, errors.append):
                while errors:
                    yield _Event(document, error=errors.pop(0))
                yield _Event(document, page=page)
        except Exception as last:
            errors.append(last)
        for error in errors:
            yield _Event(document, error=error)

    def _pages(self, source: Source, on_error: Callable[[Exception], None]) -> Iterator[PageImage]:
        """Decoded pages of any source."""
        if isinstance(source, Image.Image):
            yield PageImage(to_rgb(ImageOps.exif_transpose(source)))
        elif isinstance(source, np.ndarray):
            yield PageImage(_as_rgb(source))
        else:
            yield from self.decode(source, on_error=on_error)

    def _read_batch(self, events: Sequence[_Event]) -> None:
        """Read pages together; if that fails, one by one, so that only the culprit fails."""
        if not events:
            return
        try:
            results = self.read_pages([event.page for event in events if event.page])
        except Exception as error:
            if len(events) > 1:
                for event in events:
                    self._read_batch([event])
            elif page := events[0].page:
                events[0].error = PageError(page.index, error)
            return
        for event, result in zip(events, results, strict=True):
            event.page, event.result = None, result  # pictures are large; the caller may linger

    def _upright(self, image: np.ndarray, found: DetectionsLike, known: _Known) -> DetectionsLike:
        """Let quads start where the page's text does; one that is turned or slanted is seen anew.

        What is read on the way is noted in `known`: most of it is what the page says.
        """
        if not self.orientation:
            return found

        def confidences(quads: np.ndarray) -> list[float]:
            readings = self._read(image, quads)
            known.update({q.tobytes(): r for q, r in zip(quads, readings, strict=True)})
            return [sureness(reading) for reading in readings]

        slant = page_slant(found.quads) if max(image.shape) <= LONGEST_SIDE else 0.0
        quads = start_along(found.quads, slant) if slant else found.quads
        turn = page_turn(quads, confidences)
        if turn or slant:
            straight, back = straighten(image, turn, slant)
            (found,) = self.detect([straight])
            quads = turn_back(found.quads, back)
        return _Facing(quads, found.scores)

    def _face_text(
        self, image: np.ndarray, quads: np.ndarray, readings: Sequence[ReadingLike]
    ) -> tuple[np.ndarray, Sequence[ReadingLike]]:
        """Words that stand on their side, each from the corner where its text starts."""
        if not self.orientation:
            return quads, readings
        return face_text(quads, readings, partial(self._read, image))

    def _say(
        self, image: np.ndarray, found: DetectionsLike, readings: Sequence[ReadingLike]
    ) -> tuple[np.ndarray, np.ndarray, Sequence[ReadingLike]]:
        """Quads, scores and readings of a page's words, sideways ones turned, pieces joined."""
        quads, readings = self._face_text(image, found.quads, readings)
        return join_pieces(
            quads,
            found.scores,
            readings,
            partial(self._read, image),
            min_confidence=self.min_confidence,
        )

    def _read(self, image: np.ndarray, quads: np.ndarray) -> Sequence[ReadingLike]:
        """What quads say from their first corner on."""
        from recognition.crops import crop_words

        return self.recognizer.recognize(crop_words(image, quads))

    def _document(self, document: _Pending) -> Document:
        return Document(
            source=_name(document.source),
            pages=tuple(document.pages),
            settings=self.settings,
            models={"detector": _model(self.detector), "recognizer": _model(self.recognizer)},
            engine=ocr_pipeline.__version__,
            warnings=tuple(
                f"{error.reason}; {error.remedy}" if isinstance(error, InputError) else str(error)
                for error in document.errors
            ),
        )


def _model(stage: DetectorLike | RecognizerLike) -> dict[str, str]:
    return {"name": stage.source, "sha256": stage.sha256}


def _name(source: Source) -> str:
    return "" if isinstance(source, Image.Image | np.ndarray) else str(source)


def _as_rgb(image: np.ndarray) -> np.ndarray:
    if image.ndim == 2:
        image = np.repeat(image[:, :, None], 3, axis=2)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise ValueError(
            f"an image is {image.dtype} {image.shape}, expected uint8 (H, W, 3), RGB, or "
            "(H, W), grey"
        )
    return image
