"""PAGE XML of any version: words with their outlines, or lines where there are no words."""

from collections.abc import Iterator
from pathlib import Path

from lxml import etree

from ocr_pipeline.datasets.importers.entries import (
    Fault,
    Page,
    Points,
    Word,
    find_picture,
    page_size,
    usable,
)
from ocr_pipeline.datasets.importers.markup import outline, read_files


def read(source: Path, *, images: Path | None, level: str) -> Iterator[Page | Fault]:
    """Pages of XML files; the pictures beside them, in the folder above, or in `images`.

    A line of text without words on a page that has words is ignored, and named as a fault.
    """
    for entry in read_files(source):
        if isinstance(entry, Fault):
            yield entry
            continue
        path, root = entry
        sheet = root.find("{*}Page")
        if sheet is None:
            yield Fault(str(path), "no PAGE XML: there is no Page in it")
            continue
        name = sheet.get("imageFilename", "")
        picture = find_picture(name, images, path.parent, path.parent.parent, Path())
        if picture is None:
            yield Fault(str(path), f"no picture {name}; name its folder with --images")
            continue
        lines, words = [*sheet.iter("{*}TextLine")], [*sheet.iter("{*}Word")]
        by_words = any(map(_text, words)) or not any(map(_text, lines))
        entries = [(f"{path}: {e.get('id')}", e) for e in (words if by_words else lines)]
        made = yield from usable(entries, lambda e: Word(_points(e), _text(e)))
        if by_words:
            bare = [line for line in lines if _text(line) and line.find("{*}Word") is None]
            for line in bare:
                yield Fault(f"{path}: {line.get('id')}", "a line without words, so it is ignored")
            made += yield from usable(
                ((f"{path}: {line.get('id')}", line) for line in bare),
                lambda line: Word(_points(line), _text(line), ignore=True),
            )
        size = page_size(sheet.get("imageWidth"), sheet.get("imageHeight"))
        yield Page(str(path), picture, made, level="word" if by_words else "line", size=size)


def _text(element: etree._Element) -> str:
    """The first reading of an element, "" if there is none."""
    readings = element.findall("{*}TextEquiv")
    if not readings:
        return ""
    first = next((r for r in readings if r.get("index") == "0"), readings[0])
    return first.findtext("{*}Unicode") or ""


def _points(element: etree._Element) -> Points:
    coords = element.find("{*}Coords")
    if coords is None:
        raise ValueError("has no Coords")
    if coords.get("points") is None:  # before 2013
        return [[float(p.get("x")), float(p.get("y"))] for p in coords.findall("{*}Point")]
    return outline(coords.get("points"))
