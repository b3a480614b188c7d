"""The kinds of pages: a module draws one, and `templates/` has a file of its name that sets it.

The pages of books are set as columns are.
"""

from importlib import import_module

from synthesis.corpus import Corpus
from synthesis.page_maker import PageMaker, Spec


def draw_page(maker: PageMaker, kind: str) -> Spec:
    """The specification of one page of the kind that a module here is named after.

    Its language is drawn for it.
    """
    maker.text = Corpus(maker.rng)
    return import_module(f"{__name__}.{kind}").draw(maker) | {"kind": kind}
