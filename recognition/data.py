"""Labelled pages -> batches of training words."""

import logging
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import IterableDataset

from recognition.augment import degrade_crop, jitter_quad
from recognition.batching import batch_capacity, collate, padded_width
from recognition.codec import Codec, required_steps
from recognition.crops import crop_words
from recognition.model import STRIDE

logger = logging.getLogger(__name__)

#: A page in memory: "image" uint8 RGB (H, W, 3) and "words", each with "quad" (4, 2), "text" and
#: optionally "ignore"; the label format with its picture decoded.
Page = Mapping[str, Any]


def labelled_words(page: Page) -> list[tuple[np.ndarray, str]]:
    """(quad, text) of the page's legible words."""
    return [
        (np.asarray(word["quad"], dtype=np.float32), word["text"])
        for word in page["words"]
        if not word.get("ignore") and word["text"]
    ]


#: Why a word is left out of training.
SEVERAL_WORDS = "more than one word"
UNKNOWN_CHARACTER = "character outside the charset"
TOO_NARROW = "label longer than the time steps of its crop"


def reason_to_leave_out(text: str, *, width: int, codec: Codec) -> str | None:
    """Why a label cannot be learnt from a crop `width` pixels wide; None if it can."""
    if " " in text:
        return SEVERAL_WORDS
    if not codec.covers(text):
        return UNKNOWN_CHARACTER
    if required_steps(codec.encode(text)) > -(-width // STRIDE):
        return TOO_NARROW
    return None


def shuffled_forever(pages: Any, rng: np.random.Generator) -> Iterator[Page]:
    """Pages of a map-style dataset in random order without end; an iterable as it comes."""
    if not hasattr(pages, "__len__"):
        yield from pages
        return
    if len(pages) == 0:
        raise ValueError("a source of pages is empty: check its label file, or its part")
    while True:
        for index in rng.permutation(len(pages)):
            yield pages[int(index)]


class WordCrops(IterableDataset):
    """Endless batches of training words, cut from several sources of pages.

    Args:
        sources: (pages, weight) pairs; `pages` is a map-style dataset of pages or an endless
            iterable of them; weights are shares of the words seen.
        codec: encodes the labels.
        max_pixels: padded pixels in a batch (the width times 32 times the count).
        words_per_page: words taken of a page before the next source is drawn, so that a batch
            holds many typefaces.
        seed: with torch's own (a worker's), decides everything that is drawn.

    Left out, counted in `left_out` and logged: labels of several words, labels with characters
    outside the charset, and labels that CTC cannot spell in their crop's time steps.
    """

    def __init__(
        self,
        *,
        sources: Sequence[tuple[Iterable[Page], float]],
        codec: Codec,
        max_pixels: int = 32 * 96 * 64,
        words_per_page: int = 48,
        seed: int = 0,
    ):
        self.sources = sources
        self.codec = codec
        self.max_pixels = max_pixels
        self.words_per_page = words_per_page
        self.seed = seed
        self.left_out: Counter[str] = Counter()

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        """Yields {"images", "widths", "labels", "lengths"} (see `losses.CTCObjective`)."""
        # torch's seed differs between workers, and between a run and its continuation.
        rng = np.random.default_rng([self.seed, torch.initial_seed() % 2**63])
        # One bin a padded width; a bin that is full is a batch. Wide words are rare, but their
        # bins are small.
        bins: dict[int, list[tuple[np.ndarray, list[int]]]] = defaultdict(list)
        for crop, label in self._words(rng):
            width = padded_width(crop.shape[1])
            bins[width].append((crop, label))
            if len(bins[width]) == batch_capacity(width, max_pixels=self.max_pixels):
                crops, labels = zip(*bins.pop(width), strict=True)
                images, widths = collate(crops)
                yield {
                    "images": images,
                    "widths": widths,
                    "labels": torch.tensor([symbol for label in labels for symbol in label]),
                    "lengths": torch.tensor([len(label) for label in labels]),
                }

    def _words(self, rng: np.random.Generator) -> Iterator[tuple[np.ndarray, list[int]]]:
        streams = [shuffled_forever(pages, rng) for pages, _ in self.sources]
        weights = np.array([weight for _, weight in self.sources], dtype=np.float64)
        taken = np.full(len(streams), 1e-6)
        while True:
            # The source that lags furthest behind its share; exact however few words its
            # pages hold.
            source = int(np.argmax(weights / taken))
            words = labelled_words(page := next(streams[source]))
            if len(words) > self.words_per_page:
                chosen = rng.choice(len(words), self.words_per_page, replace=False)
                words = [words[i] for i in chosen]
            taken[source] += max(1, len(words))
            yield from self._cut(page, words, rng)

    def _cut(
        self, page: Page, words: Sequence[tuple[np.ndarray, str]], rng: np.random.Generator
    ) -> Iterator[tuple[np.ndarray, list[int]]]:
        quads = [jitter_quad(quad, rng) for quad, _ in words]
        for crop, (_, text) in zip(crop_words(page["image"], np.array(quads)), words, strict=True):
            reason = reason_to_leave_out(text, width=crop.shape[1], codec=self.codec)
            if reason:
                self._leave_out(reason, page, text)
            else:
                yield degrade_crop(crop, rng), self.codec.encode(text)

    def _leave_out(self, reason: str, page: Page, text: str) -> None:
        self.left_out[reason] += 1
        count = self.left_out[reason]
        if count & (count - 1) == 0:  # at 1, 2, 4, 8 ...
            logger.warning("left out %d words: %s, e.g. %r in %s", count, reason, text,
                           page.get("name", "a page"))  # fmt: skip
