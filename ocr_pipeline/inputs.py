"""What to read: the files and the names of their results, and the pages and how to decode them.

What is wrong with an input is an `InputError`, one line: the file, the reason and the remedy.
"""

import math
import os
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from glob import glob, has_magic
from pathlib import Path, PurePosixPath
from typing import NamedTuple, NoReturn

#: Files with these suffixes are picked up from folders; a file named by the user is always tried.
SUFFIXES = (
    *(".pdf", ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".tif", ".tiff", ".webp", ".gif"),
    *(".bmp", ".dib", ".jp2", ".j2k", ".jpx", ".jpf", ".j2c", ".ppm", ".pgm", ".pbm", ".pnm"),
    *(".avif", ".heic", ".heif"),
)


#: Pages with more pixels are refused before any memory is taken for them. A 12000 x 12000 plan
#: (144 million) passes; decoding takes about 8 bytes a pixel at its peak.
MAX_PIXELS = 200_000_000

#: Files of more pages are read so far, unless another limit is asked for: a bomb, or a mistake.
MAX_PAGES = 10_000

#: Seconds that the decoding of a page may take.
PAGE_SECONDS = 60.0

#: Pixels an inch at which pages of PDFs are rendered: text of 6 points is 17 pixels high.
PDF_DPI = 200.0


class InputError(Exception):
    """An input that cannot be read. Its message is one line, "path: reason; remedy"."""

    def __init__(self, path: str | os.PathLike[str], reason: str, remedy: str):
        self.path = os.fspath(path)
        self.reason = " ".join(reason.split())
        self.remedy = remedy
        super().__init__(self.path, self.reason, self.remedy)

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}; {self.remedy}"


class Input(NamedTuple):
    """A file to read, and the name of its results.

    Attributes:
        path: the file.
        stem: relative path for outputs; add a suffix such as ".json" to it.
    """

    path: Path
    stem: str


@dataclass(frozen=True)
class Decoding:
    """How files are decoded.

    Attributes:
        pages: ranges of page numbers to read, from 1, both ends included; None reads all.
        dpi: resolution at which PDFs are rendered.
        password: of encrypted PDFs.
        max_pixels: larger pages are refused.
        max_pages: of a file; it is read no further.
    """

    pages: tuple[tuple[int, int], ...] | None = None
    dpi: float = PDF_DPI
    password: str | None = None
    max_pixels: int = MAX_PIXELS
    max_pages: int = MAX_PAGES

    def only(self, indices: Iterable[int]) -> "Decoding":
        """The same of these pages alone, counted from 0."""
        return replace(self, pages=tuple((index + 1, index + 1) for index in indices))

    def wants(self, index: int) -> bool:
        """Whether page `index`, from 0, is to be read."""
        return self.pages is None or any(low <= index + 1 <= high for low, high in self.pages)

    @property
    def last(self) -> float:
        """Number of the last page that can be wanted."""
        return math.inf if self.pages is None else max(high for _, high in self.pages)


def parse_ranges(text: str) -> tuple[tuple[int, int], ...]:
    """ "1-3,7" -> ((1, 3), (7, 7)).

    Raises:
        ValueError: it is not of that form, or not from 1 upwards.
    """
    ranges = []
    for part in text.split(","):
        low, dash, high = part.partition("-")
        try:
            pair = (int(low), int(high if dash else low))
        except ValueError:
            raise ValueError(f"{text!r} is no list of pages; write it like 1-3,7") from None
        if not 1 <= pair[0] <= pair[1]:
            raise ValueError(f"{part!r} is no range of pages, which count from 1, as in 1-3,7")
        ranges.append(pair)
    return tuple(ranges)


def _raise(path: Path, error: Exception) -> NoReturn:
    raise error


