"""What is wrong with labelled folders, before training finds out.

Errors are what training stops at or leaves out, and what makes its validation worthless; warnings
are what is often a mistake. The rules for what the recognizer leaves out are its own
(`recognition.data.reason_to_leave_out`), applied to quads as they are labelled; training moves
their edges a little, so a label that only just fits its crop may fall out there now and then.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ocr_pipeline.datasets.duplicates import Fingerprint, fingerprint, same_images, similar_pages
from ocr_pipeline.labels import LabelError, read_image, read_records
from recognition.codec import Codec, normalize, required_steps, split_symbols
from recognition.crops import crop_width, quad_size
from recognition.data import STRAY_SPACE, TOO_NARROW, reason_to_leave_out
from recognition.model import STRIDE

#: Times its height: more is no word, nor a line of print.
_WIDEST = 125


class Kind(NamedTuple):
    """A kind of fault: what it is, what to do about it, and whether training leaves it out."""

    title: str
    remedy: str
    error: bool = True


KINDS = {
    "record": Kind("no label record", "mend the line, training stops at it"),
    "image": Kind("image missing or unreadable", "put it there, or remove the line"),
    "size": Kind(
        "image of another size than its label says",
        "give the picture that was labelled, or scale quads, width and height to this one",
    ),
    "empty": Kind("empty text", 'type it, or set "ignore": true if nobody can read it'),
    "stray_space": Kind("space at an end, or two in a row", "remove it"),
    "unknown_character": Kind(
        "characters that the charset lacks",
        "correct them (listed below), or train with a charset that has them",
    ),
    "too_narrow": Kind(
        "label too long for its quad",
        "it needs 4 pixels a character at height 32: check the text, the quad, and that the quad "
        "starts at the text's own top left corner",
    ),
    "small_quad": Kind("quad with a side under a pixel", "draw it anew, or remove the word"),
    "crossed_quad": Kind("quad whose sides cross or bend inwards", "put its corners in order"),
    "anticlockwise": Kind(
        "quad drawn anticlockwise", "its crop is a mirror image: reverse the order of its corners"
    ),
    "outside": Kind("quad outside of the page", "check it against width and height"),
    "leak": Kind(
        "image in both training and validation",
        "leave it out of one of them: figures on known pages mean nothing",
    ),
    "near_leak": Kind(
        "nearly the same page in both training and validation",
        "look at both; ocr-data split keeps such pages together",
        False,
    ),
    "same_image": Kind("image that was there before", "remove it, unless meant", False),
    "cut_off": Kind("image that breaks off", "copy or download it again", False),
    "no_words": Kind("page without words", "right only if there is no text on it", False),
    "over_the_edge": Kind("quad that reaches out of the page", "check it", False),
    "direction": Kind(
        "quad that does not read from left to right",
        "its first corner must be the top left of the text in its reading direction",
        False,
    ),
    "too_wide": Kind(
        f"quad more than {_WIDEST} times as wide as high",
        "its crop takes the memory of a whole batch, and no word is like that: draw it anew",
        False,
    ),
    "several_words": Kind(
        "several words in one label",
        "the detector learns to find them as one: give each a quad of its own",
        False,
    ),
    "same_quad": Kind("two words with one quad", "remove one of them", False),
    "squeezed": Kind("much text for its quad", "check text and quad", False),
    "stretched": Kind("little text for its quad", "check text and quad", False),
    "markup": Kind(
        "text that looks like markup", 'unescape it; "###" marks what is ignored', False
    ),
    "one_case": Kind(
        "nearly all letters in one case",
        "if the print is not, the recognizer unlearns the other case: restore it",
        False,
    ),
    "one_text": Kind("one text in many words", "right only if the pages are like that", False),
}

#: Widths of a character in heights of its quad that are unusual: below and above these.
_SQUEEZED, _STRETCHED = 0.15, 2.0
#: What few labels cannot show.
_ENOUGH_WORDS, _ENOUGH_LETTERS = 50, 200
_MARKUP = re.compile(r"&(#\d+|#x[0-9a-fA-F]+|amp|lt|gt|quot|apos|nbsp);|###|</?[a-z]+/?>")


class Finding(NamedTuple):
    """One fault: its kind, its file and line, and which word or image it is."""

    kind: str
    where: str
    what: str


class _Seen(NamedTuple):
    """An image that was read: its label's file and line, its name, and what it looks like."""

    where: str
    name: str
    print: Fingerprint


