"""What PAGE and ALTO share: XML files, and outlines in their attributes."""

import re
from collections.abc import Iterator
from pathlib import Path

from lxml import etree

from ocr_pipeline.datasets.importers.entries import Fault, Points, list_files, pairs


def read_files(source: Path) -> Iterator[tuple[Path, etree._Element] | Fault]:
    """The XML files of a folder, with their roots."""
    # Nothing in a file makes the parser reach for another file or the network, or expand entities.
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    for path in list_files(source, ".xml"):
        try:
            yield path, etree.parse(str(path), parser).getroot()
        except (etree.XMLSyntaxError, OSError) as error:
            yield Fault(str(path), f"no XML that can be read ({error})")


def outline(text: str) -> Points:
    """The points of "1,2 3,4 ..." or "1 2 3 4 ..."."""
    return pairs(float(number) for number in re.findall(r"[-+]?\d+(?:\.\d+)?", text))
