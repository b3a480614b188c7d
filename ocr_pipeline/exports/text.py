"""Formats that are lines of text: JSON, JSON Lines, plain text, Markdown, TSV."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace

from ocr_pipeline.exports.shapes import enclosing_box, page_quad
from ocr_pipeline.results import Document, Page, Quad


def to_json(document: Document) -> str:
    """The whole result, as `result.schema.json` describes it."""
    return json.dumps(document.to_dict(), ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def to_jsonl(document: Document) -> str:
    """A line a page, each a whole result with this one page, as `result.schema.json` describes it.

    So lines can be handled alone, and the files of many documents joined to one.
    """
    pages = (replace(document, pages=(page,)).to_dict() for page in document.pages)
    return "".join(json.dumps(page, ensure_ascii=False, allow_nan=False) + "\n" for page in pages)


def to_text(document: Document) -> str:
    """Only the text: a line a line, an empty line between blocks, a form feed between pages."""
    return document.text + "\n"


def to_markdown(document: Document) -> str:
    """The text as CommonMark: blocks as paragraphs, lines as in the page, rules between pages."""
    pages = (
        "\n\n".join(
            "\n".join(_escape_markdown(line.text) for line in block.lines) for block in page.blocks
        )
        for page in document.pages
    )
    return "\n\n---\n\n".join(pages) + "\n"


def _escape_markdown(line: str) -> str:
    """One line of text, so that no character of it is taken for markup."""
    line = " ".join(line.split())
    line = re.sub(r"([\\`*_{}\[\]<>&~|$])", r"\\\1", line)
    # At the start of a line also: headings, lists, quotes, rules, underlines of headings.
    return re.sub(r"^(\d{0,9})([#+\-=.):])", r"\1\\\2", line)


TSV_COLUMNS = (
    *("level", "page_num", "block_num", "par_num", "line_num", "word_num"),
    *("left", "top", "width", "height", "conf", "text"),
)


def to_tsv(document: Document) -> str:
    """Tesseract's table: a row for each page, block, paragraph, line and word.

    Level 1 is a page, 5 a word. Numbers count from 1 within what holds them, and are 0 for what a
    row is not in; a block is one paragraph. Boxes are the enclosing ones, in whole pixels. `conf`
    is 0 to 100 for words, -1 for all else.
    """
    rows = [TSV_COLUMNS, *(row for page in document.pages for row in _tsv_rows(page))]
    return "".join("\t".join(map(str, row)) + "\n" for row in rows)


def _tsv_rows(page: Page) -> Iterator[tuple[object, ...]]:
    def row(*numbers: int, quad: Quad, conf: object = -1, text: str = "") -> tuple[object, ...]:
        left, top, right, bottom = enclosing_box(quad, page)
        places = (page.index + 1, *numbers, *(0,) * (4 - len(numbers)))
        box = (left, top, right - left, bottom - top)
        return (1 + len(numbers), *places, *box, conf, text)

    yield row(quad=page_quad(page))
    for b, block in enumerate(page.blocks, 1):
        yield row(b, quad=block.quad)
        yield row(b, 1, quad=block.quad)
        for k, line in enumerate(block.lines, 1):
            yield row(b, 1, k, quad=line.quad)
            for n, word in enumerate(line.words, 1):
                # White space would begin another column or row.
                text = " ".join(word.text.split())
                conf = f"{100 * word.confidence:.2f}"
                yield row(b, 1, k, n, quad=word.quad, conf=conf, text=text)
