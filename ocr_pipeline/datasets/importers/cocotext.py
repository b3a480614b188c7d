"""COCO-Text JSON, versions 1 and 2: `imgs`, and `anns` that name theirs."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ocr_pipeline.datasets.importers.entries import (
    Fault,
    Page,
    Word,
    box,
    find_picture,
    load_json,
    page_size,
    pairs,
    usable,
)


def read(source: Path, *, images: Path | None, level: str) -> Iterator[Page | Fault]:
    """Pages of a JSON file; the pictures beside it, in images/, or in the folder `images`."""
    data = load_json(source)
    images_by_key, annotations = (
        data.get(name) if isinstance(data, dict) else None for name in ("imgs", "anns")
    )
    if not isinstance(images_by_key, dict) or not isinstance(annotations, dict):
        raise ValueError(f"{source}: no COCO-Text JSON, which has imgs and anns")
    by_image = defaultdict(list)
    for key, annotation in annotations.items():
        place = f"{source}: annotation {key}"
        image = annotation.get("image_id") if isinstance(annotation, dict) else None
        if str(image) in images_by_key:
            by_image[str(image)].append((place, annotation))
        else:
            yield Fault(place, f"its image_id is {image!r}, and imgs has none such")
    for key, image in images_by_key.items():
        where = f"{source}: image {key}"
        image = image if isinstance(image, dict) else {}
        name = str(image.get("file_name"))
        picture = find_picture(name, images, source.parent, source.parent / "images")
        if picture is None:
            yield Fault(where, f"no picture {name}; name its folder with --images")
            continue
        words = yield from usable(by_image[key], _word)
        size = page_size(image.get("width"), image.get("height"))
        yield Page(where, picture, words, level=level, size=size)


def _word(annotation: dict[str, Any]) -> Word:
    outline = annotation.get("mask") or annotation.get("polygon")
    points = pairs(outline) if outline else box(*annotation["bbox"])
    text = annotation.get("utf8_string") or ""
    return Word(points, text, ignore=annotation.get("legibility") == "illegible")
