"""Words of a page: a Detectron2 text detector and a CRNN recognizer behind one small API.

    from ocr_pipeline import OCRPipeline, PageError

    ocr = OCRPipeline.from_pretrained()
    print(ocr.read("page.jpg").text)

Names are imported when they are first used, so that importing the package costs nothing.
"""

from importlib import import_module, metadata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ocr_pipeline.decode import PageImage, read_pages
    from ocr_pipeline.device import resolve_device
    from ocr_pipeline.inputs import Decoding, InputError, find_inputs
    from ocr_pipeline.pipeline import OCRPipeline, PageError
    from ocr_pipeline.results import Block, Document, Line, Page, Word

    __version__: str

__all__ = [
    "Block",
    "Decoding",
    "Document",
    "InputError",
    "Line",
    "OCRPipeline",
    "Page",
    "PageError",
    "PageImage",
    "Word",
    "__version__",
    "find_inputs",
    "read_pages",
    "resolve_device",
]

_HOME = {
    "Block": "results",
    "Decoding": "inputs",
    "Document": "results",
    "InputError": "inputs",
    "Line": "results",
    "OCRPipeline": "pipeline",
    "Page": "results",
    "PageError": "pipeline",
    "PageImage": "decode",
    "Word": "results",
    "find_inputs": "inputs",
    "read_pages": "decode",
    "resolve_device": "device",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        try:
            return metadata.version("ocr-pipeline")
        except metadata.PackageNotFoundError:  # a source tree that nobody installed
            return "0+unknown"
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
