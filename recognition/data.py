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
from recognition.crops import crop_words, quad_size
from recognition.model import STRIDE

logger = logging.getLogger(__name__)

#: A page in memory: "image" uint8 RGB (H, W, 3) and "words", each with "quad" (4, 2), "text" and
#: optionally "ignore" and "ink" (see `augment.jitter_quad`); the label format with its picture
#: decoded.
Page = Mapping[str, Any]


def legible_words(page: Page) -> list[Mapping[str, Any]]:
    """Those of the page's words that have a text and are not to be ignored."""
    return [word for word in page["words"] if not word.get("ignore") and word["text"]]


#: Pages of an iterable in memory, of which words are drawn; see `WordCrops`.
KEPT = 4

#: Pages without a word after which a source is given up.
BARREN = 1000

#: Of gaps this wide, in heights of the words, a third is bridged when words are joined.
NARROW = 0.15

#: Why a word is left out of training.
STRAY_SPACE = "space at an end, or two in a row"
UNKNOWN_CHARACTER = "character outside the charset"
TOO_NARROW = "label longer than the time steps of its crop"


def reason_to_leave_out(text: str, *, width: int, codec: Codec) -> str | None:
    """Why a label cannot be learnt from a crop `width` pixels wide; None if it can."""
    if text != text.strip(" ") or "  " in text:
        return STRAY_SPACE
    if not codec.covers(text):
        return UNKNOWN_CHARACTER
    if required_steps(codec.encode(text)) > -(-width // STRIDE):
        return TOO_NARROW
    return None


def shuffled_forever(pages: Any, rng: np.random.Generator) -> Iterator[Page]:
    """Pages of a map-style dataset in random order without end."""
    if len(pages) == 0:
        raise ValueError("a source of pages is empty: check its label file, or its part")
    while True:
        for index in rng.permutation(len(pages)):
            yield pages[int(index)]


def reused(pages: Iterable[Page], uses: int, rng: np.random.Generator) -> Iterator[Page]:
    """Endless pages as they come, and between them again some of the last few: each page `uses`
    times on average."""
    kept: list[Page] = []
    for page in pages:
        kept = [*kept[1 - KEPT :], page]
        yield page
        while rng.random() > 1 / uses:
            yield kept[int(rng.integers(len(kept)))]


def join_words(
    words: Sequence[Mapping[str, Any]], start: int, rng: np.random.Generator
) -> Mapping[str, Any]:
    """The word at `start` and up to three that follow close to it on its line, as one word.

    The narrower a gap, the likelier it is bridged, as with detectors. The text has a space between
    the words; without a neighbour the word itself comes back.
    """
    run = [words[start]]
    for word in words[start + 1 : start + 4]:
        gap = _gap(run[-1], word)
        if gap is None or rng.random() > np.exp(-max(gap, 0.0) / NARROW):
            break
        run.append(word)
    if len(run) == 1:
        return run[0]
    first, last = (np.asarray(word["quad"], np.float32) for word in (run[0], run[-1]))
    joined: dict[str, Any] = {
        "quad": np.stack([first[0], last[1], last[2], first[3]]),
        "text": " ".join(word["text"] for word in run),
    }
    if all("ink" in word for word in run):
        tops, bottoms = zip(*(word["ink"] for word in run), strict=True)
        joined["ink"] = (min(tops), max(bottoms))
    return joined


def _gap(word: Mapping[str, Any], other: Mapping[str, Any]) -> float | None:
    """The gap in heights to the other word if it comes next on the line and is near, else None."""
    a, b = (np.asarray(side["quad"], np.float32) for side in (word, other))
    width, height = quad_size(a)
    other_height = quad_size(b)[1]
    if width < 1 or min(height, other_height) < 0.8 * max(height, other_height):
        return None
    along = (a[1] - a[0] + a[2] - a[3]) / 2 / width
    gaps = b[[0, 3]] - a[[1, 2]]  # upper and lower corners
    reach = gaps @ along / height
    shift = gaps @ np.array([-along[1], along[0]]) / height
    near = (reach > -0.1).all() and (reach < 0.6).all() and (np.abs(shift) < 0.15).all()
    return float(reach.mean()) if near else None


class WordCrops(IterableDataset):
    """Endless batches of training words, cut from several sources of pages.

    Args:
        sources: (pages, weight) pairs; `pages` is a map-style dataset of pages or an endless
            iterable of them; weights are shares of the words seen.
        codec: encodes the labels.
        max_pixels: padded pixels in a batch (the width times 32 times the count).
        words_per_page: words taken of a page before the next source is drawn, so that a batch
            holds many typefaces.
        uses: how often words are taken of a page of an iterable, others in between, on average: to
            make one takes far longer than to cut, frame and roughen its words anew.
        joined: share of words that are cut together with their neighbours where these are near
            (see `join_words`), if the codec has a space: detectors miss narrow gaps, and then the
            recognizer must tell.
        seed: with torch's own (a worker's), decides everything that is drawn.

    What cannot be learnt is left out, counted in `left_out` and logged, see `reason_to_leave_out`.
    """

    def __init__(
        self,
        *,
        sources: Sequence[tuple[Iterable[Page], float]],
        codec: Codec,
        max_pixels: int = 32 * 96 * 64,
        words_per_page: int = 48,
        uses: int = 4,
        joined: float = 0.4,
        seed: int = 0,
    ):
        self.sources = sources
        self.codec = codec
        self.max_pixels = max_pixels
        self.words_per_page = words_per_page
        self.uses = uses
        self.joined = joined if codec.covers(" ") else 0.0
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
        streams = [
            shuffled_forever(pages, rng)
            if hasattr(pages, "__len__")
            else reused(pages, self.uses, rng)
            for pages, _ in self.sources
        ]
        weights = np.array([weight for _, weight in self.sources], dtype=np.float64)
        taken = np.full(len(streams), 1e-6)
        barren = [0] * len(streams)  # pages without words since the last that had some
        while True:
            # The source that lags furthest behind its share; exact however few words its
            # pages hold.
            source = int(np.argmax(weights / taken))
            words = legible_words(page := next(streams[source]))
            barren[source] = 0 if words else barren[source] + 1
            if barren[source] == BARREN:
                raise ValueError(
                    f"page source {self.sources[source][0]!r}: {BARREN:,} pages in a row without a "
                    "legible word; check its labels with `ocr-data check`"
                )
            count = min(len(words), self.words_per_page)
            taken[source] += max(1, count)
            chosen = rng.choice(len(words), count, replace=False).tolist()
            cut = [
                join_words(words, i, rng) if rng.random() < self.joined else words[i]
                for i in chosen
            ]
            yield from self._cut(page, cut, rng)

    def _cut(
        self, page: Page, words: Sequence[Mapping[str, Any]], rng: np.random.Generator
    ) -> Iterator[tuple[np.ndarray, list[int]]]:
        quads = [
            jitter_quad(np.asarray(word["quad"], np.float32), rng, ink=word.get("ink"))
            for word in words
        ]
        for crop, word in zip(crop_words(page["image"], np.array(quads)), words, strict=True):
            text = word["text"]
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


def describe_words(codec: Codec, batch: Mapping[str, Tensor]) -> str:
    """A batch of `WordCrops` in words, with what takes most of its memory."""
    widest = int(batch["widths"].argmax())
    label = batch["labels"].split(batch["lengths"].tolist())[widest]
    return (
        f"{len(batch['widths'])} words, the widest {codec.decode(label.tolist())!r} "
        f"of {batch['widths'][widest]} pixels"
    )
