import json
import math
import os
import re
import shutil
import subprocess
from dataclasses import replace
from io import BytesIO
from itertools import chain
from pathlib import Path

import cv2
import jsonschema
import numpy as np
import pypdfium2
import pypdfium2.raw as pdfium_c
import pytest
from fpdf import FPDF
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from markdown_it import MarkdownIt
from PIL import Image

from ocr_pipeline.decode import read_pages
from ocr_pipeline.exports import FORMATS, export
from ocr_pipeline.results import Block, Document, Line, Page, Quad, Word, as_quad, schema

from .validation import ALTO, PAGE_CONTENT, poppler_words

GOLDENS = Path(__file__).with_name("goldens")


def turned(x, y, width, height, angle=0.0) -> Quad:
    """A box around its centre (x, y), turned by degrees clockwise."""
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    along, across = np.array([cos, sin]) * width / 2, np.array([-sin, cos]) * height / 2
    signs = ((-1, -1), (1, -1), (1, 1), (-1, 1))
    return as_quad([np.array([x, y]) + a * along + b * across for a, b in signs])


def word(text, x, y, width=60, height=20, angle=0.0, confidence=0.9):
    return Word(text, confidence, turned(x, y, width, height, angle), 0.8)


def block(*lines, angle=0.0):
    made = []
    for words in lines:
        x, y = np.mean([point for w in words for point in w.quad], axis=0)
        made.append(Line(tuple(words), turned(x, y, 30 + 70 * len(words), 24, angle)))
    return Block(tuple(made), made[0].quad)


def document(*pages, source="scans/a page.png"):
    sha = "0" * 64
    models = {k: {"name": f"{k}.x", "sha256": sha} for k in ("detector", "recognizer")}
    return Document(source, pages, {"device": "cpu"}, models, engine="1.2.3")


def with_words(*words):
    return document(Page(0, 400, 300, blocks=(block(words),)))


def blank(doc):
    return [np.full((page.height, page.width, 3), 255, np.uint8) for page in doc.pages]


PAGE = Page(
    index=0,
    width=400,
    height=300,
    angle=0.5,
    dpi=150,
    blocks=(
        block(
            [word("Größe", 80, 50), word("<b>&\"'", 150, 50, confidence=0.123456)],
            [word("1.", 60, 80, 20), word("*5_€*", 120, 80)],
        ),
        block([word("tilted", 200, 150, angle=-5), word("line", 270, 144, angle=-5)], angle=-5),
        block([word("spine", 350, 150, angle=90)], angle=90),
        block([word("outside", 395, 295), word("gone", 900, -50), word("point", 5, 5, 0, 0)]),
    ),
)
SAMPLE = document(PAGE, Page(index=1, width=30, height=40))


@pytest.mark.parametrize("name", sorted(set(FORMATS) - {"pdf", "html"}))
def test_golden(name):
    """After a wanted change: UPDATE_GOLDENS=1 uv run pytest tests/pipeline/test_exports.py"""
    sample = replace(SAMPLE, pages=(PAGE,)) if FORMATS[name].one_page else SAMPLE
    made = re.sub(
        rb">[-\d]{10}T[:\d]{8}\+00:00<", b">2000-01-01T00:00:00+00:00<", export(name, sample)
    )
    golden = GOLDENS / f"sample{FORMATS[name].suffix}"
    if os.environ.get("UPDATE_GOLDENS"):
        golden.write_bytes(made)
    assert made.decode() == golden.read_text("utf-8")


ODD = {
    "no word": document(Page(index=0, width=1, height=1)),
    "sample": SAMPLE,
    "what XML forbids": replace(
        with_words(word("a\0b\x0c\ud800\ufffe", 50, 50)), source="\udcff\1"
    ),
    "upside down": with_words(word("down", 50, 50, angle=180)),
    "beyond the page": with_words(word("far", -1e6, 1e6, 1e5)),
    "beyond the first plane": with_words(word("𝔘𝔫𝔦😀", 50, 50)),
    "white space": with_words(word(" a\tb\r\nc ", 50, 50)),
}


def _solid(text):
    """Without white space, and lone surrogates written out, as in files."""
    return "".join(text.split()).encode("utf-8", "backslashreplace").decode()


