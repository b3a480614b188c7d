"""A file -> its pages as RGB pictures, whatever it is, or one line that says why not.

Content decides what a file is, not its name. Nothing in a file makes this module reach for
another file, a program or the network.
"""

import math
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, ImageSequence, UnidentifiedImageError

from ocr_pipeline.inputs import Decoding, InputError

#: What Pillow may try. Its other decoders are left out on purpose: some run outside programs
#: (EPS), and none of them holds pages that people scan.
FORMATS = ("JPEG", "PNG", "TIFF", "WEBP", "BMP", "GIF", "JPEG2000", "PPM", "AVIF")

_READABLE = "PDF, JPEG, PNG, TIFF, WebP, BMP, GIF, JPEG 2000, AVIF, HEIC or PPM"

#: How files of most of them begin.
_SIGNATURES = (b"\xff\xd8", b"\x89PNG", b"II*\0", b"MM\0*", b"RIFF", b"BM", b"GIF8", b"\0\0\0")

#: Brands in the first box of a file of the HEIF family, but for AVIF's.
_HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")


@dataclass(frozen=True)
class PageImage:
    """One decoded page.

    Attributes:
        image: RGB uint8 (H, W, 3), upright as its metadata says.
        index: number of the page in its file, from 0.
        dpi: pixels an inch as the file states them, None where it does not.
        warnings: what was wrong with the file, though it could be read.
    """

    image: np.ndarray
    index: int = 0
    dpi: float | None = None
    warnings: tuple[str, ...] = ()


def _raise(error: InputError) -> None:
    raise error


def read_pages(
    path: str | os.PathLike[str],
    decoding: Decoding | None = None,
    *,
    on_error: Callable[[InputError], None] = _raise,
) -> Iterator[PageImage]:
    """Decode a file page by page: all pages of a PDF or a TIFF, else the first picture.

    EXIF orientation is applied, transparency lies on white (light print on black), deeper greys
    are scaled to 8 bits, and what people filled into the forms of a PDF is shown. A file that
    breaks off is read as far as it goes, with a warning in the page.

    Args:
        path: the file.
        decoding: which pages, and how.
        on_error: called for each page that cannot be decoded; those after it are read all the
            same. The default raises.

    Raises:
        InputError: the file is missing, empty, of no known kind, broken from the start, locked, or
            has none of the pages that are wanted, or more than may be.
    """
    path, decoding = Path(path), decoding or Decoding()
    _check_file(path)
    pages = _read_pdf if _is_pdf(path) else _read_image
    found = 0
    for page in pages(path, decoding, on_error):
        found += 1
        if found > decoding.max_pages:
            reason = f"it has more pages than the limit of {decoding.max_pages:,}; the rest is left"
            raise InputError(path, reason, "raise --max-pages, or choose with --pages")
        if page is not None:
            yield page
    if not found:
        if decoding.pages is None:
            raise InputError(path, "it has no pages", "export it again")
        wanted = ", ".join(f"{low}-{high}" for low, high in decoding.pages)
        raise InputError(path, f"none of the pages {wanted} are in it", "ask for others")


def read_picture(path: str | os.PathLike[str]) -> np.ndarray:
    """The first picture of an image file, as `read_pages` has it: RGB uint8 (H, W, 3).

    Raises:
        InputError: as `read_pages`; also for a PDF.
    """
    path = Path(path)
    _check_file(path)
    if _is_pdf(path):
        raise InputError(path, "this is a PDF", "render its pages")
    page = next(_read_image(path, Decoding(pages=((1, 1),)), _raise), None)
    if page is None:
        raise InputError(path, "it has no pages", "export it again")
    return page.image


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


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(1024)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(path, reason, "check its permissions") from None


def _is_pdf(path: Path) -> bool:
    head = _head(path)
    # Readers allow some bytes before it; but a picture's metadata may say it too.
    return b"%PDF-" in head and not head.startswith(_SIGNATURES)


# Both readers yield None for a page that was wanted, but failed.


def _read_pdf(
    path: Path, decoding: Decoding, on_error: Callable[[InputError], None]
) -> Iterator[PageImage | None]:
    from pypdfium2 import PdfDocument, PdfiumError

    def open_with(password: str | None) -> PdfDocument | None:
        """None if it is locked, and this is not its password."""
        try:
            return PdfDocument(path, password=password)
        except PdfiumError as error:
            if "password" in str(error).lower():
                return None
            raise InputError(path, f"broken PDF ({error})", "export or download it again") from None

    # A password that one of many files needs is wrong for those that need none.
    pdf = open_with(None) or (decoding.password and open_with(decoding.password))
    if not pdf:
        reason, remedy = "the PDF is locked", "give its password with --password"
        if decoding.password is not None:
            reason, remedy = "the password does not open this PDF", "give the one that does"
        raise InputError(path, reason, remedy)
    with pdf:
        pdf.init_forms()
        for index in range(int(min(len(pdf), decoding.last))):
            if decoding.wants(index):
                try:
                    yield _render(path, pdf, index, decoding)
                except InputError as error:
                    on_error(error)
                    yield None
                except PdfiumError as error:
                    reason = f"page {index + 1} is broken ({error})"
                    on_error(InputError(path, reason, "export or download it again"))
                    yield None


