"""The uniform label format: a folder with images/ and labels.jsonl, one line an image.

    {"image": "images/x.png", "width": W, "height": H, "level": "word" | "line",
     "words": [{"quad": [[x, y] * 4], "text": "...", "ignore": false}]}

Quads are clockwise from the top-left corner in reading direction, in pixel edges.
"""

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ocr_pipeline.decode import read_picture
from ocr_pipeline.files import atomic
from ocr_pipeline.inputs import InputError


class LabelError(ValueError):
    """A label file or an image that it names cannot be used; the message says which and why."""


def read_records(path: Path) -> Iterator[tuple[int, dict[str, Any] | LabelError]]:
    """The records of a label file, each with its line's number; blank lines are passed over.

    What is on a line that is no record comes as the error that says why, so that the caller
    decides whether to go on.

    Raises:
        LabelError: there is no such file.
    """
    if not path.is_file():
        raise LabelError(f"{path}: no such label file; see docs/formats.md for the layout")
    # Only line feeds end a line: text may hold other signs that Python takes for ends of lines.
    for number, line in enumerate(path.read_bytes().split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line.decode("utf-8-sig"))
            faults = _faults(record)
        except ValueError as error:
            faults = [str(error)]
        yield (
            number,
            record
            if not faults
            else LabelError(
                f"{path}:{number}: not a label record ({'; '.join(faults)}); each line is a JSON "
                "object with image and words, see docs/formats.md"
            ),
        )


def write_records(path: Path, records: Iterable[dict[str, Any]]) -> None:
    """Write a label file, whole or not at all."""
    with atomic(path) as file:
        for record in records:
            line = json.dumps(record, ensure_ascii=False) + "\n"
            file.write(line.encode("utf-8", "backslashreplace"))


def read_image(path: Path) -> np.ndarray:
    """An image of a labelled folder, as `ocr-run` would see it: RGB uint8 (H, W, 3).

    Raises:
        LabelError: it is missing or cannot be decoded.
    """
    try:
        return read_picture(path)
    except InputError as error:
        raise LabelError(
            f"{path}: missing or not an image ({error.reason}); mend or remove its label line"
        ) from error


def _faults(record: Any) -> list[str]:
    """What is wrong with a record's form; empty if nothing is."""
    if not isinstance(record, dict):
        return ["no object"]
    faults = [f"no {name}" for name in ("image", "words") if name not in record]
    if not isinstance(record.get("image", ""), str):
        faults.append(f"image is {record['image']!r:.40}, not a path")
    if record.get("level", "word") not in ("word", "line"):
        faults.append(f"level is {record['level']!r:.40}, not word or line")
    for name in ("width", "height"):
        if not isinstance(record.get(name, 0), int | float):
            faults.append(f"{name} is {record[name]!r:.40}, not a number")
    words = record.get("words", [])
    if not isinstance(words, list):
        return [*faults, "words is no list"]
    found = ((number, _word_fault(word)) for number, word in enumerate(words, start=1))
    return faults + [f"word {number} {fault}" for number, fault in found if fault]


def _word_fault(word: Any) -> str | None:
    if not isinstance(word, dict):
        return "is no object"
    if not isinstance(word.get("text"), str):
        return "has no text"
    if not isinstance(word.get("ignore", False), bool):
        return f"has ignore {word['ignore']!r:.40}, not true or false"
    quad: Any = word.get("quad")
    try:
        sound = len(quad) == 4 and all(math.isfinite(x) and math.isfinite(y) for x, y in quad)
    except (TypeError, ValueError, OverflowError):
        sound = False
    return None if sound else f"has the quad {quad!r:.60}, not four points [x, y]"


class LabelledPages:
    """A labelled folder as a map-style dataset of pages in memory.

    Item i is record i of the label file with "image" replaced by the decoded picture (RGB uint8
    (H, W, 3)) and "name" holding its path.

    Args:
        folder: the folder.
        labels: the label file's name within it.
        part: (k, n) keeps every n-th record beginning at k, or all but those for (~k, n): a
            fixed split into training and validation pages.
        grow: shares of its height by which each quad grows at either side, upwards and downwards,
            for labels that end at the ink instead of at the height of the font (docs/formats.md).
    """

    def __init__(
        self,
        *,
        folder: str | Path,
        labels: str = "labels.jsonl",
        part: tuple[int, int] | None = None,
        grow: tuple[float, float, float] = (0.0, 0.0, 0.0),
    ):
        self.folder = Path(folder)
        self.records: list[dict[str, Any]] = []
        for _, record in read_records(self.folder / labels):
            if isinstance(record, LabelError):
                raise record
            self.records.append(record)
        if part is not None:
            k, n = part
            held = k if k >= 0 else ~k
            self.records = [
                record
                for index, record in enumerate(self.records)
                if (index % n == held) == (k >= 0)
            ]
        self.grow = grow

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int) -> dict[str, Any]:
        record = self.records[index]
        path = self.folder / record["image"]
        image = read_image(path)
        words = record["words"]
        if any(self.grow):
            words = [{**word, "quad": _grown(word["quad"], *self.grow)} for word in words]
        return {**record, "words": words, "image": image, "name": str(path)}


def _grown(
    quad: Sequence[Sequence[float]], sides: float, up: float, down: float
) -> list[list[float]]:
    """A quad whose edges are moved outwards by shares of its height."""
    a, b, c, d = np.array(quad, np.float64)
    height = (np.linalg.norm(d - a) + np.linalg.norm(c - b)) / 2
    along = (b - a + c - d) / max(np.linalg.norm(b - a + c - d), 1e-6) * height
    corners = [
        a - up * (d - a) - sides * along,
        b - up * (c - b) + sides * along,
        c + down * (c - b) + sides * along,
        d + down * (d - a) - sides * along,
    ]
    return [corner.tolist() for corner in corners]
