"""PaddleOCR's txt: a line an image, its path, a tab, and its labels.

a.jpg<TAB>[{"transcription": "Date:", "points": [[1, 2], [9, 2], [9, 5], [1, 5]]}]
crop_1.jpg<TAB>Date:
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ocr_pipeline.datasets.importers.entries import (
    ILLEGIBLE,
    Fault,
    Page,
    Word,
    find_picture,
    read_lines,
    usable,
)


def read(source: Path, *, images: Path | None, level: str) -> Iterator[Page | Fault]:
    """Pages of a label file. Paths start at its folder, the one above, or the folder `images`."""
    lines = read_lines(source)
    detection = any(line.partition("\t")[2].startswith("[{") for line in lines)
    for number, line in enumerate(lines, start=1):
        where = f"{source}:{number}"
        if not line.strip():
            continue
        name, tab, label = line.partition("\t")
        if not tab:
            yield Fault(where, f"no tab between path and label: {line!r:.60}")
            continue
        picture = find_picture(name, images, source.parent, source.parent.parent)
        if picture is None:
            yield Fault(where, f"no picture {name}; name its folder with --images")
            continue
        if not detection:
            yield Page(where, picture, [Word(None, label)], level=level)
            continue
        try:
            items = json.loads(label)
            entries = [(f"{where} word {n}", item) for n, item in enumerate(items, start=1)]
        except (ValueError, TypeError) as error:
            yield Fault(where, f"no JSON list behind the tab ({error})")
            continue
        words = yield from usable(entries, _word)
        yield Page(where, picture, words, level=level)


def _word(item: dict[str, Any]) -> Word:
    text = item["transcription"]
    # PaddleOCR takes both texts for illegible.
    ignore = text in (ILLEGIBLE, "*") or bool(item.get("difficult"))
    return Word(item["points"], text, ignore=ignore)
