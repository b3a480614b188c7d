"""Searchable PDF: the page as it is, and over it the words, invisible, to find and to copy.

Pages of a PDF that can be opened stay what they are, and get a layer of those words that they do
not have as text. Any other page becomes its picture with the text over it; a file of these is
PDF/A-2u, unless the picture is in the colours of a press and does not say of which.
"""

import ctypes
import math
import zlib
from collections.abc import Iterable, Sequence
from contextlib import closing
from io import BytesIO
from itertools import chain, product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import pypdfium2
import pypdfium2.raw as pdfium_c
import shapely
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fpdf import FPDF
from fpdf.drawing_primitives import Transform
from fpdf.enums import TextMode
from PIL import Image
from PIL.MpoImagePlugin import MpoImageFile

from ocr_pipeline.exports.shapes import DESCENT, direction, xml_text
from ocr_pipeline.results import Document, Page, Quad, Word, as_quad

#: Long side, in points, of pages whose resolution is not known: that of A4.
LONG_SIDE = 842.0
#: Of pictures that would be too large without loss.
JPEG_QUALITY = 90
#: A picture from a file without loss stays so unless that takes more than so many times the bytes
#: of the JPEG. Scans take up to about 4 times as many, photographs 8 and more.
LOSSLESS_LIMIT = 6
#: Larger pictures are kept without loss: libjpeg cannot write longer sides, and where fpdf2 has
#: Pillow read the JPEG again, Pillow refuses more pixels.
JPEG_SIDE, JPEG_PIXELS = 65_500, 170_000_000

#: Formats that keep every pixel; TIFF does but for some compressions.
_LOSSLESS, _LOSSY_TIFF = ("PNG", "BMP", "GIF", "PPM", "TIFF"), ("jpeg", "tiff_jpeg", "webp")

#: Words within so many degrees of an axis are laid along it; the boxes of others would hold whole
#: lines.
STRAIGHT = 20

#: The invisible font: letters half as wide as they are high, spaces half as wide as letters.
_LETTER, _SPACE = 0.5, 0.25
#: Of a word's height its text ends so much before its quad: Poppler runs words together whose quads
#: meet, as those of words that are set tight do.
_GAP = 0.08
#: Anything; the quads decide how large letters are.
_FONT_SIZE = 10.0


def to_pdf(document: Document, images: Iterable[np.ndarray]) -> bytes:
    """The document as a PDF with invisible text over its pages, a space after each word.

    A page that is a picture has the size that its dpi gives, or where that is unknown, the long
    side of A4. A JPEG in grey or RGB that is the page, turned or not, is embedded unchanged; other
    pictures are kept without loss, or as JPEG of quality 90 where that is smaller or, from a file
    without loss, less than a sixth of the size.

    Args:
        document: what was read. If its source is a PDF, not encrypted, the pages that were read
            are taken from there, and only words that they do not have as text are laid over them.
        images: its pages' pictures in order, RGB uint8 (H, W, 3); not touched if the pages are
            taken from the source.

    Raises:
        ValueError: there are fewer or more images than pages.
    """
    source = _open_source(document)
    if source is None:
        words = [page.words for page in document.pages]
        return _write(document, words, (_embed(document, image) for image in images))
    with closing(source):
        return _add_layer(source, document)


class _Picture(NamedTuple):
    """A picture as it goes into the PDF, and how it is turned there."""

    data: BytesIO | Image.Image
    swap: bool = False  #: x and y, before all else
    mirror: bool = False  #: left and right
    flip: bool = False  #: top and bottom
    press: bool = False  #: CMYK, and no profile says of which press

    def draw(self, pdf: FPDF, width: float, height: float) -> None:
        """Over the whole page."""
        along, down = -1 if self.mirror else 1, -1 if self.flip else 1
        offset = width if self.mirror else 0, height if self.flip else 0
        if self.swap:
            turn = Transform(0, down, along, 0, *offset)
            width, height = height, width
        else:
            turn = Transform(along, 0, 0, down, *offset)
        with pdf.transform(turn):
            drawn = pdf.image(self.data, x=0, y=0, w=width, h=height)
        if drawn["cs"] == "DeviceCMYK":  # Adobe's are inverted; fpdf2 forgets it beside a profile
            drawn["decode"] = "[1 0 1 0 1 0 1 0]"