@dataclass
class Report:
    """What `check` found.

    Attributes:
        pages, words, ignored: how many were looked at; ignored words are among the words.
        findings: in the order of the files.
        unknown: characters outside the charset, after normalisation, with their counts.
        first: where each of them was seen first.
    """

    pages: int = 0
    words: int = 0
    ignored: int = 0
    findings: list[Finding] = field(default_factory=list)
    unknown: Counter[str] = field(default_factory=Counter)
    first: dict[str, Finding] = field(default_factory=dict)

    def add(self, kind: str, where: str, what: str) -> None:
        """Note a finding."""
        self.findings.append(Finding(kind, where, what))

    @property
    def errors(self) -> list[Finding]:
        """Findings that are errors."""
        return [finding for finding in self.findings if KINDS[finding.kind].error]

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON values."""
        return {
            "pages": self.pages,
            "words": self.words,
            "ignored": self.ignored,
            "errors": len(self.errors),
            "warnings": len(self.findings) - len(self.errors),
            "counts": dict(Counter(finding.kind for finding in self.findings)),
            "findings": [finding._asdict() for finding in self.findings],
            "unknown_characters": [
                {"character": symbol, "code_point": code_point(symbol), "count": count}
                for symbol, count in self.unknown.most_common()
            ],
        }

    def to_text(self, *, examples: int = 3) -> str:
        """A table: each kind of fault with its count, its remedy and its first examples."""
        lines = [f"{self.pages} pages, {self.words} words, {self.ignored} of them ignored"]
        for title, error in (("errors", True), ("warnings", False)):
            found = [kind for kind, about in KINDS.items() if about.error == error]
            rows = {kind: [f for f in self.findings if f.kind == kind] for kind in found}
            count = sum(map(len, rows.values()))
            lines += ["", f"{title}: {count or 'none'}"]
            for kind, findings in rows.items():
                if findings:
                    lines.append(f"{len(findings):7}  {KINDS[kind].title}; {KINDS[kind].remedy}")
                    lines += [f"{'':9}{f.where}  {f.what}" for f in findings[:examples]]
                    if len(findings) > examples:
                        lines.append(f"{'':9}... and {len(findings) - examples} more")
        if self.unknown:
            lines += ["", "unknown characters"]
            for symbol, count in self.unknown.most_common():
                first = self.first[symbol]
                lines.append(f"{count:7}  {code_point(symbol)}, first {first.where}  {first.what}")
            lines.append(f"  they are learnt with --charset '+{''.join(sorted(self.unknown))}'")
        return "\n".join(lines) + "\n"


def code_point(symbol: str) -> str:
    """A symbol with its code points and names.

    >>> code_point("☐")
    '☐ U+2610 BALLOT BOX'
    """
    shown = f"{symbol} " if symbol.isprintable() and not unicodedata.combining(symbol[0]) else ""
    points = [f"U+{ord(c):04X} {unicodedata.name(c, 'without a name')}" for c in symbol]
    return shown + " + ".join(points)


def check(files: Sequence[Path], *, against: Sequence[Path] = (), codec: Codec) -> Report:
    """Check training sets, and that none of their pages are in the validation sets.

    Args:
        files: label files of the training sets.
        against: label files of the validation sets, of which only the images are looked at.
        codec: of the recognizer that is to learn.

    Raises:
        LabelError: a label file is missing.
    """
    report = Report()
    seen: list[_Seen] = []
    for path in files:
        texts: list[str] = []
        for where, record in _records(path, report):
            seen += _check_page(where, path.parent, record, codec, report)
            texts += [w["text"] for w in record["words"] if w["text"] and not w.get("ignore")]
        for kind, what in _set_faults(texts):
            report.add(kind, str(path), what)
    trained = len(seen)
    for path in against:
        for where, record in _records(path, report):
            image, _ = _look(where, path.parent, record, report)
            seen += image
    _check_duplicates(seen, trained, report)
    return report


def _records(path: Path, report: Report) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each sound record with its file:line; the others are reported."""
    for number, record in read_records(path):
        where = f"{path}:{number}"
        if isinstance(record, LabelError):
            report.add("record", where, str(record).removeprefix(f"{where}: "))
        else:
            yield where, record


def _look(
    where: str, folder: Path, record: dict[str, Any], report: Report
) -> tuple[list[_Seen], tuple[int, int] | None]:
    """A page's image, if it can be read, and its width and height, if they are known."""
    name = record["image"]
    declared = (record["width"], record["height"]) if {"width", "height"} <= {*record} else None
    try:
        image = read_image(folder / name)
    except LabelError:
        report.add("image", where, name)
        return [], declared
    size = image.shape[1], image.shape[0]
    if declared not in (None, size):
        sizes = "{} x {}, not {} x {}".format(*size, *declared)
        report.add("size", where, f"{name} is {sizes}")
    if _breaks_off(folder / name):
        report.add("cut_off", where, name)
    return [_Seen(where, name, fingerprint(image, record))], size


