"""Typeset pages of many kinds into PDFs with typst, from templates and random text.

Everything random is drawn in `kinds/` and handed to `templates/main.typ` as JSON: one dictionary a
page, with its kind, its faces, colours, texts and drawings. Lengths are in points.
"""

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import typst

from synthesis.fonts import covering, scan
from synthesis.held_out import is_held_out
from synthesis.kinds import draw_page
from synthesis.page_maker import PageMaker

TEMPLATES = Path(__file__).parent / "templates"
PAGES_PER_PDF = 6
KINDS = {
    "form": 0.18,
    "receipt": 0.1,
    "letter": 0.12,
    "table": 0.1,
    "columns": 0.11,
    "book": 0.07,
    "screen": 0.06,
    "program": 0.05,
    "sign": 0.05,
    "poster": 0.04,
    "scatter": 0.06,
    "index": 0.06,
}


def typeset(
    *,
    out: str | Path,
    pages: int,
    seed: int = 0,
    font_folders: Sequence[str | Path] = (),
    kinds: dict[str, float] | None = None,
    words: Sequence[str] = (),
    held_out: Callable[[str], bool] = is_held_out,
) -> list[Path]:
    """Write PDFs of typeset pages.

    Args:
        out: folder for them, made if missing; files are named after seed and number.
        pages: how many pages, at least; long ones run over to further pages.
        seed: the same seed, fonts and versions give the same pages.
        font_folders: fonts besides the system's (see `synthesis.fonts.scan`); for `words`, where
            there are any, in their place.
        kinds: share of each kind of page, instead of `KINDS`.
        words: of any alphabet, to set pages of nothing else in faces that have all their letters.
        held_out: tells of a family's name whether to leave it out.

    Returns:
        The files written.

    Raises:
        FileNotFoundError: no usable fonts.
        ValueError: `kinds` names a template that there is not.
    """
    kinds = kinds or KINDS
    unknown = set(kinds) - set(KINDS)
    if unknown:
        raise ValueError(f"no templates {sorted(unknown)}: choose among {sorted(KINDS)}")
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    if words:
        kinds = {"passage": 1.0}
        letters = frozenset(map(ord, "".join(words)))
        fonts, faces = covering(letters, font_folders, held_out=held_out)
    else:
        fonts, faces = scan(font_folders, held_out=held_out)
    compiler = typst.Compiler(
        input=str(TEMPLATES / "main.typ"),
        root=str(TEMPLATES),
        font_paths=fonts,
        ignore_system_fonts=True,
    )
    files = []
    share = np.array(list(kinds.values()))
    for number in range(math.ceil(pages / PAGES_PER_PDF)):
        rng = np.random.default_rng([seed, number])
        maker = PageMaker(rng, faces, words)
        count = min(PAGES_PER_PDF, pages - number * PAGES_PER_PDF)
        specs = [
            draw_page(maker, str(k)) for k in rng.choice(list(kinds), count, p=share / share.sum())
        ]
        path = out / f"typeset-{seed}-{number:05}.pdf"
        compiler.compile(
            output=str(path), format="pdf", sys_inputs={"pages": json.dumps(specs)}, pdf_tags=False
        )
        files.append(path)
    return files
