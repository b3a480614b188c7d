"""Files in, RGB pages out: finding inputs, decoding them, and saying plainly what is wrong.

Content decides what a file is, not its name. Every way of failing is an `InputError`, one line
that names the file, the reason and the remedy.
"""

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import NamedTuple, NoReturn

import numpy as np
from PIL import Image, ImageOps, ImageSequence, UnidentifiedImageError

#: Pages with more pixels are refused before any memory is taken for them. A 12000 x 12000 plan
#: (144 million) passes; decoding takes about 8 bytes a pixel at its peak.
MAX_PIXELS = 200_000_000

#: What Pillow may try. Its other decoders are left out on purpose: some run outside programs
#: (EPS), and none of them holds pages that people scan.
FORMATS = ("JPEG", "PNG", "TIFF", "WEBP", "BMP", "GIF", "JPEG2000", "PPM")

#: Files with these suffixes are picked up from folders; a file named by the user is always tried.
SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".tif", ".tiff", ".webp", ".gif"),
    *(".bmp", ".dib", ".jp2", ".j2k", ".jpx", ".jpf", ".j2c", ".ppm", ".pgm", ".pbm", ".pnm"),
)

_READABLE = "JPEG, PNG, TIFF, WebP, BMP, GIF, JPEG 2000 or PPM"


class InputError(Exception):
    """An input that cannot be read. Its message is one line, "path: reason; remedy"."""

    def __init__(self, path: str | os.PathLike[str], reason: str, remedy: str):
        super().__init__(" ".join(f"{os.fspath(path)}: {reason}; {remedy}".split()))


@dataclass(frozen=True)
class PageImage:
    """One decoded page.

    Attributes:
        image: RGB uint8 (H, W, 3), upright as its metadata says.
        index: number of the page in its file, from 0.
        warnings: what was wrong with the file, though it could be read.
    """

    image: np.ndarray
    index: int = 0
    warnings: tuple[str, ...] = ()


class Input(NamedTuple):
    """A file to read, and the name of its results.

    Attributes:
        path: the file.
        stem: relative path for outputs; add a suffix such as ".json" to it.
    """

    path: Path
    stem: str


def _raise(path: Path, error: Exception) -> NoReturn:
    raise error


def find_inputs(
    paths: Iterable[str | os.PathLike[str]],
    *,
    on_error: Callable[[Path, Exception], None] = _raise,
) -> list[Input]:
    """List the files to read, each once, with output names that do not collide.

    A named file is listed unseen; reading it will tell whether it is any good. A folder stands
    for the images anywhere below it (known suffixes, sorted, hidden files and folders skipped).

    The output name is the file's path below its folder (its bare name if it was given by name)
    without the suffix. Files that would share it keep their suffix (`a.png`, `a.jpg`), and those
    that still would, in different folders, get the path below the folder that holds all inputs.

    Args:
        paths: files and folders.
        on_error: called with a folder and its `InputError` if it has no images or cannot be
            listed; the default raises.
    """
    found: dict[Path, str] = {}
    for path in map(Path, paths):
        if os.path.isdir(path):
            for file in _list_images(path, on_error):
                found.setdefault(file, file.relative_to(path).as_posix())
        else:
            found.setdefault(path, path.name)

    first: dict[str, Path] = {}
    for path in found:
        first.setdefault(os.path.realpath(path), path)
    stems = _unique_stems({Path(real): found[path] for real, path in first.items()})
    return [Input(path, stem) for path, stem in zip(first.values(), stems, strict=True)]


def _list_images(folder: Path, on_error: Callable[[Path, Exception], None]) -> list[Path]:
    """Image files anywhere below a folder, sorted, without hidden ones."""
    unlisted: list[OSError] = []
    images = []
    for base, folders, names in os.walk(folder, onerror=unlisted.append):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        images += [
            Path(base, name)
            for name in sorted(names)
            if not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES
        ]
    for error in unlisted:
        at = Path(error.filename or folder)
        on_error(at, InputError(at, error.strerror or str(error), "check its permissions"))
    if not images and not unlisted:
        on_error(folder, InputError(folder, "no images in it", f"put {_READABLE} files there"))
    return images


def _unique_stems(names: dict[Path, str]) -> list[str]:
    """Pick each file's shortest candidate name that no other file uses.

    `names` maps whole paths to names, as they are below the folder that was given.
    """
    if not names:
        return []
    common = os.path.commonpath([path.parent for path in names])
    candidates = [
        (str(Path(name).with_suffix("")), name, path.relative_to(common).as_posix())
        for path, name in names.items()
    ]
    level = [0] * len(candidates)
    while True:
        stems = [options[rank] for options, rank in zip(candidates, level, strict=True)]
        uses = Counter(stems)
        # The last options are different for different files, so this ends.
        clashing = [k for k, stem in enumerate(stems) if uses[stem] > 1 and level[k] < 2]
        if not clashing:
            return stems
        for k in clashing:
            level[k] += 1


