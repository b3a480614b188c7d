"""What was read: Document > Page > Block > Line > Word.

Plain frozen dataclasses with `to_dict` and `from_dict`. The JSON form is described by
`result.schema.json` (JSON Schema 2020-12) beside this file; `SCHEMA_VERSION` is its version.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

SCHEMA_VERSION = "1.1"

#: Words of less `certainty` are left out unless one asks for them: most are no text, or none that
#: can be read (docs/results.md).
MIN_CONFIDENCE = 0.4

#: Four corners (x, y) in pixels of the original page, clockwise from the top-left corner of the
#: text in its reading direction; x right, y down; pixel edges (a page spans 0..width).
Quad = tuple[tuple[float, float], ...]


def certainty(confidence: float, detection_score: float) -> float:
    """How sure a word is, 0..1, for a recognizer's confidence and a detection score.

    The latter counts by its root: what reads well is hardly ever no word, whatever it looked like
    from afar.
    """
    return confidence * math.sqrt(max(detection_score, 0.0))  # NaN stays NaN


def as_quad(points: Any) -> Quad:
    """Four points, as an array or nested sequences, as a `Quad`."""
    quad = tuple((float(x), float(y)) for x, y in points)
    if len(quad) != 4:
        raise ValueError(f"a quad has 4 points, not {len(quad)}: {quad}")
    return quad


def _round_quad(quad: Quad) -> list[list[float]]:
    return [[round(x, 1), round(y, 1)] for x, y in quad]


@dataclass(frozen=True)
class Word:
    """One word.

    Attributes:
        text: what it says, never empty.
        confidence: the recognizer's, 0..1.
        quad: where it stands.
        detection_score: how probable it is that the quad is a word's, 0..1.
    """

    text: str
    confidence: float
    quad: Quad
    detection_score: float

    def to_dict(self) -> dict[str, Any]:
        """JSON form, coordinates to a tenth of a pixel."""
        return {
            "text": self.text,
            "confidence": round(self.confidence, 4),
            "quad": _round_quad(self.quad),
            "detection_score": round(self.detection_score, 4),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Word":
        """Inverse of `to_dict`."""
        return cls(
            text=data["text"],
            confidence=data["confidence"],
            quad=as_quad(data["quad"]),
            detection_score=data["detection_score"],
        )


@dataclass(frozen=True)
class Line:
    """Words on one baseline, in reading order; `quad` encloses them."""

    words: tuple[Word, ...]
    quad: Quad

    @property
    def text(self) -> str:
        """The words, joined by spaces."""
        return " ".join(word.text for word in self.words)

    def to_dict(self) -> dict[str, Any]:
        """JSON form; `text` is there for convenience."""
        return {
            "text": self.text,
            "quad": _round_quad(self.quad),
            "words": [word.to_dict() for word in self.words],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Line":
        """Inverse of `to_dict`."""
        return cls(
            words=tuple(Word.from_dict(word) for word in data["words"]), quad=as_quad(data["quad"])
        )


@dataclass(frozen=True)
class Block:
    """Lines that belong together, such as a paragraph, top to bottom; `quad` encloses them."""

    lines: tuple[Line, ...]
    quad: Quad

    @property
    def text(self) -> str:
        """The lines, one below the other."""
        return "\n".join(line.text for line in self.lines)

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {
            "quad": _round_quad(self.quad),
            "lines": [line.to_dict() for line in self.lines],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Block":
        """Inverse of `to_dict`."""
        return cls(
            lines=tuple(Line.from_dict(line) for line in data["lines"]), quad=as_quad(data["quad"])
        )


@dataclass(frozen=True)
class Page:
    """One page; without blocks it is blank.

    Attributes:
        index: number of the page in its document, from 0.
        width, height: of the original page, in pixels.
        angle: direction of its text in degrees, clockwise from the x axis.
        dpi: pixels an inch as the file states them, None where it does not.
        blocks: in reading order.
        timings: seconds by stage; of work on several pages at once, this page's share.
        warnings: what was wrong with the page, though it could be read.
    """

    index: int
    width: int
    height: int
    angle: float = 0.0
    dpi: float | None = None
    blocks: tuple[Block, ...] = ()
    timings: Mapping[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def lines(self) -> list[Line]:
        """All lines in reading order."""
        return [line for block in self.blocks for line in block.lines]

    @property
    def words(self) -> list[Word]:
        """All words in reading order."""
        return [word for line in self.lines for word in line.words]

    @property
    def text(self) -> str:
        """The blocks, with an empty line between them."""
        return "\n\n".join(block.text for block in self.blocks)

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {
            "index": self.index,
            "width": self.width,
            "height": self.height,
            "angle": round(self.angle, 4),
            "dpi": self.dpi,
            "blocks": [block.to_dict() for block in self.blocks],
            "timings": {stage: round(seconds, 4) for stage, seconds in self.timings.items()},
            "warnings": list(self.warnings),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Page":
        """Inverse of `to_dict`."""
        return cls(
            index=data["index"],
            width=data["width"],
            height=data["height"],
            angle=data["angle"],
            dpi=data["dpi"],
            blocks=tuple(Block.from_dict(block) for block in data["blocks"]),
            timings=dict(data["timings"]),
            warnings=tuple(data["warnings"]),
        )


@dataclass(frozen=True)
class Document:
    """All that was read from one input, and what it was read with.

    Attributes:
        source: the input as it was named, "" for an image in memory.
        pages: in order.
        settings: the options that shaped the result, as JSON values.
        models: by stage, `{"name": file, "sha256": hash}` of its weights.
        engine: version of this package.
        warnings: pages that are missing here, and why.
    """

    source: str
    pages: Sequence[Page]
    settings: Mapping[str, Any]
    models: Mapping[str, Mapping[str, str]]
    engine: str
    warnings: tuple[str, ...] = ()

    @property
    def words(self) -> list[Word]:
        """All words in reading order."""
        return [word for page in self.pages for word in page.words]

    @property
    def text(self) -> str:
        """The pages' text, with a line and a form feed between pages."""
        return "\n\f".join(page.text for page in self.pages)

    def to_dict(self) -> dict[str, Any]:
        """JSON form, valid against `schema()`."""
        return {
            "schema_version": SCHEMA_VERSION,
            "engine": self.engine,
            "source": self.source,
            "settings": dict(self.settings),
            "models": {stage: dict(model) for stage, model in self.models.items()},
            "warnings": list(self.warnings),
            "pages": [page.to_dict() for page in self.pages],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Document":
        """Inverse of `to_dict`.

        Raises:
            ValueError: the result has another schema version.
        """
        if data["schema_version"] != SCHEMA_VERSION:
            raise ValueError(
                f"this result has schema version {data['schema_version']!r}, expected "
                f"{SCHEMA_VERSION!r}; read the document again with this version of ocr-pipeline"
            )
        return cls(
            source=data["source"],
            pages=tuple(Page.from_dict(page) for page in data["pages"]),
            settings=dict(data["settings"]),
            models={stage: dict(model) for stage, model in data["models"].items()},
            engine=data["engine"],
            warnings=tuple(data["warnings"]),
        )


def schema() -> dict[str, Any]:
    """The JSON Schema of a result document."""
    return json.loads(files(__package__).joinpath("result.schema.json").read_text("utf-8"))
