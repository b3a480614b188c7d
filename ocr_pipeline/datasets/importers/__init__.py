"""Label files of other makers -> pages, one module a format.

An importer is a generator: given a file or a folder it yields an `entries.Page` for each image,
and an `entries.Fault` for each entry that it cannot use; it looks at no picture.
"""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from ocr_pipeline.datasets.importers.entries import Fault, Page


class Format(NamedTuple):
    """A format: what it is called in full, and what SOURCE is."""

    title: str
    source: str


#: By name, which is also that of the module.
FORMATS = {
    "icdar": Format("ICDAR 2013, 2015, 2017 (MLT), SROIE txt", "folder with pictures and txt"),
    "cocotext": Format("COCO-Text JSON", "the JSON file"),
    "doctr": Format("docTR, detection or recognition", "labels.json"),
    "paddleocr": Format("PaddleOCR txt, detection or recognition", "the label file"),
    "lmdb": Format("LMDB of word crops (clovaai, parseq)", "folder with data.mdb"),
    "page": Format("PAGE XML", "folder of XML files, or one"),
    "alto": Format("ALTO XML", "folder of XML files, or one"),
    "result": Format("JSON of ocr-run, corrected", "folder of results, or one"),
}


def read_entries(
    name: str, source: Path, *, images: Path | None = None, level: str = "word"
) -> Iterator[Page | Fault]:
    """The pages of a source, and what of it cannot be used, in a fixed order.

    Args:
        name: one of `FORMATS`.
        source: file or folder.
        images: folder of the pictures if they are not where the labels say.
        level: "word" or "line", what a label is in formats that do not say.

    Raises:
        ValueError, OSError: there is no such source, or it is of another format altogether.
    """
    if not source.exists():
        raise FileNotFoundError(f"{source}: no such file or folder")
    yield from import_module(f"{__name__}.{name}").read(source, images=images, level=level)
