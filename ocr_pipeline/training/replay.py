"""Pages of the kind that the shipped weights learnt from, against forgetting it.

Somebody who fine-tunes has no such pages at hand: they are typeset anew, from the templates of
`synthesis` and the fonts of the machine, or of those that matplotlib brings where it has none.
"""

import logging
import shutil
from collections.abc import Sequence
from pathlib import Path

import matplotlib

logger = logging.getLogger(__name__)

#: Enough kinds and typefaces that nothing is learnt by heart, and typeset in half a minute.
PAGES = 150


class ReplayError(ValueError):
    """No synthetic pages can be had; the message says why and what to do."""


def replay_pdfs(out: Path, *, pages: int = PAGES, seed: int = 31) -> list[Path]:
    """PDFs in the folder `out`: those of an earlier run, else typeset now.

    Raises:
        ReplayError: the packages for it are not installed.
    """
    try:
        from synthesis.typeset import typeset
    except ImportError as error:
        raise ReplayError(
            f"replay pages cannot be typeset, {error.name} is not installed: install the extra "
            "`train` (pip install 'ocr-pipeline[train]'), name PDFs with --replay-pdfs, or go "
            "without with --replay 0, at the risk that the model forgets"
        ) from error
    found = sorted(out.glob("*.pdf"))
    if found:
        return found
    logger.info("typesetting %d pages for replay into %s", pages, out)
    bundled: Sequence[Path] = [Path(matplotlib.get_data_path()) / "fonts" / "ttf"]
    partial = out.with_name(f"{out.name}.part")  # a run that is cut here leaves no half of them
    shutil.rmtree(partial, ignore_errors=True)
    typeset(out=partial, pages=pages, seed=seed, font_folders=bundled)
    partial.rename(out)
    return sorted(out.glob("*.pdf"))