def check_everything(doc):
    """What must hold of every document, each format read back by a parser of another's making."""
    texts = [_solid(w.text) for w in doc.words]

    alto = etree.fromstring(export("alto", doc))
    ALTO.assertValid(alto)
    shown = [s.get("CONTENT") for s in alto.iter("{*}String")]
    words = [re.sub(r"\W", "", w.text) for w in doc.words]  # all that XML forbids is in \W
    assert [re.sub(r"\W", "", content) for content in shown] == words

    for page in doc.pages:
        page_xml = etree.fromstring(export("page", replace(doc, pages=(page,))))
        PAGE_CONTENT.assertValid(page_xml)
        assert len(page_xml.findall(".//{*}Word")) == len(page.words)

    hocr = etree.fromstring(export("hocr", doc))
    ids = hocr.xpath("//@id")
    assert len(ids) == len(set(ids))
    assert len(hocr.xpath("//*[@class='ocrx_word']")) == len(texts)
    for sheet, page in zip(hocr.xpath("//*[@class='ocr_page']"), doc.pages, strict=True):
        for title in sheet.xpath(".//@title")[1:]:
            left, top, right, bottom = map(
                int, re.match(r"bbox (\d+) (\d+) (\d+) (\d+)", title).groups()
            )
            assert left <= right <= page.width
            assert top <= bottom <= page.height

    rows = [row.split("\t") for row in export("tsv", doc).decode().split("\n")[:-1]]
    assert {len(row) for row in rows} == {12}
    assert [_solid(row[11]) for row in rows if row[0] == "5"] == texts
    assert all((row[10] == "-1") == (row[0] != "5") for row in rows[1:])

    for line, page in zip(export("jsonl", doc).decode().split("\n")[:-1], doc.pages, strict=True):
        data = json.loads(line)
        jsonschema.validate(data, schema())
        assert Document.from_dict(data).to_dict()["pages"] == [page.to_dict()]


@pytest.mark.parametrize("doc", ODD.values(), ids=ODD)
def test_odd_documents(doc):
    check_everything(doc)


coordinates = st.floats(-1e7, 1e7, allow_nan=False)
words = st.builds(
    Word,
    text=st.text(min_size=1),
    confidence=st.floats(0, 1),
    quad=st.lists(st.tuples(coordinates, coordinates), min_size=4, max_size=4).map(as_quad),
    detection_score=st.floats(0, 1),
)


@settings(max_examples=30, deadline=None)
@given(st.lists(words, min_size=1, max_size=3), st.text())
def test_any_text_anywhere(some, source):
    blocks = (Block((Line(tuple(some), some[0].quad),), some[-1].quad),)
    check_everything(document(Page(0, 300, 200, blocks=blocks), source=source))


marks = st.text("*_`#>+-=.)1[](){}<&;!|~$\\:/ aé", min_size=1)


@settings(max_examples=200, deadline=None)
@given(st.lists(marks, min_size=1, max_size=3))
def test_markdown_shows_the_text_and_nothing_else(lines):
    lines = [line for line in (" ".join(line.split()) for line in lines) if line] or ["x"]
    doc = document(Page(0, 9, 9, blocks=(block(*([word(line, 5, 5)] for line in lines)),)))
    html = (
        MarkdownIt("commonmark")
        .enable(["table", "strikethrough"])
        .render(export("md", doc).decode())
    )
    (paragraph,) = etree.fromstring(f"<body>{html}</body>")
    assert (paragraph.tag, paragraph.text, len(paragraph)) == ("p", "\n".join(lines), 0)


def test_markdown_has_paragraphs_and_rules():
    html = etree.fromstring(f"<b>{MarkdownIt().render(export('md', SAMPLE).decode())}</b>")
    assert [element.tag for element in html] == ["p"] * 4 + ["hr"]


@pytest.mark.parametrize(
    ("angle", "slant"),
    [
        (0, "baseline 0 -4"),
        (10, "baseline 0.176 -18.313"),
        (-10, "baseline -0.176 -3.502"),
        (90, "textangle 270"),
        (180, "textangle 180"),
        (-90, "textangle 90"),
        (-60.5, "textangle 60.5"),
    ],
)
def test_slant_of_a_line_in_hocr(angle, slant):
    quad = turned(100, 100, 80, 20, angle)
    doc = document(Page(0, 200, 200, blocks=(Block((Line((), quad),), quad),)))
    (title,) = etree.fromstring(export("hocr", doc)).xpath("//*[@class='ocr_line']/@title")
    assert title.split("; ")[1] == slant