def _render(path: Path, pdf, index: int, decoding: Decoding) -> PageImage:
    page = pdf[index]
    scale = decoding.dpi / 72  # a point is 1/72 inch
    width, height = (math.ceil(size * scale) for size in page.get_size())
    _check_size(path, index, width, height, decoding.max_pixels, "lower --dpi")
    bitmap = page.render(scale=scale, rev_byteorder=True)  # RGB, transparency on white
    image = bitmap.to_numpy()
    if image.shape[2] == 1:
        image = np.repeat(image, 3, axis=2)
    page.close()
    return PageImage(np.ascontiguousarray(image[:, :, :3]), index, decoding.dpi)


def _check_size(
    path: Path, index: int, width: int, height: int, max_pixels: int, remedy: str
) -> None:
    if width * height > max_pixels:
        raise InputError(
            path,
            f"page {index + 1} is {width} x {height} pixels, more than the limit of {max_pixels:,}",
            f"{remedy}, or raise --max-pixels if the memory is there",
        )


def _read_image(
    path: Path, decoding: Decoding, on_error: Callable[[InputError], None]
) -> Iterator[PageImage | None]:
    with _open(path, path) as image:
        if image.format != "TIFF":
            if decoding.wants(0):
                yield _decode(path, image, 0, decoding.max_pixels)
            return
        index = 0
        passed_over = False  # whether there was a smaller version of a page
        frames = ImageSequence.Iterator(image)
        while index < decoding.last:
            try:
                if not _next_frame(path, frames, index):
                    break
            except InputError as error:  # where the next one begins is not known either
                on_error(error)
                yield None
                return
            # Tag 254 (NewSubfileType), bit 0: a smaller version of another page.
            if int(image.tag_v2.get(254, 0)) & 1:  # type: ignore[attr-defined]
                passed_over = True
                continue
            if decoding.wants(index):
                try:
                    yield _decode(path, image, index, decoding.max_pixels)
                except InputError as error:
                    on_error(error)
                    yield None
            index += 1
        if index == 0 and passed_over and decoding.wants(0):  # of none: the first is the page
            image.seek(0)
            yield _decode(path, image, 0, decoding.max_pixels)


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
            return Image.open(source, formats=(*FORMATS, *_heif_formats()))
    except UnidentifiedImageError:
        box, brand = (head := _head(path))[4:8], head[8:12]
        if box == b"ftyp" and brand in _HEIF_BRANDS:
            raise InputError(
                path, "HEIC images need a decoder", "pip install pillow-heif"
            ) from None
        raise InputError(
            path, "not an image, or its first bytes are damaged", f"give {_READABLE}"
        ) from None
    except PermissionError:
        raise InputError(path, "permission denied", "check its permissions") from None
    # Hostile bytes make decoders fail in every way there is: struct.error, OverflowError, ...
    except Exception as error:
        raise InputError(path, f"broken image ({error})", "copy or export it again") from error


@cache
def _heif_formats() -> Sequence[str]:
    """HEIF, if its decoder (an extra of this package) is there."""
    try:
        import_module("pillow_heif").register_heif_opener()
    except ImportError:
        return ()
    return ("HEIF",)


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
    _check_size(path, index, *image.size, max_pixels, "reduce it or cut it into parts")
    try:
        image, warnings = _load(path, image)
        dpi = _dpi(image)
        try:
            ImageOps.exif_transpose(image, in_place=True)
        except Exception:
            warnings += ("the EXIF data is broken; the page is taken as upright",)
        return PageImage(to_rgb(image), index, dpi, warnings)
    except InputError:
        raise
    except Exception as error:
        raise InputError(
            path, f"page {index + 1} cannot be decoded ({error})", "copy or export it again"
        ) from error


def _dpi(image: Image.Image) -> float | None:
    """What the file states, if it is plausible and the same both ways; screens' 72 says nothing."""
    try:
        x, y = (float(value) for value in image.info["dpi"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    return round(x, 2) if 72 < x <= 9600 and abs(x - y) < 1 else None


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
    """Any Pillow image as RGB uint8 (H, W, 3): greys scaled to 8 bits, transparency on white, or
    on black if it is light print on next to nothing."""
    if image.mode.startswith(("I", "F")):
        grey = _scale_to_bytes(np.asarray(image))
        return np.repeat(grey[:, :, None], 3, axis=2)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        cover = np.asarray(image.getchannel("A"), np.float32) / 255
        light = (np.asarray(image.convert("L")) * cover).sum() > 127 * cover.sum()
        ground = "black" if light and cover.mean() < 0.5 else "white"
        image = Image.alpha_composite(Image.new("RGBA", image.size, ground), image)
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
