"""ALTO XML of any version: its Strings, which are words, or lines where a line has only one."""

from collections.abc import Iterator
from pathlib import Path

from lxml import etree

from ocr_pipeline.datasets.importers.entries import (
    Fault,
    Page,
    Points,
    Word,
    box,
    find_picture,
    page_size,
    quad_of,
    usable,
)
from ocr_pipeline.datasets.importers.markup import outline, read_files
from ocr_pipeline.inputs import SUFFIXES


def read(source: Path, *, images: Path | None, level: str) -> Iterator[Page | Fault]:
    """Pages of XML files; the pictures beside them, in the folder above, or in `images`.

    A hyphen that ends a line (HYP) belongs to the word before. Units do not matter: outlines are
    scaled from the page's size to the picture's.
    """
    for entry in read_files(source):
        if isinstance(entry, Fault):
            yield entry
            continue
        path, root = entry
        name = (root.findtext(".//{*}sourceImageInformation/{*}fileName") or "").strip()
        stem = path.name.removesuffix(".xml").removesuffix(".alto")
        names = [*filter(None, [name]), *(stem + suffix for suffix in SUFFIXES)]
        folders = (images, path.parent, path.parent.parent, Path())
        picture = next(filter(None, (find_picture(n, *folders) for n in names)), None)
        sheets = [*root.iter("{*}Page")]
        if picture is None or not sheets:
            missing = f"no picture {names[0]}; name its folder with --images"
            yield Fault(str(path), missing if sheets else "no ALTO XML: there is no Page in it")
            continue
        for index, sheet in enumerate(sheets):
            where = f"{path}, page {index + 1}" if len(sheets) > 1 else str(path)
            size = page_size(sheet.get("WIDTH"), sheet.get("HEIGHT"))
            strings = [*sheet.iter("{*}String")]
            entries = ((f"{where}: {_name(string)}", string) for string in strings)
            words = yield from usable(entries, _word)
            by_lines = any(" " in string.get("CONTENT", "").strip() for string in strings)
            yield Page(
                where,
                picture,
                words,
                level="line" if by_lines else "word",
                size=size,
                index=index,
            )


def _name(string: etree._Element) -> str:
    return string.get("ID") or f"String {string.get('CONTENT', '')!r}"


def _word(string: etree._Element) -> Word:
    text, points = string.attrib["CONTENT"], _points(string)
    after = string.getnext()
    if after is not None and etree.QName(after).localname == "HYP":
        text += after.get("CONTENT", "-")
        if "HPOS" in after.attrib and "WIDTH" in after.attrib:
            (left, top), _, (_, bottom), _ = quad_of(points)
            right = float(after.attrib["HPOS"]) + float(after.attrib["WIDTH"])
            points = [[left, top], [right, bottom]]
    return Word(points, text)


def _points(element: etree._Element) -> Points:
    """A String's outline; that of its line if it has none and is alone in it."""
    polygon = element.find("{*}Shape/{*}Polygon")
    if polygon is not None:
        return outline(polygon.get("POINTS", ""))
    sides = [element.get(name) for name in ("HPOS", "VPOS", "WIDTH", "HEIGHT")]
    if None not in sides:
        return box(*map(float, sides))
    line = element.getparent()
    if line.tag != element.tag and len(line.findall("{*}String")) == 1:
        return _points(line)
    raise ValueError("has no HPOS, VPOS, WIDTH and HEIGHT")
