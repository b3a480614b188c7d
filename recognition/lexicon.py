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
SHORTEST = 3  # letters; of shorter words nearly all spellings are something
RAREST = 1e-8  # share of all words; those that are rarer are as good as unknown
FAMILIAR = 9.0  # nats above that: between words more frequent the image decides
NEUTRAL = 6.0  # nats: numbers, initials, short words, of which any may be meant

#: Checksums and scores, see `Lexicon`.
Words = tuple[np.ndarray, np.ndarray]

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


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
        """By how many nats what these labels spell is likelier than words that no one knows.

        Of several words, be they joined by spaces, hyphens or full stops, it is the mean, so that
        nothing is gained by parting one. Case does not count.
        """
        words = _WORD.findall(self.codec.decode(labels))
        return sum(map(self._score, words)) / len(words) if words else NEUTRAL

    def _score(self, word: str) -> float:
        if len(word) < SHORTEST or any(character.isdigit() for character in word):
            return NEUTRAL
        checksum = _checksum(word)
        index = int(np.searchsorted(self.checksums, checksum))
        known = index < len(self.checksums) and self.checksums[index] == checksum
        return float(self.scores[index]) if known else 0.0


def learn(frequencies: Mapping[str, float]) -> Words:
    """The arrays for `Lexicon`, from words and what share of all words each is."""
    words = [w for w, share in frequencies.items() if share > RAREST and len(w) >= SHORTEST]
    # Of two words with one checksum the more frequent counts.
    common = sorted(words, key=frequencies.__getitem__)[-SIZE:]
    shares = {_checksum(word): frequencies[word] for word in common}
    checksums = sorted(shares)
    scores = [min(math.log(shares[checksum] / RAREST), FAMILIAR) for checksum in checksums]
    return np.array(checksums, np.uint32), np.array(scores, np.float16)


def _checksum(word: str) -> int:
    return crc32(word.lower().replace("’", "'").encode())