def find_inputs(
    paths: Iterable[str | os.PathLike[str]],
    *,
    leave_out: Iterable[str | os.PathLike[str]] = (),
    on_error: Callable[[Path, Exception], None] = _raise,
) -> list[Input]:
    """List the files to read, each once, with output names that do not collide.

    A named file is listed unseen; reading it will tell whether it is any good. A folder stands
    for the pictures and PDFs anywhere below it (known suffixes, sorted, hidden ones skipped, links
    followed), a pattern (`scans/**/*.png`) for the files and folders that match it, and
    `@list.txt` for the files, folders and patterns that the text file names, one a line, or with
    a NUL after each, as `find -print0` writes them.

    The output name is the file's path below its folder (its bare name if it was given by name)
    without the suffix. Files that would share it get the path below the folder that holds all
    inputs, or keep their suffix (`a.png`, `a.jpg`), or both.

    Args:
        paths: files, folders, patterns and lists.
        leave_out: folders that are not searched where they lie below one of `paths`: those of
            results.
        on_error: called with what stands for no file at all, and its `InputError`; the default
            raises.
    """
    found: dict[Path, str] = {}
    left_out = {os.path.realpath(folder) for folder in leave_out}
    for path in _expand(paths, on_error):
        if os.path.isdir(path):
            for file in _list_files(path, left_out, on_error):
                found.setdefault(file, file.relative_to(path).as_posix())
        else:
            found.setdefault(path, path.name)

    first: dict[str, Path] = {}
    for path in found:
        first.setdefault(os.path.realpath(path), path)
    stems = _unique_stems({Path(real): found[path] for real, path in first.items()})
    return [Input(path, stem) for path, stem in zip(first.values(), stems, strict=True)]


def _expand(
    paths: Iterable[str | os.PathLike[str]], on_error: Callable[[Path, Exception], None]
) -> Iterator[Path]:
    """Files and folders behind lists and patterns; what exists under its very name is neither."""
    for path in map(Path, paths):
        listed = str(path).startswith("@") and not os.path.lexists(path)
        for name in _read_list(Path(str(path)[1:]), on_error) if listed else [path]:
            if os.path.lexists(name) or not has_magic(str(name)):
                yield Path(name)
            elif matches := sorted(glob(str(name), recursive=True)):
                yield from map(Path, matches)
            else:
                on_error(Path(name), InputError(name, "no file matches this pattern", "check it"))


def _read_list(path: Path, on_error: Callable[[Path, Exception], None]) -> Sequence[str | Path]:
    try:
        lines = path.read_text("utf-8-sig").replace("\0", "\n").splitlines()
    except (OSError, UnicodeDecodeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        remedy = "name a text file in UTF-8 with one path a line"
        on_error(path, InputError(path, f"cannot be read as a list ({reason})", remedy))
        return []
    return [line.strip() for line in lines if line.strip()]


def _list_files(
    folder: Path, left_out: Collection[str], on_error: Callable[[Path, Exception], None]
) -> list[Path]:
    """Files to read anywhere below a folder, sorted, without hidden ones."""
    unlisted: list[OSError] = []
    files = []
    searched = {os.path.realpath(folder), *left_out}  # links may lead back
    for base, folders, names in os.walk(folder, onerror=unlisted.append, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in [*folders]:
            real = os.path.realpath(os.path.join(base, name))
            if real in searched:
                folders.remove(name)
            searched.add(real)
        files += [
            Path(base, name)
            for name in sorted(names)
            if not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES
        ]
    for error in unlisted:
        at = Path(error.filename or folder)
        on_error(at, InputError(at, error.strerror or str(error), "check its permissions"))
    if not files and not unlisted:
        on_error(folder, InputError(folder, "no pictures or PDFs in it", "name another folder"))
    return files


def _unique_stems(names: dict[Path, str]) -> list[str]:
    """Pick each file's shortest candidate name that no other file uses.

    `names` maps whole paths to names, as they are below the folder that was given.
    """
    if not names:
        return []
    common = os.path.commonpath([path.parent for path in names])
    candidates = [
        (str(Path(name).with_suffix("")), str(below.with_suffix("")), name, str(below))
        for path, name in names.items()
        for below in [PurePosixPath(path.relative_to(common).as_posix())]
    ]
    level = [0] * len(candidates)
    while True:
        stems = [options[rank] for options, rank in zip(candidates, level, strict=True)]
        uses = Counter(stems)
        # The last options are different for different files, so this ends.
        last = len(candidates[0]) - 1
        clashing = [k for k, stem in enumerate(stems) if uses[stem] > 1 and level[k] < last]
        if not clashing:
            return stems
        for k in clashing:
            level[k] += 1
