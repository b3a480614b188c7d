"""The uniform label format: a folder with images/ and labels.jsonl, one line an image.

    {"image": "images/x.png", "width": W, "height": H, "level": "word" | "line",
     "words": [{"quad": [[x, y] * 4], "text": "...", "ignore": false}]}

Quads are clockwise from the top-left corner in reading direction, in pixel edges.
"""

import json
from pathlib import Path
from typing import Any

import cv2


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
    """

    def __init__(
        self,
        *,
        folder: str | Path,
        labels: str = "labels.jsonl",
        part: tuple[int, int] | None = None,
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

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int) -> dict[str, Any]:
        record = self.records[index]
        path = self.folder / record["image"]
        image = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
        if image is None:
            raise LabelError(f"{path}: missing or not an image; mend or remove its label line")
        return {**record, "image": image, "name": str(path)}