@pytest.mark.parametrize(
    ("name", "doc", "message"),
    [
        ("docx", SAMPLE, "'docx'; there are json, "),
        ("page", SAMPLE, "holds one page, not 2"),
        ("page", document(), "holds one page, not 0"),
        ("pdf", SAMPLE, "longer|shorter"),
    ],
)
def test_what_cannot_be_made_is_an_error(name, doc, message):
    with pytest.raises(ValueError, match=message):
        export(name, doc, blank(doc)[:1])


# Searchable PDF


def poppler(pdf: bytes) -> str:
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext (poppler-utils) is not installed")
    command = ["pdftotext", "-", "-"]
    return subprocess.run(command, input=pdf, capture_output=True, check=True).stdout.decode()


def assert_found(pdf: bytes, doc: Document, within: float = 3) -> None:
    """Pdfium and poppler find each word, and only these, and poppler within so many pixels of its
    enclosing box, less the gap to the next one (a twelfth of its height).
    """
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext (poppler-utils) is not installed")
    sheets = list(pypdfium2.PdfDocument(pdf))
    for found, page, sheet in zip(poppler_words(pdf), doc.pages, sheets, strict=True):
        expected = {w.text: np.array(w.quad) for w in page.words}
        assert sorted(text for text, _ in found) == sorted(expected)
        assert sorted(sheet.get_textpage().get_text_range().split()) == sorted(expected)
        for text, box in found:
            quad = expected[text]
            error = box * page.width / sheet.get_width() - [*quad.min(axis=0), *quad.max(axis=0)]
            gap = (quad.max(axis=0) - quad.min(axis=0)).max() / 12
            assert np.abs(error).max() <= within + gap, text


def pictures(pdf: bytes) -> list[tuple[list[str], bytes]]:
    """Filters and bytes of the first picture of each page."""
    found = []
    for page in pypdfium2.PdfDocument(pdf):
        image = next(iter(page.get_objects(filter=[pdfium_c.FPDF_PAGEOBJ_IMAGE])))
        found.append((image.get_filters(), bytes(image.get_data(decode_simple=True))))
    return found


@pytest.mark.parametrize(
    ("width", "height", "dpi", "points"),
    [
        (2480, 3508, 300, (595.2, 841.92)),
        (1000, 500, None, (842, 421)),
        (500, 4000, None, (105.25, 842)),
        (1000, 900, 100, (720, 648)),
    ],
)
def test_words_are_found_where_they_are(width, height, dpi, points):
    row = [word(f"upright{k}", 100 + 90 * k, 60, 83) for k in range(4)]
    column = [word(f"quarter{k}", 60 + 60 * k, 200, 90, 22, angle=90 * k) for k in range(1, 5)]
    tilted = [word(f"tilt{k}", 150, 300 + 40 * k, 60, 20, angle=2 * k) for k in (-2, -1, 1, 2)]
    blocks = tuple(block([w]) for w in chain(row, column, tilted))
    doc = document(Page(0, width, height, dpi=dpi, blocks=blocks))
    pdf = export("pdf", doc, blank(doc))
    assert pypdfium2.PdfDocument(pdf)[0].get_size() == pytest.approx(points, abs=0.01)
    assert_found(pdf, doc)


@pytest.mark.parametrize("angle", [3, -10, 17, 93, 185])
def test_words_of_a_slanted_page_are_found_whole(angle):
    """Neighbours are what makes poppler take slanted words apart."""
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    words = []
    for row in range(8):
        for k in range(5):
            x, y = 110 * k - 220, 28 * row - 98
            place = 300 + cos * x - sin * y, 300 + sin * x + cos * y
            words.append(word(f"word{row}{k}", *place, 100, 22, angle))
    doc = document(Page(0, 600, 600, blocks=(block(words),)))
    assert_found(export("pdf", doc, blank(doc)), doc)


def test_words_that_nearly_touch_are_not_run_together():
    texts = ["its", "28", "of", "a"]
    doc = with_words(*(word(text, 50 + 40 * k, 50, width=39.4) for k, text in enumerate(texts)))
    assert poppler(export("pdf", doc, blank(doc))).split() == texts


def test_text_can_be_copied():
    doc = replace(SAMPLE, pages=(replace(PAGE, blocks=PAGE.blocks[:2]), *SAMPLE.pages[1:]))
    pdf = export("pdf", doc, blank(doc))
    lines = [line for line in poppler(pdf).split("\n") if line]
    assert lines == ["Größe <b>&\"'", "1. *5_€*", "tilted line", "\f\f"]
    (page, empty) = pypdfium2.PdfDocument(pdf)
    assert page.get_textpage().get_text_bounded().split() == doc.text.split()
    assert empty.get_textpage().count_chars() == 0