def _write(
    document: Document, words: Iterable[Sequence[Word]], pictures: Iterable[_Picture | None]
) -> bytes:
    """A PDF of pictures, or of nothing, with each page's words over them."""
    pictures = iter(pictures)
    first = next(pictures, None)
    pictures = chain([first], pictures) if document.pages else pictures
    pdf = FPDF(unit="pt", enforce_compliance=None if first and first.press else "PDF/A-2U")
    pdf.set_creator(xml_text(f"ocr-pipeline {document.engine}"))
    pdf.set_auto_page_break(False)
    with TemporaryDirectory() as folder:
        font = Path(folder, "invisible.ttf")
        font.write_bytes(_invisible_font(set(xml_text(document.text)) | {" "}))
        pdf.add_font("invisible", fname=font)
        for page, laid, picture in zip(document.pages, words, pictures, strict=True):
            scale = _points_per_pixel(page)
            size = page.width * scale, page.height * scale
            pdf.add_page(format=size)
            if picture is not None:
                picture.draw(pdf, *size)
            pdf.set_font("invisible", size=_FONT_SIZE)
            pdf.text_mode = TextMode.INVISIBLE
            for word in laid:
                text = xml_text(word.text)
                if text:
                    with pdf.transform(_text_to_page(text, word.quad, scale)):
                        pdf.text(0, 0, f"{text} ")
        return bytes(pdf.output())


def _points_per_pixel(page: Page) -> float:
    return 72 / page.dpi if page.dpi else LONG_SIDE / max(page.width, page.height)


def _text_to_page(text: str, quad: Quad, scale: float) -> Transform:
    """Takes text, set at the origin on its baseline, to its quad; points, y down, on both sides."""
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = np.array(_straight(quad)) * scale
    # The quad's parallelogram, through its centre.
    along = np.array([bx - ax + cx - dx, by - ay + cy - dy]) / 2
    across = np.array([dx - ax + cx - bx, dy - ay + cy - by]) / 2
    # A matrix that makes a point or a line of the text has no inverse, which readers need.
    if abs(along[0] * across[1] - along[1] * across[0]) < 1e-2:
        along, across = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    centre = np.array([ax + bx + cx + dx, ay + by + cy + dy]) / 4
    spaces = text.count(" ")
    width = _FONT_SIZE * (_LETTER * (len(text) - spaces) + _SPACE * spaces)
    origin = centre - along / 2 + across * (0.5 - DESCENT)
    along *= 1 - min(_GAP * math.hypot(*across) / math.hypot(*along), 0.3)
    return Transform(*along / width, *across / _FONT_SIZE, *origin)


def _straight(quad: Quad) -> Quad:
    """The enclosing box of a slanted word, to be read along the axis nearest to its direction.

    Poppler takes words apart that are slanted by a degree, if there are others around them.
    """
    angle = direction(quad)
    quarter = round(angle / 90)
    if abs(angle - 90 * quarter) > STRAIGHT:
        return quad
    xs, ys = zip(*quad, strict=True)
    left, top, right, bottom = min(xs), min(ys), max(xs), max(ys)
    box = [(left, top), (right, top), (right, bottom), (left, bottom)]
    return as_quad(np.roll(box, -quarter, axis=0))


