"""ICDAR's txt: one file an image, one word a line, coordinates first, then the text.

    377,117,463,117,465,130,378,130,Genaxis Theatre      2015, SROIE (lines)
    1,2,3,2,3,4,1,4,Latin,Text, with a comma             2017 MLT: the script before the text
    38, 43, 920, 215, "Tiredness"                        2013: left, top, right, bottom
    158 128 411 181 "Footpath"                           2013, training

Files are called like the picture, often with `gt_` before. Which of these layouts a source has is
decided by most of its lines: a text can look like coordinates or like a script's name.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ocr_pipeline.datasets.importers.entries import (
    Fault,
    Page,
    Word,
    legible,
    list_files,
    list_pictures,
    pairs,
    read_lines,
    usable,
)

_NUMBER, _SEPARATOR = r"[-+]?\d+(?:\.\d+)?", r"(?:\s*,\s*|\s+)"
_SCRIPTS = {
    *("Arabic", "Bangla", "Chinese", "Hindi", "Japanese", "Korean", "Latin"),
    *("Mixed", "None", "Symbols"),
}


class _Layout(NamedTuple):
    coordinates: int
    script: bool
    quoted: bool


def read(source: Path, *, images: Path | None, level: str) -> Iterator[Page | Fault]:
    """Pages of a folder with txt files and pictures, in any subfolders, or of one txt file."""
    files: dict[Path, list[str]] = {}
    for path in list_files(source, ".txt"):
        try:
            files[path] = read_lines(path)
        except ValueError as error:
            yield Fault(str(path), str(error).removeprefix(f"{path}: "))
    layout = _layout([line for lines in files.values() for line in lines if line.strip()])

    folder = images or (source if source.is_dir() else source.parent)
    pictures = defaultdict(list)
    for path in list_pictures(folder):
        pictures[path.stem].append(path)
    labelled = set()
    for path, lines in files.items():
        stem = path.stem.removeprefix("gt_")
        found = pictures[stem] if stem in pictures else pictures.get(path.stem, [])
        found = [picture for picture in found if picture.parent == path.parent] or found
        if len(found) != 1:
            names = " and ".join(map(str, found))
            yield Fault(str(path), f"pictures {names}" if found else f"no picture {stem}.*")
            continue
        labelled.add(found[0])
        rows = ((f"{path}:{n}", line) for n, line in enumerate(lines, 1) if line.strip())
        words = yield from usable(rows, lambda line: _word(line, layout))
        yield Page(str(path), found[0], words, level=level)
    if source.is_dir():
        for path in sorted({path for same in pictures.values() for path in same} - labelled):
            yield Fault(str(path), f"no label file gt_{path.stem}.txt or {path.stem}.txt")


def _split(line: str, count: int) -> tuple[list[float], str] | None:
    """The first `count` numbers of a line, and the text behind them."""
    pattern = rf"\s*((?:{_NUMBER}{_SEPARATOR}){{{count - 1}}}{_NUMBER})(?:{_SEPARATOR}(.*))?"
    match = re.fullmatch(pattern, line)
    if match is None:
        return None
    return [float(number) for number in re.findall(_NUMBER, match[1])], match[2] or ""


def _layout(lines: list[str]) -> _Layout:
    eight = [parts[1] for line in lines if (parts := _split(line, 8))]
    if 2 * len(eight) > len(lines):
        scripts = sum(text.partition(",")[0] in _SCRIPTS and "," in text for text in eight)
        return _Layout(8, script=2 * scripts > len(eight), quoted=False)
    four = [parts[1] for line in lines if (parts := _split(line, 4))]
    quoted = sum(bool(re.fullmatch('".*"', text)) for text in four)
    return _Layout(4, script=False, quoted=2 * quoted > len(four))


def _word(line: str, layout: _Layout) -> Word:
    parts = _split(line, layout.coordinates)
    if parts is None:
        raise ValueError(f"not {layout.coordinates} coordinates and a text: {line!r:.60}")
    numbers, text = parts
    if layout.script:
        _, comma, text = text.partition(",")
        if not comma:
            raise ValueError(f"no script before the text: {line!r:.60}")
    if layout.quoted and re.fullmatch('".*"', text):
        text = text[1:-1]
    return legible(pairs(numbers), text)
