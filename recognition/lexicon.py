"""A lexicon: how often people write whole words.

The n-grams of `language` tell how words are spelt; which words there are they tell only of the
commonest. A reader that wavers between `SOLUTLON` and `SOLUTION` should know that one is a word.
"""

import math
import re
from collections.abc import Mapping, Sequence
from zlib import crc32

import numpy as np

from recognition.codec import Codec

SIZE = 200_000  # words that are kept, the most frequent
SHORTEST = 4  # characters; of shorter words nearly all spellings are something
RAREST = 1e-8  # share of all words; those that are rarer are as good as unknown

#: Checksums and scores, see `Lexicon`.
Words = tuple[np.ndarray, np.ndarray]

_ENCLOSING = re.compile(r"^[\W_]+|[\W_]+$")


class Lexicon:
    """Words of a codec's labels, and how familiar they are.

    Words are known by their checksums, of which one in twenty thousand belongs to a word by chance:
    that is 1.2 MB instead of 3, and nothing to parse.

    Args:
        checksums: uint32 (N,), ascending, as `learn` makes them.
        scores: float16 (N,), nats.
        codec: whose labels to tell of.
    """

    def __init__(self, *, checksums: np.ndarray, scores: np.ndarray, codec: Codec):
        self.checksums = checksums
        self.scores = scores
        self.codec = codec

    def familiarity(self, labels: Sequence[int]) -> float:
        """By how many nats the words that these labels spell are likelier than the rarest.

        Case does not count, nor what encloses a word: quotation marks, colons. Of what is no word,
        or shorter than `SHORTEST`, it is 0.
        """
        return sum(self._score(word) for word in self.codec.decode(labels).split(" "))

    def _score(self, word: str) -> float:
        word = _plain(word)
        if len(word) < SHORTEST:
            return 0.0
        checksum = _checksum(word)
        index = int(np.searchsorted(self.checksums, checksum))
        known = index < len(self.checksums) and self.checksums[index] == checksum
        return float(self.scores[index]) if known else 0.0


def learn(frequencies: Mapping[str, float]) -> Words:
    """The arrays for `Lexicon`, from words and what share of all words each is."""
    shares: dict[str, float] = {}
    for word, share in frequencies.items():
        shares[_plain(word)] = shares.get(_plain(word), 0.0) + share
    known = [word for word, share in shares.items() if share > RAREST and len(word) >= SHORTEST]
    common = sorted(known, key=shares.__getitem__)[-SIZE:]
    # Of two words with one checksum the more frequent counts.
    scores = {_checksum(word): math.log(shares[word] / RAREST) for word in common}
    checksums = sorted(scores)
    return (
        np.array(checksums, np.uint32),
        np.array([scores[checksum] for checksum in checksums], np.float16),
    )


def _plain(word: str) -> str:
    return _ENCLOSING.sub("", word).lower().replace("’", "'")


def _checksum(word: str) -> int:
    return crc32(word.encode())