def _invisible_font(characters: set[str]) -> bytes:
    """A TrueType font whose glyphs are boxes, an em from ascender to descender.

    Nobody sees them, but viewers mark with them what was found, and pdfium (Chrome) passes over
    text turned by 90 degrees whose glyphs have no height.
    """
    units = 1000
    names = {ord(character): f"u{ord(character):X}" for character in sorted(characters)}
    glyphs = [".notdef", *names.values()]
    letter, space = round(units * _LETTER), round(units * _SPACE)
    ascent, descent = round(units * (1 - DESCENT)), -round(units * DESCENT)
    pen = TTGlyphPen(None)
    pen.moveTo((0, descent))
    for corner in ((0, ascent), (letter, ascent), (letter, descent)):
        pen.lineTo(corner)
    pen.closePath()
    box, empty = pen.glyph(), TTGlyphPen(None).glyph()
    blank = names[ord(" ")]
    builder = FontBuilder(units)
    builder.setupGlyphOrder(glyphs)
    builder.setupCharacterMap(names)
    builder.setupGlyf({name: empty if name == blank else box for name in glyphs})
    builder.setupHorizontalMetrics(
        {name: (space if name == blank else letter, 0) for name in glyphs}
    )
    builder.setupHorizontalHeader(ascent=ascent, descent=descent)
    builder.setupNameTable({"familyName": "Invisible", "fullName": "Invisible"})
    builder.setupOS2(sTypoAscender=ascent, sTypoDescender=descent, sCapHeight=ascent)
    builder.setupPost(isFixedPitch=False)
    file = BytesIO()
    builder.save(file)
    return file.getvalue()


def _embed(document: Document, image: np.ndarray) -> _Picture:
    """The picture as it goes into the PDF."""
    if len(document.pages) == 1:
        original = _source_jpeg(document.source, image)
        if original is not None:
            return original
    grey = (image == image[:, :, :1]).all()
    picture = Image.fromarray(image[:, :, 0] if grey else image)
    if max(picture.size) > JPEG_SIDE or picture.width * picture.height > JPEG_PIXELS:
        return _Picture(picture)
    jpeg = BytesIO()
    picture.save(jpeg, format="JPEG", quality=JPEG_QUALITY)
    limit = jpeg.tell() * (LOSSLESS_LIMIT if _is_lossless(document.source) else 1)
    # The fastest level, to compare; what is written is compressed better.
    return _Picture(picture if len(zlib.compress(picture.tobytes(), 1)) <= limit else jpeg)


def _source_jpeg(source: str, image: np.ndarray) -> _Picture | None:
    """The source's bytes, if it is a JPEG that shows exactly `image` once it is turned."""
    try:
        data = Path(source).read_bytes()
        picture = Image.open(BytesIO(data), formats=["JPEG"])
        if isinstance(picture, MpoImageFile):
            data = _first_of_several(data, picture)
            picture = Image.open(BytesIO(data), formats=["JPEG"])
        # Of CMYK without Adobe's mark nobody knows whether it is inverted.
        known = picture.mode in ("L", "RGB") or (picture.mode == "CMYK" and "adobe" in picture.info)
        if not known or picture.format != "JPEG":
            return None
        pixels = np.asarray(picture.convert("RGB"))
    # No such file, no JPEG, or a broken index of its pictures.
    except (OSError, ValueError, LookupError, SyntaxError, Image.DecompressionBombError):
        return None
    press = picture.mode == "CMYK" and "icc_profile" not in picture.info
    # By trial: EXIF may say one thing, and who decoded the page may have made another of it.
    for swap, mirror, flip in product((False, True), repeat=3):
        turned = pixels.swapaxes(0, 1) if swap else pixels
        if np.array_equal(turned[:: -1 if flip else 1, :: -1 if mirror else 1], image):
            return _Picture(BytesIO(data), swap, mirror, flip, press)
    return None


def _first_of_several(data: bytes, pictures: MpoImageFile) -> bytes:
    """The first JPEG of several in one file, as telephones write them, less the index of all."""
    assert pictures.mpinfo is not None  # it is what makes the file one of several
    data = data[: pictures.mpinfo[0xB002][0]["Size"]]
    start = data.index(b"MPF\0") - 4  # the marker of the segment and its length
    return data[:start] + data[start + 2 + int.from_bytes(data[start + 2 : start + 4]) :]


