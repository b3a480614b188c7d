"""The uniform label format: a folder with images/ and labels.jsonl, one line an image.

    {"image": "images/x.png", "width": W, "height": H, "level": "word" | "line",
     "words": [{"quad": [[x, y] * 4], "text": "...", "ignore": false}]}

Quads are clockwise from the top-left corner in reading direction, in pixel edges.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np


class LabelError(ValueError):
    """A label file or an image that it names cannot be used; the message says which and why."""


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
        path = self.folder / labels
        if not path.is_file():
            raise LabelError(f"{path}: no such label file; see docs/formats.md for the layout")
        self.records: list[dict[str, Any]] = []
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
                record["image"], record["words"]
            except (json.JSONDecodeError, KeyError, TypeError) as error:
                raise LabelError(
                    f"{path}:{number}: not a label record ({error}); each line is a JSON object "
                    "with image and words"
                ) from error
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
        image = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
        if image is None:
            raise LabelError(f"{path}: missing or not an image; mend or remove its label line")
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
