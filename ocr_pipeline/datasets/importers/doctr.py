"""docTR's labels.json beside images/: polygons of a page without text, or the text of a crop."""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from ocr_pipeline.datasets.importers.entries import (
    Fault,
    Page,
    Word,
    find_picture,
    load_json,
    usable,
)


def read(source: Path, *, images: Path | None, level: str) -> Iterator[Page | Fault]:
    """Pages of a labels.json, or of the folder that holds it.

    Detection labels have no text: theirs is empty, which is enough for the detector. Where they
    are sorted into classes, the classes are put together.
    """
    path = source / "labels.json" if source.is_dir() else source
    data = load_json(path)
    if not isinstance(data, dict):
        raise ValueError(f"{path}: no docTR labels, an object with an entry for each image")
    for name, label in data.items():
        where = f"{path}: {name}"
        picture = find_picture(name, images, path.parent / "images", path.parent)
        if picture is None:
            yield Fault(where, "no such picture; name its folder with --images")
            continue
        if isinstance(label, str):
            yield Page(where, picture, [Word(None, label)], level=level)
            continue
        polygons = label.get("polygons") if isinstance(label, dict) else None
        groups: list[Any] = [*polygons.values()] if isinstance(polygons, dict) else [polygons]
        if not all(isinstance(group, list) for group in groups):
            yield Fault(where, "neither a text nor polygons")
            continue
        entries = ((f"{where}, polygon {n}", value) for n, value in enumerate(chain(*groups), 1))
        words = yield from usable(entries, lambda points: Word(points, ""))
        yield Page(where, picture, words, level=level)