@pytest.mark.parametrize("doc", ODD.values(), ids=ODD)
def test_odd_documents_make_a_pdf_that_looks_like_their_pages(doc):
    pdf = pypdfium2.PdfDocument(export("pdf", doc, blank(doc)))
    assert len(pdf) == len(doc.pages)
    assert all((page.render().to_numpy() == 255).all() for page in pdf)


def test_any_script_comes_back():
    doc = with_words(*(word(t, 50 + 60 * k, 50, 50) for k, t in enumerate(["日本語", "𝔘𝔫😀", "é"])))
    assert poppler(export("pdf", doc, blank(doc))).split() == ["日本語", "𝔘𝔫😀", "é"]


def test_file_of_pictures_says_that_it_is_pdf_a():
    pdf = export("pdf", SAMPLE, blank(SAMPLE))
    assert b"<pdfaid:part>2<" in pdf
    assert b"<pdfaid:conformance>U<" in pdf
    assert b"/GTS_PDFA1" in pdf


NOISE = np.random.default_rng(0).integers(0, 255, (60, 80, 3), np.uint8)


def shown(page, width):
    """A page of a PDF as a picture (H, width, 3)."""
    return page.render(scale=width / page.get_width()).to_numpy()[:, :, ::-1]


@pytest.mark.parametrize(
    ("mode", "exif"),
    [*(("RGB", exif) for exif in range(1, 9)), ("L", 1), ("L", 6), ("CMYK", 1), ("CMYK", 6)],
)
def test_jpeg_that_is_the_page_is_kept_as_it_is(tmp_path, mode, exif):
    path = tmp_path / "a.jpg"
    tags = Image.Exif()
    tags[0x0112] = exif
    picture = Image.fromarray(cv2.resize(NOISE[:6, :8], (80, 60)))
    picture.convert(mode).save(path, exif=tags, progressive=exif == 2)
    (image,) = (page.image for page in read_pages(path))
    height, width = image.shape[:2]
    page = Page(0, width, height, blocks=(block([word("here", 30, 30, 30)]),))
    doc = document(page, source=str(path))
    pdf = export("pdf", doc, [image])
    ((_, data),) = pictures(pdf)
    assert data == path.read_bytes()
    assert_found(pdf, doc)
    assert (b"<pdfaid:part>2<" in pdf) == (mode != "CMYK")  # which would want a press's profile
    (sheet,) = pypdfium2.PdfDocument(pdf)
    # Readers make of CMYK what they like; inverted it would be 100 off.
    assert np.abs(shown(sheet, width).astype(int) - image).mean() < (30 if mode == "CMYK" else 3)
    # Two pages are not one JPEG.
    (_, data), _ = pictures(export("pdf", document(page, page, source=str(path)), [image] * 2))
    assert data != path.read_bytes()


def test_cmyk_with_a_profile_is_not_shown_inverted(tmp_path):
    path = tmp_path / "a.jpg"
    # A profile's head is all that fpdf2 looks at; pdfium then falls back on plain CMYK.
    profile = bytearray(200)
    profile[:4], profile[16:20], profile[36:40] = b"\0\0\0\xc8", b"CMYK", b"acsp"
    Image.new("CMYK", (80, 60), (0, 0, 0, 30)).save(path, icc_profile=bytes(profile))
    (image,) = (page.image for page in read_pages(path))
    pdf = export("pdf", document(Page(0, 80, 60), source=str(path)), [image])
    ((_, data),) = pictures(pdf)
    assert data == path.read_bytes()
    assert shown(pypdfium2.PdfDocument(pdf)[0], 80).mean() > 190


def test_of_two_pictures_in_a_jpeg_the_first_is_kept(tmp_path):
    path = tmp_path / "a.jpg"
    first, second = (Image.fromarray(cv2.resize(n, (80, 60))) for n in (NOISE[:6, :8], NOISE[6:]))
    first.save(path, format="MPO", save_all=True, append_images=[second])
    (page,) = read_pages(path)
    pdf = export("pdf", document(Page(0, 80, 60), source=str(path)), [page.image])
    ((filters, data),) = pictures(pdf)
    assert filters == ["DCTDecode"]
    scan = data[data.index(b"\xff\xda") :]
    assert data.endswith(b"\xff\xd9")
    assert path.read_bytes().count(scan) == 1
    assert Image.open(BytesIO(data)).format == "JPEG"
    np.testing.assert_array_equal(np.asarray(Image.open(BytesIO(data))), page.image)


