"""Typefaces kept out of all training pages, to test on what no model has seen."""

#: Parts of family names, in lower case without spaces.
HELD_OUT = ("libertin", "carlito", "ebgaramond", "manrope")


def is_held_out(font: str) -> bool:
    """Whether a font's family or PostScript name belongs to a typeface that is kept out.

    >>> is_held_out("ABCDEF+LinLibertineT"), is_held_out("EB Garamond"), is_held_out("Garamond")
    (True, True, False)
    """
    name = font.lower().replace(" ", "").replace("-", "")
    return any(part in name for part in HELD_OUT)
