"""How well words are read."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from recognition.codec import normalize


def edit_distance(a: str, b: str) -> int:
    """Levenshtein distance.

    >>> edit_distance("kitten", "sitting")
    3
    """
    row = list(range(len(b) + 1))
    for i, symbol in enumerate(a, start=1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(b, start=1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (symbol != other))
    return row[-1]


def alphanumeric(text: str) -> str:
    """The scene-text convention: lower case, ASCII letters and digits only; accents are dropped.

    Labels of scene text have no accents even where the picture has, and models of 36 symbols
    cannot write them.

    >>> alphanumeric("Café-Bar 7!")
    'cafebar7'
    """
    plain = unicodedata.normalize("NFKD", text.lower())
    return "".join(c for c in plain if c.isascii() and c.isalnum())


@dataclass
class RecognitionMetric:
    """Accumulates exact matches and character errors over words.

    exact = words equal / words; caseless and alphanumeric likewise after folding; CER = edit
    distance / label characters; ECE, see `expected_calibration_error`, in percent. Both texts are
    normalised (see `codec`). With no words, all figures are 0. `left_out` is for the caller to
    count what was not measured.

    >>> metric = RecognitionMetric()
    >>> metric.update("Total:", "Total.")
    >>> metric.summary()["alphanumeric"], round(metric.summary()["cer"], 3)
    (100.0, 16.667)
    """

    words: int = 0
    exact: int = 0
    caseless: int = 0
    alphanumeric: int = 0
    characters: int = 0
    edits: int = 0
    left_out: int = 0
    errors: list[tuple[str, str]] = field(default_factory=list)
    confidences: list[tuple[float, bool]] = field(default_factory=list)

    def update(self, label: str, text: str, confidence: float = 1.0) -> None:
        """Count one word: its label, what was read, and how surely."""
        label, text = normalize(label), normalize(text)
        self.words += 1
        self.exact += label == text
        self.caseless += label.lower() == text.lower()
        self.alphanumeric += alphanumeric(label) == alphanumeric(text)
        self.characters += len(label)
        self.edits += edit_distance(label, text)
        self.confidences.append((confidence, label == text))
        if label != text:
            self.errors.append((label, text))

    def summary(self) -> dict[str, float]:
        """Percentages and the number of words."""
        words, characters = max(self.words, 1), max(self.characters, 1)
        return {
            "words": self.words,
            "left_out": self.left_out,
            "exact": 100 * self.exact / words,
            "caseless": 100 * self.caseless / words,
            "alphanumeric": 100 * self.alphanumeric / words,
            "cer": 100 * self.edits / characters,
            "ece": 100 * expected_calibration_error(self.confidences),
        }


def fit_exponent(confidences: Sequence[tuple[float, bool]]) -> float | None:
    """The power of confidences that tells best whether words are right (least Brier score).

    The probability of a path is a product over many steps and falls too low with their number; one
    power, below 1, mends most of that.

    Args:
        confidences: (confidence 0..1, whether right) of each word.

    Returns:
        The power; None if there are too few words to tell: 20 right ones and 20 wrong. Of words
        that are all right it would make everything sure, noise as well.
    """
    sure, right = np.array(confidences, dtype=np.float64).reshape(-1, 2).T
    if min(right.sum(), (1 - right).sum()) < 20:
        return None
    powers = np.linspace(0.1, 2.0, 39)
    errors = [float(((sure**power - right) ** 2).mean()) for power in powers]
    return round(float(powers[int(np.argmin(errors))]), 3)


def expected_calibration_error(confidences: Sequence[tuple[float, bool]], bins: int = 10) -> float:
    """Mean distance between confidence and accuracy, over bins of like confidence (Guo 2017).

    Args:
        confidences: (confidence 0..1, whether right) of each word.
        bins: of equal width.

    >>> expected_calibration_error([(0.5, True), (0.5, False), (0.875, True)])
    0.041666666666666664
    """
    if not confidences:
        return 0.0
    sure, right = np.array(confidences, dtype=np.float64).T
    place = np.minimum((sure * bins).astype(int), bins - 1)
    apart = np.bincount(place, weights=sure - right, minlength=bins)
    return float(np.abs(apart).sum() / len(sure))
