"""Searchable PDF: the page as it is, and over it the words, invisible, to find and to copy.

Pages of a PDF that can be opened stay what they are, and get a layer of text if they have none of
their own. Any other page becomes its picture with the text over it; a file of these is PDF/A-2u.
"""

import ctypes
import zlib
from collections.abc import Iterable
from contextlib import closing
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pypdfium2
import pypdfium2.raw as pdfium_c
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fpdf import FPDF
from fpdf.drawing_primitives import Transform
from fpdf.enums import TextMode
from PIL import Image

from ocr_pipeline.exports.shapes import DESCENT, xml_text
from ocr_pipeline.results import Document, Page, Quad

#: Long side, in points, of pages whose resolution is not known: that of A4.
LONG_SIDE = 842.0
#: Of pictures that do not get smaller without loss.
JPEG_QUALITY = 90
#: Larger pictures are kept without loss: libjpeg cannot write longer sides, and where fpdf2 has
#: Pillow read the JPEG again, Pillow refuses more pixels.
JPEG_SIDE, JPEG_PIXELS = 65_500, 170_000_000

#: The invisible font: letters half as wide as they are high, spaces half as wide as letters.
_LETTER, _SPACE = 0.5, 0.25
#: Anything; the quads decide how large letters are.
_FONT_SIZE = 10.0


def to_pdf(document: Document, images: Iterable[np.ndarray]) -> bytes:
    """The document as a PDF with invisible text over its pages, a space after each word.

    A page that is a picture has the size that its dpi gives, or where that is unknown, the long
    side of A4. A JPEG that is the page is embedded unchanged; other pictures are kept without
    loss, or as JPEG of quality 90 if that is smaller.

    Args:
        document: what was read. If its source is a PDF, not encrypted, the pages that were read
            are taken from there; those that have text are left as they are.
        images: its pages' pictures in order, RGB uint8 (H, W, 3); not touched if the pages are
            taken from the source.

    Raises:
        ValueError: there are fewer or more images than pages.
    """
    source = _open_source(document)
    if source is None:
        return _write(document, (_embed(document, image) for image in images))
    with closing(source):
        return _add_layer(source, document)


def _write(document: Document, pictures: Iterable[BytesIO | Image.Image | None]) -> bytes:
    """A PDF of pictures, or of nothing, with the words over them."""
    pdf = FPDF(unit="pt", enforce_compliance="PDF/A-2U")
    pdf.set_creator(xml_text(f"ocr-pipeline {document.engine}"))
    pdf.set_auto_page_break(False)
    with TemporaryDirectory() as folder:
        font = Path(folder, "invisible.ttf")
        font.write_bytes(_invisible_font(set(xml_text(document.text)) | {" "}))
        pdf.add_font("invisible", fname=font)
        for page, picture in zip(document.pages, pictures, strict=True):
            scale = _points_per_pixel(page)
            size = page.width * scale, page.height * scale
            pdf.add_page(format=size)
            if picture is not None:
                pdf.image(picture, x=0, y=0, w=size[0], h=size[1])
            pdf.set_font("invisible", size=_FONT_SIZE)
            pdf.text_mode = TextMode.INVISIBLE
            for word in page.words:
                text = xml_text(word.text)
                if text:
                    with pdf.transform(_text_to_page(text, word.quad, scale)):
                        pdf.text(0, 0, f"{text} ")
        return bytes(pdf.output())


def _points_per_pixel(page: Page) -> float:
    return 72 / page.dpi if page.dpi else LONG_SIDE / max(page.width, page.height)


def _text_to_page(text: str, quad: Quad, scale: float) -> Transform:
    """Takes text, set at the origin on its baseline, to its quad; points, y down, on both sides."""
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = (np.array(point) * scale for point in quad)
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
    return Transform(*along / width, *across / _FONT_SIZE, *origin)


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


def _embed(document: Document, image: np.ndarray) -> BytesIO | Image.Image:
    """The picture as it goes into the PDF."""
    if len(document.pages) == 1:
        jpeg = _source_jpeg(document.source, image)
        if jpeg is not None:
            return jpeg
    grey = (image == image[:, :, :1]).all()
    picture = Image.fromarray(image[:, :, 0] if grey else image)
    if max(picture.size) > JPEG_SIDE or picture.width * picture.height > JPEG_PIXELS:
        return picture
    jpeg = BytesIO()
    picture.save(jpeg, format="JPEG", quality=JPEG_QUALITY)
    # The fastest level, to compare; what is written is compressed better.
    return picture if len(zlib.compress(picture.tobytes(), 1)) <= jpeg.tell() else jpeg


def _source_jpeg(source: str, image: np.ndarray) -> BytesIO | None:
    """The source's bytes, if it is a JPEG that shows exactly `image` without any more ado."""
    try:
        file = BytesIO(Path(source).read_bytes())
        picture = Image.open(file, formats=["JPEG"])
        if picture.mode in ("L", "RGB") and np.array_equal(
            np.asarray(picture.convert("RGB")), image
        ):
            return file
    except (OSError, ValueError, Image.DecompressionBombError):  # no such file, or no JPEG
        pass
    return None


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
    """The pages of `pdf` that were read, each with its words unless it has text already."""
    with closing(pypdfium2.PdfDocument(_write(document, [None] * len(document.pages)))) as layer:
        for number, page in enumerate(document.pages):
            target = pdf[page.index]
            if page.words and not target.get_textpage().get_text_range().strip():
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


def _onto(
    target: pypdfium2.PdfPage, page: Page, layer_size: tuple[float, float]
) -> pypdfium2.PdfMatrix:
    """Takes the layer's points to the user space of the page that it covers as displayed.

    Asking pdfium where the corners of the picture lie minds rotation, boxes and their offsets.
    """
    w, h = page.width, page.height

    def to_user(x: int, y: int) -> np.ndarray:
        user = ctypes.c_double(), ctypes.c_double()
        pdfium_c.FPDF_DeviceToPage(target, 0, 0, w, h, 0, x, y, *user)
        return np.array([value.value for value in user])

    origin = to_user(0, h)  # of the layer, whose y goes up
    right = (to_user(w, h) - origin) / layer_size[0]
    up = (to_user(0, 0) - origin) / layer_size[1]
    return pypdfium2.PdfMatrix(*right, *up, *origin)
