"""Output formats: functions of a result, and where a format shows them, of the pages' pictures.

`export` makes any of `FORMATS` by its name; a format's libraries are imported when it is made.
"""

from collections.abc import Iterable
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

from ocr_pipeline.exports.text import to_json, to_text
from ocr_pipeline.results import Document

if TYPE_CHECKING:
    import numpy as np

__all__ = ["FORMATS", "Format", "export", "to_json", "to_text"]


class Format(NamedTuple):
    """What there is to know of a format before it is made.

    Attributes:
        suffix: of its files.
        function: "module:function" in this package.
        needs_images: whether it shows the pages, so that their pictures must be at hand.
        one_page: whether a file of this format holds exactly one page.
        joins: whether several documents may follow one another in one stream.
    """

    suffix: str
    function: str
    needs_images: bool = False
    one_page: bool = False
    joins: bool = False


FORMATS = {
    "json": Format(".json", "text:to_json", joins=True),
    "jsonl": Format(".jsonl", "text:to_jsonl", joins=True),
    "txt": Format(".txt", "text:to_text", joins=True),
    "md": Format(".md", "text:to_markdown", joins=True),
    "tsv": Format(".tsv", "text:to_tsv", joins=True),
    "hocr": Format(".hocr", "hocr:to_hocr"),
    "alto": Format(".alto.xml", "alto:to_alto"),
    "page": Format(".page.xml", "page:to_page", one_page=True),
    "pdf": Format(".pdf", "pdf:to_pdf", needs_images=True),
    "html": Format(".html", "html:to_html", needs_images=True),
}


def export(name: str, document: Document, images: Iterable["np.ndarray"] = ()) -> bytes:
    """A file's content.

    Args:
        name: one of `FORMATS`.
        document: the result.
        images: the pictures of its pages in order, RGB uint8 (H, W, 3). Only formats that show
            the pages take them, and one at a time, so a generator that decodes them is enough.

    Raises:
        ValueError: there is no such format, the document has not exactly one page where the
            format wants one, or there are fewer or more images than pages.
    """
    if name not in FORMATS:
        raise ValueError(f"no such format: {name!r}; there are {', '.join(FORMATS)}")
    format = FORMATS[name]
    if format.one_page and len(document.pages) != 1:
        raise ValueError(
            f"a file of format {name!r} holds one page, not {len(document.pages)}; "
            "export each page as a document of its own"
        )
    module, function = format.function.split(":")
    make = getattr(import_module(f"{__name__}.{module}"), function)
    output = make(document, images) if format.needs_images else make(document)
    # Names of files may hold bytes that are no text, which Python keeps as lone surrogates. As
    # backslash escapes they are valid JSON.
    return output if isinstance(output, bytes) else output.encode("utf-8", "backslashreplace")
