"""This project's own results: the JSON that `ocr-run` writes, corrected by hand.

What counts is the `text` and `quad` of each word; a word with the text "###", or with
`"ignore": true`, is ignored. The texts of lines repeat the words and are not read.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ocr_pipeline.datasets.importers.entries import (
    Fault,
    Page,
    Word,
    find_picture,
    legible,
    list_files,
    load_json,
    page_size,
    usable,
)


def read(source: Path, *, images: Path | None, level: str) -> Iterator[Page | Fault]:
    """Pages of a result, or of a folder of results; the pictures where ocr-run read them.

    If they are no longer there: beside the result, in the folder above, or in `images`.
    """
    for path in list_files(source, ".json"):
        try:
            document = load_json(path)
            name, pages = document["source"], [*document["pages"]]
        except (ValueError, KeyError, TypeError) as error:
            yield Fault(str(path), f"no result of ocr-run ({error!r:.200})")
            continue
        picture = find_picture(str(name), images, Path(), path.parent, path.parent.parent)
        if picture is None:
            yield Fault(str(path), f"no picture {name!r}; name its folder with --images")
            continue
        for number, page in enumerate(pages, start=1):
            where = f"{path}, page {number}" if len(pages) > 1 else str(path)
            try:
                index, entries = int(page["index"]), _words(page, where)
                size = page_size(page["width"], page["height"])
            except (KeyError, TypeError, ValueError) as error:
                yield Fault(where, f"no page of a result ({error!r})")
                continue
            words = yield from usable(entries, _word)
            yield Page(where, picture, words, size=size, index=index)


def _words(page: dict[str, Any], where: str) -> list[tuple[str, Any]]:
    lines = [line for block in page["blocks"] for line in block["lines"]]
    words = [word for line in lines for word in line["words"]]
    return [(f"{where}, word {number}", word) for number, word in enumerate(words, start=1)]


def _word(word: dict[str, Any]) -> Word:
    made = legible(word["quad"], word["text"])
    return made._replace(ignore=made.ignore or word.get("ignore") is True)
