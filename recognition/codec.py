"""Text to label indices and back."""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise

_ACCENTED = "àáâãäåæçèéêëìíîïñòóôõöøœùúûüýÿß"
_SIGNS = "€£¥¢§°©®™«»–—…•·±×÷½¼¾²³¹µ¿¡ªº†¬¶"

#: The 94 printable ASCII, accented Latin letters of western Europe in both cases, common signs, and
#: the space, for crops that hold several words after all.
DEFAULT_CHARSET = (
    "".join(chr(code) for code in range(33, 127))
    + _ACCENTED
    + "".join(dict.fromkeys(letter.upper() for letter in _ACCENTED if len(letter.upper()) == 1))
    + _SIGNS
    + " "
)

# Variants that a reader does not tell apart at text size, or that differ by taste of the
# typesetter; the charset holds the right-hand side.
_VARIANTS = str.maketrans(
    {
        "‘": "'", "’": "'", "‚": "'", "‛": "'", "´": "'", "′": "'",
        "“": '"', "”": '"', "„": '"', "‟": '"', "″": '"',
        "‐": "-", "‑": "-", "‒": "–", "―": "—", "−": "–", "\u00ad": "-",
        "…": "...", "∙": "·", "‧": "·", "●": "•", "∗": "*", "⁄": "/", "μ": "µ", "Ω": "Ω",
        "ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st",
    }
)  # fmt: skip


#: What the network calls three dots. As three symbols with blanks between them they would need five
#: time steps, and in narrow type they are not that wide. Texts have the dots.
ELLIPSIS = "…"


def normalize(text: str) -> str:
    """NFC, with typographic variants (curly quotes, ligatures, odd hyphens) folded."""
    return unicodedata.normalize("NFC", text).translate(_VARIANTS)


def condense(text: str) -> str:
    """A normalised text as the network spells it, with one symbol for three dots."""
    return text.replace("...", ELLIPSIS)


def split_symbols(text: str) -> list[str]:
    """The symbols that a text, or a charset, consists of: its characters, with two exceptions.

    Scripts of India join consonants into clusters: a virama takes its consonant's vowel and ties it
    to the next, a nukta makes another consonant of it. Neither has a place of its own on the line,
    where a time step could find it, so it makes one symbol with what it follows: a cluster is read
    as its half consonants and its last one. (Canonical combining classes 9 and 7, Unicode 4.3.)

    >>> split_symbols("abé"), [len(symbol) for symbol in split_symbols("क्षमा")]
    (['a', 'b', 'é'], [2, 1, 1, 1])
    """
    symbols: list[str] = []
    for character in text:
        if symbols and unicodedata.combining(character) in (7, 9):
            symbols[-1] += character
        else:
            symbols.append(character)
    return symbols


def change_charset(charset: str, change: str) -> str:
    """A charset extended by what follows a "+", or replaced by what does not begin with one.

    White space is left out of the change, but a space of the charset stays; what is there already,
    or twice, stays where it is first.

    >>> change_charset("abc", "+cdé"), change_charset("abc ", "xyz a"), change_charset("abc", "")
    ('abcdé', 'xyza ', 'abc')
    """
    change = "".join(unicodedata.normalize("NFC", change).split())
    if not change:
        return charset
    space = " " if " " in charset else ""
    symbols = charset + change[1:] if change[0] == "+" else change + space
    return "".join(dict.fromkeys(split_symbols(symbols)))


class Codec:
    """Owns the charset, the CTC blank (index 0), and what happens to unknown characters.

    Symbol i of the charset (see `split_symbols`) has index i + 1; a model's head has `num_classes`
    outputs. Symbols outside the charset never raise: `encode` leaves them out and counts them in
    `unknown`. A charset that holds a typographic variant (Greek's mu beside the micro sign) keeps
    it.

    >>> codec = Codec(charset="abc")
    >>> codec.encode("cab!"), codec.unknown
    ([3, 1, 2], Counter({'!': 1}))
    >>> codec.decode([3, 1, 2])
    'cab'
    """

    BLANK = 0

    def __init__(self, *, charset: str = DEFAULT_CHARSET):
        self.symbols = split_symbols(charset)
        repeated = [symbol for symbol, count in Counter(self.symbols).items() if count > 1]
        if repeated:
            raise ValueError(f"charset repeats {''.join(repeated)!r}; list each symbol once")
        unstable = [c for c in self.symbols if unicodedata.normalize("NFC", c) != c]
        if unstable:
            raise ValueError(
                f"charset holds {''.join(unstable)!r}, which NFC replaces; list what it becomes"
            )
        self.charset = charset
        self._variants = {k: v for k, v in _VARIANTS.items() if chr(k) not in charset}
        self.unknown: Counter[str] = Counter()
        self._index = {symbol: i for i, symbol in enumerate(self.symbols, start=1)}

    @property
    def num_classes(self) -> int:
        """Outputs of a model's head: the charset and the blank."""
        return len(self.symbols) + 1

    def normalize(self, text: str) -> str:
        """NFC, with the typographic variants folded that the charset does not hold."""
        return unicodedata.normalize("NFC", text).translate(self._variants)

    def covers(self, text: str) -> bool:
        """Whether every symbol of the normalised text is in the charset."""
        return all(symbol in self._index for symbol in self._spelt(text))

    def encode(self, text: str) -> list[int]:
        """Indices of the normalised text; unknown characters are left out and counted."""
        indices = []
        for symbol in self._spelt(text):
            index = self._index.get(symbol)
            if index is None:
                self.unknown[symbol] += 1
            else:
                indices.append(index)
        return indices

    def decode(self, indices: Iterable[int]) -> str:
        """Text of label indices (not of raw CTC frames: no blanks, repeats are meant)."""
        return "".join(self.symbols[index - 1] for index in indices).replace(ELLIPSIS, "...")

    def _spelt(self, text: str) -> list[str]:
        text = self.normalize(text)
        return split_symbols(condense(text) if ELLIPSIS in self._index else text)

    def check_head(self, num_classes: int) -> None:
        """Raise ValueError unless a head of `num_classes` outputs fits this charset."""
        if num_classes != self.num_classes:
            raise ValueError(
                f"the model's head has {num_classes} outputs but the charset needs "
                f"{self.num_classes} ({len(self.symbols)} symbols and the blank); "
                "use the charset that the model was trained with, or fine-tune to the new one"
            )


def required_steps(label: Sequence[int]) -> int:
    """Fewest CTC time steps that can spell `label`: its length plus one per adjacent repeat.

    >>> required_steps([1, 2, 2, 3])
    5
    """
    return len(label) + sum(a == b for a, b in pairwise(label))
