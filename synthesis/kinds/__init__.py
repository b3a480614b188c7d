"""The kinds of pages: a module draws one, and `templates/` has a file of its name that sets it.

The pages of books are set as columns are.
"""

from types import ModuleType

from synthesis.corpus import Corpus
from synthesis.kinds import (
    book,
    columns,
    form,
    index,
    letter,
    passage,
    receipt,
    scatter,
    screen,
    sign,
    table,
)
from synthesis.page_maker import PageMaker, Spec

_MODULES: dict[str, ModuleType] = {
    "book": book,
    "columns": columns,
    "form": form,
    "index": index,
    "letter": letter,
    "passage": passage,
    "receipt": receipt,
    "scatter": scatter,
    "screen": screen,
    "sign": sign,
    "table": table,
}


def draw_page(maker: PageMaker, kind: str) -> Spec:
    """The specification of one page of this kind, in a language drawn for it."""
    maker.text = Corpus(maker.rng)
    return _MODULES[kind].draw(maker) | {"kind": kind}
