"""A language model of characters: how likely each symbol is after those before it.

Interpolated n-grams (Witten and Bell 1991), of which those are kept that say more than the shorter
ones within them (Stolcke 1998). Words are single: what stood before a word is not looked at. The
model leans a reader towards what people write, codes and names among it, where the image leaves
several readings open (`decoding.beam_decode`).
"""

import math
from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from recognition.codec import Codec

ORDER = 6  # symbols that an n-gram spans
EDGE = 1  # number of what stands before and after a word
WEIGHT = 30.0  # of the shorter n-gram: that of so many words for each symbol that has followed
LEAST_GAIN = 10.0  # nats by which an n-gram must tell more of all words than the shorter one
UNKNOWN = math.log(1e-5)  # of symbols that the model has never seen

_REMEMBERED = 2048  # contexts, of which each takes 8 KB

#: A place in a word: numbers of the symbols before it, the nearest first.
Context = tuple[int, ...]
#: Of each length of context: the contexts, sorted; what the shorter one's probabilities are
#: multiplied with, and how many symbols are told of, in each; these symbols; their probabilities.
#: Probabilities are logarithms, a context's symbols are 8 bits each, the nearest the lowest.
Tables = list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]]


class LanguageModel:
    """Log probabilities of a codec's labels, in the contexts of a word.

    Args:
        tables: as `learn` makes them.
        characters: those that the tables number, from 2 on.
        codec: whose labels to tell of.

    `scores(context)` lists the log probability of each label there; that of the blank is the word's
    end.
    """

    START: Context = (EDGE,)

    def __init__(self, *, tables: Tables, characters: str, codec: Codec):
        self.tables = tables
        self.first = [
            np.concatenate([[0], np.cumsum(counts, dtype=int)]) for _, _, counts, _, _ in tables
        ]
        numbers = {character: number for number, character in enumerate(characters, start=2)}
        # The blank and the space say that the word ends.
        labels = ["", *codec.symbols]
        self.numbers = [EDGE if s in ("", " ") else numbers.get(s, 0) for s in labels]
        self.unknown = np.array(self.numbers) == 0
        self.uniform = np.full(len(characters) + 2, -math.log(len(characters) + 2))
        self.scores = lru_cache(_REMEMBERED)(self._scores)
        self._row = lru_cache(_REMEMBERED)(self._made_row)

    def covers(self) -> bool:
        """Whether it knows the alphabet: nine tenths of the codec's symbols."""
        return bool(self.unknown.mean() < 0.1)

    def _scores(self, context: Context) -> list[float]:
        return np.where(self.unknown, UNKNOWN, self._row(context)[self.numbers]).tolist()

    def after(self, context: Context, label: int) -> Context:
        """The context behind a label."""
        number = self.numbers[label]
        return self.START if number == EDGE else (number, *context[: ORDER - 2])

    def _made_row(self, context: Context) -> np.ndarray:
        row = self._row(context[:-1]) if context else self.uniform
        contexts, shares, _, symbols, scores = self.tables[len(context)]
        key = sum(number << (8 * place) for place, number in enumerate(context))
        index = int(np.searchsorted(contexts, key))
        if index < len(contexts) and contexts[index] == key:
            first = self.first[len(context)]
            told = slice(first[index], first[index + 1])
            row = row + shares[index]
            row[symbols[told]] = scores[told]
        return row


def learn(words: Mapping[str, float]) -> tuple[Tables, str]:
    """The tables for `LanguageModel`, and their characters, from words and how often each is met.

    Raises:
        ValueError: more than 254 characters.
    """
    characters = "".join(sorted({character for word in words for character in word}))
    if len(characters) > 254:
        raise ValueError(f"{len(characters)} different characters; 254 have a number")
    numbers = {character: number for number, character in enumerate(characters, start=2)}
    text = np.array(
        [n for word in words for n in (EDGE, *(numbers[c] for c in word), EDGE)], dtype=np.int64
    )
    lengths = np.array([len(word) + 2 for word in words])
    weights = np.repeat(np.fromiter(words.values(), float, len(words)), lengths)
    places = np.arange(len(text)) - np.repeat(np.cumsum(lengths) - lengths, lengths)

    tables: Tables = []
    grams, probabilities = np.empty(0, np.int64), np.empty(0)
    for order in range(ORDER):
        at = np.flatnonzero(places >= max(order, 1))
        keys = sum((text[at - 1 - k] << (8 * k) for k in range(order)), np.zeros_like(at))
        longer, inverse = np.unique(keys << 8 | text[at], return_inverse=True)
        counts = np.bincount(inverse, weights[at])
        contexts, of, kinds = np.unique(longer >> 8, return_inverse=True, return_counts=True)
        if order:
            shorter = ((longer >> 8) & ((1 << 8 * (order - 1)) - 1)) << 8 | longer & 255
            lower = probabilities[np.searchsorted(grams, shorter)]
        else:
            lower = np.full(len(longer), 1 / (len(characters) + 2))
        totals = np.bincount(of, counts) + WEIGHT * kinds
        shares = WEIGHT * kinds / totals
        grams, probabilities = longer, counts / totals[of] + shares[of] * lower

        kept = counts * np.log(probabilities / (shares[of] * lower)) > LEAST_GAIN
        kept |= order <= 1
        # What is left for symbols that a context does not tell of, as the shorter one has it.
        rest = 1 - np.bincount(of[kept], probabilities[kept], len(contexts))
        left = rest / np.maximum(1 - np.bincount(of[kept], lower[kept], len(contexts)), 1e-6)
        told = np.bincount(of[kept], minlength=len(contexts))
        tables.append(
            (
                contexts[told > 0],
                np.log(np.clip(left, 1e-6, 1))[told > 0].astype(np.float16),
                told[told > 0].astype(np.uint8),
                (longer[kept] & 255).astype(np.uint8),
                np.log(probabilities[kept]).astype(np.float16),
            )
        )
    return tables, characters