def _check_page(
    where: str, folder: Path, record: dict[str, Any], codec: Codec, report: Report
) -> list[_Seen]:
    """Report the faults of a page; its image, if it can be read."""
    seen, size = _look(where, folder, record, report)
    report.pages += 1
    if not record["words"]:
        report.add("no_words", where, record["image"])
    places = set()
    for number, word in enumerate(record["words"], start=1):
        text, quad = word["text"], np.asarray(word["quad"], np.float64)
        what = f"word {number} {text!r}"
        report.words += 1
        for kind in quad_faults(quad, size):
            report.add(kind, where, what)
        place = tuple(np.round(quad).ravel())
        if place in places:
            report.add("same_quad", where, what)
        places.add(place)
        if word.get("ignore"):
            report.ignored += 1
            continue
        for symbol in split_symbols(normalize(text)):
            if not codec.covers(symbol):
                report.unknown[symbol] += 1
                report.first.setdefault(symbol, Finding("unknown_character", where, what))
        left_out = _text_fault(text, quad, codec)
        if left_out == "too_narrow":
            steps = required_steps(codec.encode(text))
            what += f" needs {STRIDE * steps} pixels, its crop has {crop_width(quad)}"
        for kind in [left_out] if left_out else _oddities(text, quad):
            report.add(kind, where, what)
    return seen


def _text_fault(text: str, quad: np.ndarray, codec: Codec) -> str | None:
    """Why the recognizer leaves a word out."""
    if not text.strip():
        return "empty"
    reason = reason_to_leave_out(text, width=crop_width(quad), codec=codec)
    if reason == STRAY_SPACE:
        return "stray_space"
    if reason == TOO_NARROW:
        return "too_narrow" if min(quad_size(quad)) >= 1 else None
    return "unknown_character" if reason else None


def _oddities(text: str, quad: np.ndarray) -> Iterator[str]:
    """What is unusual about a label that can be learnt."""
    width, height = quad_size(quad)
    if min(width, height) >= 1:
        share = width / height / len(normalize(text))
        if share < _SQUEEZED and len(text) > 2:
            yield "squeezed"
        if share > _STRETCHED and any(map(str.isalnum, text)):
            yield "stretched"
    x, y = quad[1] - quad[0] + quad[2] - quad[3]
    if x < abs(y):
        yield "direction"
    if " " in text:
        yield "several_words"
    if _MARKUP.search(text):
        yield "markup"


def quad_faults(quad: np.ndarray, size: tuple[int, int] | None) -> Iterator[str]:
    """The kinds of fault that a quad (4, 2) has on a page of this width and height."""
    sides = np.roll(quad, -1, axis=0) - quad
    before = np.roll(sides, 1, axis=0)
    turns = before[:, 0] * sides[:, 1] - before[:, 1] * sides[:, 0]  # > 0: to the right
    if min(quad_size(quad)) < 1:
        yield "small_quad"
    elif (turns <= 0).all():
        yield "anticlockwise"
    elif (turns < 0).any():
        yield "crossed_quad"
    width, height = quad_size(quad)
    if height >= 1 and width > _WIDEST * height:
        yield "too_wide"
    if size is None:
        return
    low, high = quad.min(axis=0), quad.max(axis=0)
    if (high <= 0).any() or (low >= size).any():
        yield "outside"
    elif max(-low.min(), (high - size).max()) > max(2.0, 0.1 * quad_size(quad)[1]):
        yield "over_the_edge"


def _set_faults(texts: Sequence[str]) -> Iterator[tuple[str, str]]:
    """What only shows in many labels together."""
    letters = "".join(texts)
    upper, lower = sum(map(str.isupper, letters)), sum(map(str.islower, letters))
    if upper + lower >= _ENOUGH_LETTERS and not 0.002 < upper / (upper + lower) < 0.9:
        yield "one_case", f"{upper} upper-case and {lower} lower-case letters"
    if len(texts) >= _ENOUGH_WORDS:
        text, count = Counter(texts).most_common(1)[0]
        if count > 0.2 * len(texts):
            yield "one_text", f"{text!r} in {count} of {len(texts)} words"


def _check_duplicates(seen: Sequence[_Seen], trained: int, report: Report) -> None:
    """The first `trained` images are for training, the others for validation."""
    prints = [item.print for item in seen]

    def note(kind: str, item: _Seen, other: _Seen) -> None:
        report.add(kind, item.where, f"{item.name} is {other.where} {other.name}")

    for i, j in same_images(prints):
        if j < trained:
            note("same_image", seen[j], seen[i])
        elif i < trained:
            note("leak", seen[i], seen[j])
    if trained < len(seen):
        for i, j in similar_pages(prints):
            if i < trained <= j:
                note("near_leak", seen[i], seen[j])


def _breaks_off(path: Path) -> bool:
    """Whether a file that could be decoded ends before its picture does."""
    from PIL import Image

    with path.open("rb") as file:
        head = file.read(8)
        file.seek(max(0, path.stat().st_size - 16))
        tail = file.read()
    # Whole files end like this; what does not is decoded once more by a decoder that complains.
    if (head[:2] == b"\xff\xd8" and b"\xff\xd9" in tail) or b"IEND" in tail:
        return False
    try:
        with Image.open(path) as image:
            image.load()
    except OSError:
        return True
    return False
