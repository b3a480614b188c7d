"""Output formats: pure functions, a result in, a string out."""

import json
from collections.abc import Callable

from ocr_pipeline.results import Document


def to_json(document: Document) -> str:
    """The whole result, as `result.schema.json` describes it."""
    return json.dumps(document.to_dict(), ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def to_text(document: Document) -> str:
    """Only the text: a line a line, an empty line between blocks, a form feed between pages."""
    return document.text + "\n"


#: By the suffix of the file that they make.
EXPORTERS: dict[str, Callable[[Document], str]] = {"json": to_json, "txt": to_text}