def _is_lossless(source: str) -> bool:
    try:
        with Image.open(source, formats=_LOSSLESS) as file:
            return file.info.get("compression") not in _LOSSY_TIFF
    except (OSError, ValueError, Image.DecompressionBombError):  # no such file, or another format
        return False


def _open_source(document: Document) -> pypdfium2.PdfDocument | None:
    """The PDF that was read, if there is one to be had and it may be changed."""
    try:
        pdf = pypdfium2.PdfDocument(document.source)
    except (OSError, ValueError, pypdfium2.PdfiumError):
        return None
    encrypted = pdfium_c.FPDF_GetSecurityHandlerRevision(pdf) != -1
    if encrypted or any(page.index >= len(pdf) for page in document.pages):
        pdf.close()
        return None
    return pdf


def _add_layer(pdf: pypdfium2.PdfDocument, document: Document) -> bytes:
    """The pages of `pdf` that were read, each with those of its words that it does not have."""
    missing = [_missing(pdf[page.index], page) for page in document.pages]
    written = _write(document, missing, [None] * len(missing))
    with closing(pypdfium2.PdfDocument(written)) as layer:
        for number, page in enumerate(document.pages):
            if missing[number]:
                target = pdf[page.index]
                words = layer.page_as_xobject(number, pdf).as_pageobject()
                words.set_matrix(_onto(target, page, layer[number].get_size()))
                target.insert_obj(words)
                target.gen_content()
        read = {page.index for page in document.pages}
        for index in reversed(range(len(pdf))):
            if index not in read:
                pdf.del_page(index)
        file = BytesIO()
        pdf.save(file)
        return file.getvalue()


def _missing(target: pypdfium2.PdfPage, page: Page) -> list[Word]:
    """The words in whose quads the PDF's page has less than half as many characters.

    Characters count where their centres are, so that neither tight boxes nor a watermark's large
    ones mislead.
    """
    with closing(target.get_textpage()) as text:
        # Neither spaces nor glyphs of which nobody knows the character (0).
        printed = (
            text.get_charbox(k)
            for k in range(text.count_chars())
            if pdfium_c.FPDFText_GetUnicode(text, k) > ord(" ")
        )
        centres = [((left + right) / 2, (low + high) / 2) for left, low, right, high in printed]
    to_user = _pixels_to_user(target, page)
    quads = np.reshape([word.quad for word in page.words], (-1, 4, 2)) @ to_user[:2] + to_user[2]
    hulls = shapely.convex_hull(shapely.multipoints(quads))
    tree = shapely.STRtree(shapely.points(np.reshape(centres, (-1, 2))))
    found = np.bincount(tree.query(hulls, predicate="contains")[0], minlength=len(hulls))
    return [word for word, n in zip(page.words, found, strict=True) if 2 * n < len(word.text)]


def _onto(
    target: pypdfium2.PdfPage, page: Page, layer_size: tuple[float, float]
) -> pypdfium2.PdfMatrix:
    """Takes the layer's points to the user space of the page that it covers."""
    x, y, origin = _pixels_to_user(target, page)
    right, down = x * page.width / layer_size[0], y * page.height / layer_size[1]
    return pypdfium2.PdfMatrix(*right, *-down, *(origin + y * page.height))  # y goes up in it


def _pixels_to_user(target: pypdfium2.PdfPage, page: Page) -> np.ndarray:
    """(3, 2): what a pixel to the right and one down are in user space, and the picture's corner.

    Asking pdfium where the corners of the picture lie minds rotation, boxes and their offsets.
    """
    w, h = page.width, page.height

    def to_user(x: int, y: int) -> np.ndarray:
        user = ctypes.c_double(), ctypes.c_double()
        pdfium_c.FPDF_DeviceToPage(target, 0, 0, w, h, 0, x, y, *user)
        return np.array([value.value for value in user])

    origin = to_user(0, 0)
    return np.stack([(to_user(w, 0) - origin) / w, (to_user(0, h) - origin) / h, origin])
