"""ALTO 4, the Library of Congress's XML for layout and text."""

from lxml import etree

from ocr_pipeline.exports.shapes import corners, enclosing_box, is_upright, page_quad, xml_text
from ocr_pipeline.results import Document, Page, Quad

NAMESPACE = "http://www.loc.gov/standards/alto/ns-v4#"


def to_alto(document: Document) -> bytes:
    """Pages, blocks, lines and words with enclosing boxes in pixels, `WC` as 0 to 1.

    What is not upright has its quad as a polygon too, its corners clockwise from the top left one
    in reading direction.
    """
    alto = etree.Element("alto", nsmap={None: NAMESPACE}, SCHEMAVERSION="4.3")
    description = etree.SubElement(alto, "Description")
    etree.SubElement(description, "MeasurementUnit").text = "pixel"
    source = etree.SubElement(description, "sourceImageInformation")
    etree.SubElement(source, "fileName").text = xml_text(document.source)
    processing = etree.SubElement(description, "Processing", ID="processing_1")
    software = etree.SubElement(processing, "processingSoftware")
    etree.SubElement(software, "softwareName").text = "ocr-pipeline"
    etree.SubElement(software, "softwareVersion").text = xml_text(document.engine)
    layout = etree.SubElement(alto, "Layout")
    for page in document.pages:
        _add_page(layout, page)
    return etree.tostring(alto, xml_declaration=True, encoding="UTF-8", pretty_print=True)


def _add_page(layout: etree._Element, page: Page) -> None:
    def add(parent: etree._Element, tag: str, quad: Quad, **attributes: str) -> etree._Element:
        left, top, right, bottom = enclosing_box(quad, page)
        box = {"HPOS": left, "VPOS": top, "WIDTH": right - left, "HEIGHT": bottom - top}
        attributes |= {name: str(value) for name, value in box.items()}
        element = etree.SubElement(parent, tag, attributes)
        points = corners(quad, page)
        if not is_upright(points):
            shape = etree.SubElement(element, "Shape")
            etree.SubElement(shape, "Polygon", POINTS=" ".join(f"{x},{y}" for x, y in points))
        return element

    number = page.index + 1
    size = {"WIDTH": str(page.width), "HEIGHT": str(page.height)}
    sheet = etree.SubElement(
        layout, "Page", {"ID": f"page_{number}", "PHYSICAL_IMG_NR": str(number)} | size
    )
    space = add(sheet, "PrintSpace", page_quad(page))
    for b, block in enumerate(page.blocks, 1):
        region = add(space, "TextBlock", block.quad, ID=f"block_{number}_{b}")
        for k, line in enumerate(block.lines, 1):
            row = add(region, "TextLine", line.quad, ID=f"line_{number}_{b}_{k}")
            for n, word in enumerate(line.words, 1):
                if n > 1:
                    etree.SubElement(row, "SP")
                attributes = {
                    "ID": f"word_{number}_{b}_{k}_{n}",
                    "CONTENT": xml_text(word.text),
                    "WC": f"{word.confidence:.4f}",
                }
                add(row, "String", word.quad, **attributes)