@pytest.mark.parametrize(
    ("name", "options", "filters"),
    [
        ("a.png", {}, ["FlateDecode"]),
        ("a.bmp", {}, ["FlateDecode"]),
        ("a.tif", {"compression": "tiff_lzw"}, ["FlateDecode"]),
        ("a.tif", {"compression": "jpeg"}, ["DCTDecode"]),
        ("a.webp", {"quality": 90}, ["DCTDecode"]),
    ],
)
def test_scans_from_files_without_loss_stay_so_and_photographs_do_not(
    tmp_path, name, options, filters
):
    random = np.random.default_rng(0)
    scan = np.full((600, 800, 3), 240) + random.integers(-5, 6, (600, 800, 1))
    scan[100:500:20, 100:700:3] = 30
    photograph = cv2.GaussianBlur(
        random.integers(0, 255, (600, 800, 3)).astype(np.uint8), (0, 0), 5
    )
    for image, expected in ((scan.astype(np.uint8), filters), (photograph, ["DCTDecode"])):
        Image.fromarray(image).save(tmp_path / name, **options)
        (page,) = read_pages(tmp_path / name)
        doc = document(Page(0, 800, 600), source=str(tmp_path / name))
        pdf = export("pdf", doc, [page.image])
        ((found, _),) = pictures(pdf)
        assert found == expected
        error = shown(pypdfium2.PdfDocument(pdf)[0], 800).astype(int) - page.image
        assert np.abs(error).mean() < (0.01 if found == ["FlateDecode"] else 4)


def test_other_pictures_are_kept_without_loss_where_that_is_smaller():
    drawing = np.full((600, 800, 3), 255, np.uint8)
    cv2.circle(drawing, (300, 300), 200, (200, 30, 30), 5)
    photograph = cv2.GaussianBlur(cv2.resize(NOISE, (800, 600)), (9, 9), 3) ^ (
        np.random.default_rng(1).integers(0, 4, (600, 800, 3), np.uint8)
    )
    grey = np.repeat(photograph[:, :, :1], 3, axis=2)
    images = [drawing, photograph, grey]
    pdf = export("pdf", document(*(Page(k, 800, 600) for k in range(3))), iter(images))
    filters = [filters for filters, _ in pictures(pdf)]
    assert filters == [["FlateDecode"], ["DCTDecode"], ["DCTDecode"]]
    for page, image in zip(pypdfium2.PdfDocument(pdf), images, strict=True):
        error = shown(page, 800).astype(int) - image
        assert np.abs(error).mean() < (0.01 if image is drawing else 4)


def test_a_strip_that_no_jpeg_can_hold():
    strip = np.random.default_rng(0).integers(0, 255, (2, 66_000, 3), np.uint8)
    ((filters, _),) = pictures(export("pdf", document(Page(0, 66_000, 2)), [strip]))
    assert filters == ["FlateDecode"]


def drawn_pdf(path, *, rotation=0, media=(0, 0, 300, 400), crop=None, pages=1):
    """Pages with two black bars as vector graphics, and no text."""
    pdf = pypdfium2.PdfDocument.new()
    for _ in range(pages):
        page = pdf.new_page(300, 400)
        page.set_mediabox(*media)
        page.set_cropbox(*(crop or media))
        page.set_rotation(rotation)
        for x, y in ((80, 150), (180, 250)):
            bar = pdfium_c.FPDFPageObj_CreateNewRect(x, y, 60, 12)
            pdfium_c.FPDFPageObj_SetFillColor(bar, 0, 0, 0, 255)
            pdfium_c.FPDFPath_SetDrawMode(bar, pdfium_c.FPDF_FILLMODE_ALTERNATE, 0)
            pdfium_c.FPDFPage_InsertObject(page, bar)
        page.gen_content()
    pdf.save(path)


