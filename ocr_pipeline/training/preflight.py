"""What is wrong with labels, said before training begins.

The rules are those of `ocr-data check` and of the recognizer's data; here they are counted for one
stage, and decide whether to begin at all.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from ocr_pipeline.datasets.check import KINDS, quad_faults
from ocr_pipeline.labels import LabelError, LabelledPages
from recognition.codec import Codec, normalize, split_symbols
from recognition.crops import crop_width, quad_size
from recognition.data import UNKNOWN_CHARACTER, reason_to_leave_out

#: Faults named one by one.
_EXAMPLES = 3
#: Of the quads of one folder: what is wrong with more of them is wrong with all.
_MOST = 0.2

_HOPELESS = {
    ("outside", "over_the_edge"): "lie outside their pictures, or reach out of them; are they in "
    "pixels of these very pictures, x before y?",
    ("anticlockwise", "crossed_quad"): "have their corners in the wrong order, so that crops are "
    "mirror images; give them clockwise from the top left of the text, x before y",
}


@dataclass
class Inventory:
    """What labels hold for a stage.

    Attributes:
        pages: pictures.
        words: words that can be learnt.
        countable: words that evaluations count: for a recognizer not those of labels with spaces,
            nor without text.
        doubtful: of each kind of fault of a quad (`check.KINDS`), the words that have it; it alone
            does not keep them from being learnt.
        left_out: of each reason, the words left out for it: "'text' in picture".
        unknown: characters outside the charset, how often.
    """

    pages: int = 0
    words: int = 0
    countable: int = 0
    doubtful: dict[str, list[str]] = field(default_factory=dict)
    left_out: dict[str, list[str]] = field(default_factory=dict)
    unknown: Counter[str] = field(default_factory=Counter)

    def lines(self) -> Iterator[str]:
        """For people to read."""
        yield f"{self.words:,} words to learn on {self.pages:,} pages"
        for reason, examples in self.left_out.items():
            shown = ", ".join(examples[:_EXAMPLES])
            yield f"left out: {len(examples):,} ({reason}), e.g. {shown}"
        for kind, examples in self.doubtful.items():
            about, shown = KINDS[kind], ", ".join(examples[:_EXAMPLES])
            yield f"doubtful: {len(examples):,} ({about.title}; {about.remedy}), e.g. {shown}"
        if self.unknown:
            counts = ", ".join(f"{c!r} {n:,}" for c, n in self.unknown.most_common(40))
            symbols = "".join(sorted(self.unknown))
            yield f"characters outside the charset: {counts}; add them with --charset '+{symbols}'"


def inspect(pages: LabelledPages, codec: Codec | None) -> Inventory:
    """Look through the labels of one folder.

    Args:
        pages: the folder; pictures are opened, not decoded.
        codec: of the recognizer that is to learn; None for a detector.

    Raises:
        LabelError: they are of no use for training; the message says which, why, and the remedy.
    """
    found = Inventory(pages=len(pages))
    if not found.pages:
        raise LabelError(f"{pages.folder}: no page in the label file; see docs/formats.md")
    quads = 0
    for record in pages.records:
        path = pages.folder / record["image"]
        width, height = _picture_size(path, record)
        if codec is None and record.get("level") == "line":
            raise LabelError(
                f"{path}: its labels are of lines, and the detector learns words; cut the lines "
                "into words, or fine-tune the recognizer alone"
            )
        for word in record["words"]:
            if word.get("ignore"):
                continue
            quad, text = np.array(word["quad"], np.float64), word["text"]
            quads += 1
            example = f"{text!r} in {path.name}"
            found.countable += codec is None or bool(text.strip() and " " not in text)
            for kind in quad_faults(quad, (width, height)):
                if kind != "small_quad":  # which is left out
                    found.doubtful.setdefault(kind, []).append(example)
            reason = _unfit(quad, text, codec, found.unknown)
            if reason:
                found.left_out.setdefault(reason, []).append(example)
            else:
                found.words += 1
    for kinds, fault in _HOPELESS.items():
        wrong = sum(len(found.doubtful.get(kind, ())) for kind in kinds)
        if wrong > _MOST * quads:
            raise LabelError(f"{pages.folder}: {wrong:,} of {quads:,} quads {fault}")
    if not found.words:
        raise LabelError(f"{pages.folder}: nothing to learn: " + "; ".join(found.lines()))
    return found


def _picture_size(path: Path, record: dict) -> tuple[int, int]:
    """(width, height) of a picture as it will be read, the one that its label names."""
    try:
        with Image.open(path) as image:
            turned = image.getexif().get(0x0112, 1) >= 5  # EXIF orientations that swap the sides
            width, height = image.size[::-1] if turned else image.size
    except (OSError, UnidentifiedImageError) as error:
        raise LabelError(
            f"{path}: missing or not an image; mend or remove its label line"
        ) from error
    stated = (record.get("width", width), record.get("height", height))
    if stated != (width, height):
        raise LabelError(
            f"{path} has {width} x {height} pixels, its label says {stated[0]} x {stated[1]}: the "
            "quads belong to another version of the picture; label this one, or restore that one"
        )
    return width, height


def _unfit(quad: np.ndarray, text: str, codec: Codec | None, unknown: Counter[str]) -> str | None:
    """Why a word cannot be learnt, or None."""
    width, height = quad_size(quad)
    if width < 1 or height < 1:
        return "quad without area"
    if codec is None:
        return None
    if not text.strip():
        return "no text; mark what nobody can read as ignore"
    reason = reason_to_leave_out(text, width=crop_width(quad), codec=codec)
    if reason == UNKNOWN_CHARACTER:
        unknown.update(symbol for symbol in _symbols(text) if symbol not in codec.symbols)
    return reason


def _symbols(text: str) -> list[str]:
    """What a charset for the text needs: normalised, but for letters such as Greek's mu, which
    are folded only where no charset holds them."""
    text = unicodedata.normalize("NFC", text)
    return split_symbols(
        "".join(c if c.isalpha() and len(normalize(c)) == 1 else normalize(c) for c in text)
    )