def read_pages(
    path: str | os.PathLike[str], *, max_pixels: int = MAX_PIXELS
) -> Iterator[PageImage]:
    """Decode a file page by page: all pages of a TIFF, the first picture of anything else.

    EXIF orientation is applied, transparency lies on white, deeper greys are scaled to 8 bits. A
    file that breaks off is read as far as it goes, with a warning in the page.

    Raises:
        InputError: the file is missing, empty, no image, broken from the start, or a page has
            more than `max_pixels` pixels.
    """
    path = Path(path)
    _check_file(path)
    with _open(path, path) as image:
        if image.format != "TIFF":
            yield _decode(path, image, 0, max_pixels)
            return
        index = 0
        frames = ImageSequence.Iterator(image)
        while _next_frame(path, frames, index):
            # Tag 254 (NewSubfileType), bit 0: a smaller version of another page.
            if not int(image.tag_v2.get(254, 0)) & 1:  # type: ignore[attr-defined]
                yield _decode(path, image, index, max_pixels)
                index += 1


def _check_file(path: Path) -> None:
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        raise InputError(path, "no such file", "check the path") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(path, reason, "check the path and its permissions") from None
    if path.is_dir():
        raise InputError(path, "this is a folder", "name the images in it")
    if not path.is_file():
        raise InputError(path, "this is no regular file", "copy its content to one")
    if size == 0:
        raise InputError(path, "the file is empty (0 bytes)", "copy or download it again")


#: Pillow's own guard against huge pictures is one global number, with one threshold for a
#: warning and another for an error. Ours takes its place while a header is read.
_GUARD = threading.Lock()


@contextmanager
def _own_pixel_limit() -> Iterator[None]:
    with _GUARD:
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def _open(path: Path, source: Path | BytesIO) -> Image.Image:
    """Read the header of `source`; `path` is the name for messages."""
    try:
        with _own_pixel_limit():
            return Image.open(source, formats=FORMATS)
    except UnidentifiedImageError:
        raise InputError(
            path, "not an image, or its first bytes are damaged", f"give {_READABLE}"
        ) from None
    except PermissionError:
        raise InputError(path, "permission denied", "check its permissions") from None
    # Hostile bytes make decoders fail in every way there is: struct.error, OverflowError, ...
    except Exception as error:
        raise InputError(path, f"broken image ({error})", "copy or export it again") from error


def _next_frame(path: Path, frames: ImageSequence.Iterator, index: int) -> bool:
    try:
        with _own_pixel_limit():
            next(frames)
    except StopIteration:
        return False
    except Exception as error:
        raise InputError(
            path, f"page {index + 1} is broken ({error})", "copy or export it again"
        ) from error
    return True


def _decode(path: Path, image: Image.Image, index: int, max_pixels: int) -> PageImage:
    if image.width * image.height > max_pixels:
        raise InputError(
            path,
            f"page {index + 1} is {image.width} x {image.height} pixels, more than the limit of "
            f"{max_pixels:,}",
            "reduce it or cut it into parts",
        )
    try:
        image, warnings = _load(path, image)
        try:
            ImageOps.exif_transpose(image, in_place=True)
        except Exception:
            warnings += ("the EXIF data is broken; the page is taken as upright",)
        return PageImage(to_rgb(image), index, warnings)
    except InputError:
        raise
    except Exception as error:
        raise InputError(
            path, f"page {index + 1} cannot be decoded ({error})", "copy or export it again"
        ) from error


def _load(path: Path, image: Image.Image) -> tuple[Image.Image, tuple[str, ...]]:
    """Decode the pixels; of a file that breaks off, as many as there are."""
    try:
        image.load()
        return image, ()
    except Exception as error:
        broken = error
    if image.format in ("JPEG", "MPO"):
        # With an end marker in place, libjpeg shows what it has, also of a progressive file.
        image = _open(path, BytesIO(path.read_bytes() + b"\xff\xd9"))
        image.load()
        return image, ("the file breaks off; what could be read of it is used",)
    # The rows decoded so far are in the image; without tiles Pillow will not try again.
    image.tile = []  # type: ignore[attr-defined]
    rows = image.getbbox(alpha_only=False)
    if rows is None:
        raise broken
    return image, (f"the file breaks off; rows {rows[1]} to {rows[3]} of {image.height} are used",)


def to_rgb(image: Image.Image) -> np.ndarray:
    """Any Pillow image as RGB uint8 (H, W, 3): greys scaled to 8 bits, transparency on white."""
    if image.mode.startswith(("I", "F")):
        grey = _scale_to_bytes(np.asarray(image))
        return np.repeat(grey[:, :, None], 3, axis=2)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return np.array(image.convert("RGB"))


def _scale_to_bytes(grey: np.ndarray) -> np.ndarray:
    """Scale deep greys (H, W) by the smallest usual full scale that holds their brightest sample.

    12 bits are often kept in 16, and floats run to 1 or to 255; the file says neither.
    """
    grey = np.nan_to_num(grey.astype(np.float32), posinf=0, neginf=0).clip(min=0)
    peak = float(grey.max())
    scales = (255, 4095, 65535) if peak > 1 else (1,)
    full = next((scale for scale in scales if peak <= scale), peak)
    return (grey * (255 / full) + 0.5).astype(np.uint8)