def read_bars(path, *indices):
    """A document that names the bars, and its pages' pictures."""
    pages, images = [], []
    for rendered in read_pages(path):
        if indices and rendered.index not in indices:
            continue
        dark = (rendered.image[:, :, 0] < 128).astype(np.uint8)
        boxes = cv2.connectedComponentsWithStats(dark)[2][1:, :4]
        words = []
        for k, (x, y, w, h) in enumerate(boxes):
            quad = [(x, y), (x + w, y), (x + w, y + h), (x, y + h)]
            text_quad = quad[1:] + quad[:1] if h > w else quad
            words.append(Word(f"bar{k}", 0.9, as_quad(text_quad), 0.9))
        height, width = dark.shape
        pages.append(Page(rendered.index, width, height, dpi=200, blocks=(block(words),)))
        images.append(rendered.image)
    return document(*pages, source=str(path)), images


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize(
    ("media", "crop"),
    [
        ((0, 0, 300, 400), None),
        ((50, 100, 350, 500), None),
        ((-20, -30, 300, 400), (30, 40, 260, 380)),
    ],
)
def test_pages_of_a_pdf_are_kept_under_their_text(tmp_path, rotation, media, crop):
    path = tmp_path / "a.pdf"
    drawn_pdf(path, rotation=rotation, media=media, crop=crop)
    doc, images = read_bars(path)
    pdf = export("pdf", doc)
    assert_found(pdf, doc, within=1.5)
    (tmp_path / "b.pdf").write_bytes(pdf)
    (rendered,) = read_pages(tmp_path / "b.pdf")
    np.testing.assert_array_equal(rendered.image, images[0])
    objects = list(pypdfium2.PdfDocument(pdf)[0].get_objects(max_depth=1))
    assert [o.type for o in objects[:2]] == [pdfium_c.FPDF_PAGEOBJ_PATH] * 2  # still vectors
    # What has its words already gets none.
    assert_found(export("pdf", replace(doc, source=str(tmp_path / "b.pdf"))), doc, within=1.5)


def test_only_the_pages_that_were_read_are_in_the_pdf(tmp_path):
    drawn_pdf(tmp_path / "a.pdf", pages=4)
    doc, _ = read_bars(tmp_path / "a.pdf", 1, 3)
    pdf = export("pdf", doc)
    assert len(pypdfium2.PdfDocument(pdf)) == 2
    assert_found(pdf, doc)


def test_words_that_a_page_has_as_text_are_not_laid_over_it(tmp_path):
    source = FPDF(unit="pt", format=(300, 400))
    source.set_font("helvetica", size=20)
    source.add_page()
    source.text(50, 50, "stamped here")
    source.add_page()
    source.add_page()
    with source.rotation(-50, 150, 200):  # a watermark, whose letters' boxes hold whole words
        source.set_font_size(100)
        source.text(0, 230, "DRAFT")
    source.output(str(tmp_path / "a.pdf"))
    scale = 834 / 300
    words = (
        word("starnped", 90 * scale, 44 * scale, 76 * scale, 20 * scale),
        word("scanned", 90 * scale, 64 * scale, 76 * scale, 20 * scale),
        word("words", 150 * scale, 200 * scale, 60 * scale, 20 * scale),
    )
    blocks = (block(words),)
    pages = *(Page(k, 834, 1112, blocks=blocks) for k in range(3)), Page(0, 834, 1112)
    pdf = export("pdf", document(*pages[:3], source=str(tmp_path / "a.pdf")))
    stamped, blank, draft = (sorted(sheet.split()) for sheet in poppler(pdf).split("\f")[:3])
    assert stamped == ["here", "scanned", "stamped", "words"]
    assert blank == ["scanned", "starnped", "words"]
    assert set(blank) <= set(draft)
    before = pypdfium2.PdfDocument(tmp_path / "a.pdf")
    for old, new in zip(before, pypdfium2.PdfDocument(pdf), strict=True):
        np.testing.assert_array_equal(shown(old, 834), shown(new, 834))
    # Of a page on which nothing was read.
    assert poppler(export("pdf", document(pages[3], source=str(tmp_path / "a.pdf")))).split() == [
        "stamped",
        "here",
    ]


@pytest.mark.parametrize("trouble", ["encrypted", "shorter now", "gone", "broken"])
def test_where_the_pdf_cannot_be_had_its_picture_is_taken(tmp_path, trouble):
    path = tmp_path / "a.pdf"
    drawn_pdf(path, pages=2)
    doc, images = read_bars(path)
    if trouble == "encrypted":
        locked = FPDF()
        locked.set_encryption(owner_password="x")
        locked.add_page()
        locked.add_page()
        locked.output(str(path))
    elif trouble == "shorter now":
        drawn_pdf(path, pages=1)
    elif trouble == "gone":
        path.unlink()
    else:
        path.write_bytes(b"%PDF-1.7\nno more")
    pdf = export("pdf", doc, iter(images))
    assert len(pictures(pdf)) == 2
    assert_found(pdf, doc)
