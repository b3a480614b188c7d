"""PAGE XML 2019-07-15, PRImA's format for page content."""

from datetime import UTC, datetime

from lxml import etree

from ocr_pipeline.exports.shapes import corners, xml_text
from ocr_pipeline.results import Document, Page, Quad

NAMESPACE = "http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15"


def to_page(document: Document) -> bytes:
    """The one page of a document: regions, lines and words with their quads, and reading order.

    Coordinates are whole pixels within the page, clockwise from the top left corner in reading
    direction. `conf` is 0 to 1. The dates are those of the export.
    """
    (page,) = document.pages
    root = etree.Element("PcGts", nsmap={None: NAMESPACE})
    metadata = etree.SubElement(root, "Metadata")
    now = datetime.now(UTC).isoformat(timespec="seconds")
    etree.SubElement(metadata, "Creator").text = f"ocr-pipeline {xml_text(document.engine)}"
    etree.SubElement(metadata, "Created").text = now
    etree.SubElement(metadata, "LastChange").text = now
    sheet = etree.SubElement(
        root,
        "Page",
        imageFilename=xml_text(document.source),
        imageWidth=str(page.width),
        imageHeight=str(page.height),
    )
    if page.blocks:
        _add_blocks(sheet, page)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)


def _add_blocks(sheet: etree._Element, page: Page) -> None:
    def add(parent: etree._Element, tag: str, quad: Quad, id: str) -> etree._Element:
        element = etree.SubElement(parent, tag, id=id)
        points = " ".join(f"{x},{y}" for x, y in corners(quad, page))
        etree.SubElement(element, "Coords", points=points)
        return element

    order = etree.SubElement(etree.SubElement(sheet, "ReadingOrder"), "OrderedGroup", id="order")
    for b, block in enumerate(page.blocks):
        etree.SubElement(order, "RegionRefIndexed", index=str(b), regionRef=f"r{b}")
        region = add(sheet, "TextRegion", block.quad, f"r{b}")
        for k, line in enumerate(block.lines):
            row = add(region, "TextLine", line.quad, f"r{b}l{k}")
            for n, word in enumerate(line.words):
                leaf = add(row, "Word", word.quad, f"r{b}l{k}w{n}")
                _add_text(leaf, word.text, conf=f"{word.confidence:.4f}")
            _add_text(row, line.text)
        _add_text(region, block.text)


def _add_text(element: etree._Element, text: str, **attributes: str) -> None:
    equivalent = etree.SubElement(element, "TextEquiv", attributes)
    etree.SubElement(equivalent, "Unicode").text = xml_text(text)
