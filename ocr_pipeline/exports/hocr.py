"""hOCR 1.2: XHTML with the layout in classes and titles."""

import math

from lxml import etree

from ocr_pipeline.exports.shapes import DESCENT, direction, enclosing_box, xml_text
from ocr_pipeline.results import Document, Line, Page, Quad

_DOCTYPE = (
    '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" '
    '"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">'
)
_CLASSES = ("ocr_page", "ocr_carea", "ocr_par", "ocr_line", "ocrx_word")


def to_hocr(document: Document) -> bytes:
    """Pages, blocks (`ocr_carea` with one `ocr_par`), lines and words with enclosing boxes.

    A line within 45 degrees of the x axis has a `baseline` (its slope, y down, and its height
    over the lower left corner of the box); any other has a `textangle` (degrees counterclockwise).
    `x_wconf` is 0 to 100.
    """
    html = etree.Element("html", nsmap={None: "http://www.w3.org/1999/xhtml"})
    head = etree.SubElement(html, "head")
    etree.SubElement(head, "title").text = xml_text(document.source)
    for name, content in {
        "ocr-system": f"ocr-pipeline {xml_text(document.engine)}",
        "ocr-capabilities": " ".join(_CLASSES),
        "ocr-number-of-pages": str(len(document.pages)),
    }.items():
        etree.SubElement(head, "meta", name=name, content=content)
    body = etree.SubElement(html, "body")
    for page in document.pages:
        _add_page(body, page, xml_text(document.source))
    return etree.tostring(
        html, doctype=_DOCTYPE, xml_declaration=True, encoding="UTF-8", pretty_print=True
    )


def _add_page(body: etree._Element, page: Page, source: str) -> None:
    def add(parent: etree._Element, tag: str, kind: str, title: str, *numbers: int):
        name = kind.split("_")[1]
        id = "_".join(map(str, (name, page.index + 1, *numbers)))
        return etree.SubElement(parent, tag, {"class": kind, "id": id, "title": title})

    def bbox(quad: Quad) -> str:
        return "bbox {} {} {} {}".format(*enclosing_box(quad, page))

    image = source.replace("\\", "/").replace('"', '\\"')  # the specification wants UNIX paths
    title = f'image "{image}"; bbox 0 0 {page.width} {page.height}; ppageno {page.index}'
    sheet = add(body, "div", "ocr_page", title)
    for b, block in enumerate(page.blocks, 1):
        area = add(sheet, "div", "ocr_carea", bbox(block.quad), b)
        paragraph = add(area, "p", "ocr_par", bbox(block.quad), b)
        for k, line in enumerate(block.lines, 1):
            title = f"{bbox(line.quad)}; {_slant(line, page)}"
            span = add(paragraph, "span", "ocr_line", title, b, k)
            for n, word in enumerate(line.words, 1):
                title = f"{bbox(word.quad)}; x_wconf {round(100 * word.confidence)}"
                leaf = add(span, "span", "ocrx_word", title, b, k, n)
                leaf.text, leaf.tail = xml_text(word.text), " " if n < len(line.words) else None


def _slant(line: Line, page: Page) -> str:
    angle = direction(line.quad)
    if abs(angle) > 45:
        return f"textangle {_number(-angle % 360)}"
    left, _, _, bottom = enclosing_box(line.quad, page)
    (ax, ay), _, _, (dx, dy) = line.quad
    slope = math.tan(math.radians(angle))
    x, y = dx + DESCENT * (ax - dx), dy + DESCENT * (ay - dy)
    return f"baseline {_number(slope)} {_number(y + slope * (left - x) - bottom)}"


def _number(value: float) -> str:
    """To three decimals, without the zeros at the end, and never "-0"."""
    return f"{round(value, 3) + 0.0:g}"
