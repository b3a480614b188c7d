"""An endless stream of degraded pages, cut from folders of PDFs."""

from __future__ import annotations

import logging
import math
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pypdfium2
import torch
from torch.utils.data import IterableDataset

from synthesis.degrade import degrade
from synthesis.held_out import is_held_out
from synthesis.pdf import Word, page_size, page_words, render_words

logger = logging.getLogger(__name__)

OPEN_DOCUMENTS = 8  # handles kept per worker
MAX_FRUITLESS = 1000  # pages in a row without a readable word: there will be none
PAGES_PER_VISIT = 2  # pages drawn from a PDF before another file is opened
VIEWS = 2  # of a page, each rendered and degraded anew: to read its glyphs takes as long


class PdfPages(IterableDataset):
    """Endless random pages out of PDFs, rendered at random sizes and degraded.

    Yields page dicts {"image": uint8 (H, W, 3) RGB, "words": [...], "name": "stem-p12"}. The
    resolution of each is drawn so that its usual words get a height spread evenly, on a
    logarithmic scale, over `text_height`. Works in a `DataLoader` with any number of workers,
    each of which draws its own stream from `seed`; the same seed and number of workers give the
    same pages. PDFs that cannot be read are named in the log once and left out.

    Args:
        folders: PDFs, or folders that are searched for them at any depth.
        dpi: lowest and highest resolution.
        text_height: lowest and highest usual height of a page's words, pixels.
        max_side: longest side of a whole page, pixels; caps the resolution.
        crop: side in pixels of the largest window to render, or None for whole pages. Windows
            lie around a random word. Far cheaper than cropping whole pages later.
        strength: of the degradation, see `synthesis.degrade.degrade`; 0 for clean pages.
        seed: fixes the stream.

    Raises:
        FileNotFoundError: no PDF is found.
        RuntimeError: while drawing, if none of them has a usable page.
    """

    def __init__(
        self,
        *,
        folders: Sequence[str | Path],
        dpi: tuple[float, float] = (50, 300),
        text_height: tuple[float, float] = (9, 48),
        max_side: int = 2600,
        crop: int | None = None,
        strength: float = 1.0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.files = find_pdfs(folders)
        self.dpi, self.text_height = dpi, text_height
        self.max_side, self.crop = max_side, crop
        self.strength, self.seed = strength, seed

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Draw pages for ever."""
        # torch's seed differs between workers, and between a run and its continuation.
        rng = np.random.default_rng([self.seed, torch.initial_seed() % 2**63])
        documents = _Documents()
        files = list(self.files)
        fruitless = 0
        while files and fruitless < MAX_FRUITLESS:
            index = int(rng.integers(len(files)))
            try:
                document = documents.open(files[index])
                numbers = rng.choice(
                    len(document), min(len(document), PAGES_PER_VISIT), replace=False
                )
                for number in map(int, numbers):
                    fruitless += 1
                    name = f"{files[index].stem}-p{number}"
                    for view in self._views(document[number], rng, name):
                        fruitless = 0
                        yield view
            except pypdfium2.PdfiumError as error:
                logger.warning("%s: %s; this PDF is left out", files[index], error)
                del files[index]
        raise RuntimeError(
            f"no usable page in {len(self.files)} PDFs: they cannot be read (see the warnings "
            "logged above), hold pictures without text, or only typefaces that are held out"
        )

    def _views(self, page: Any, rng: np.random.Generator, name: str) -> Iterator[dict[str, Any]]:
        """What is drawn of a PDF's page, which is closed."""
        views = []
        try:
            words = page_words(page)
            readable = [word for word in words if word.text and not word.ignore]
            if not readable or any(is_held_out(word.font) for word in words):
                return
            for _ in range(VIEWS):
                dpi = self._resolution(page, readable, rng)
                window = self._window(page, readable, dpi, rng)
                views.append(render_words(page, words, dpi=dpi, window=window, name=name))
        finally:
            page.close()
        for view in views:
            record = degrade(view, rng, strength=self.strength)
            if any(not word["ignore"] for word in record["words"]):
                yield record

    def _resolution(self, page: Any, words: Sequence[Word], rng: np.random.Generator) -> float:
        usual = float(np.median([word.height for word in words]))
        low, high = (math.log(bound) for bound in self.text_height)
        dpi = 72 * math.exp(rng.uniform(low, high)) / usual
        whole = self.max_side if self.crop is None else 4 * self.max_side
        highest = min(self.dpi[1], 72 * whole / max(page_size(page)))
        return max(min(dpi, highest), min(self.dpi[0], highest))

    def _window(
        self, page: Any, words: Sequence[Word], dpi: float, rng: np.random.Generator
    ) -> tuple[int, int, int, int]:
        """The part to render (x, y, width, height): the page or less of its empty margins, or,
        with `crop`, a window around a random word."""
        size = np.array([max(1, round(side * dpi / 72)) for side in page_size(page)])
        low, high = np.zeros(2), size
        if self.crop is not None:
            centre = words[int(rng.integers(len(words)))].quad.mean(0) * dpi / 72
            side = np.minimum(size, self.crop)
            low = np.clip(centre - rng.uniform(0.1, 0.9, 2) * side, 0, size - side).astype(int)
            high = low + side
        elif rng.random() < 0.7:
            corners = np.concatenate([word.quad for word in words]) * dpi / 72
            low = np.maximum(corners.min(0), 0) * rng.uniform(0, 1, 2) ** 0.4
            rest = np.maximum(size - corners.max(0), 0)
            high = np.maximum(size - rest * rng.uniform(0, 1, 2) ** 0.4, low + 16)
        (x, y), (right, bottom) = low.astype(int).tolist(), np.ceil(high).astype(int).tolist()
        return x, y, right - x, bottom - y


class _Documents:
    """The last few documents opened."""

    def __init__(self) -> None:
        self._open: OrderedDict[Path, Any] = OrderedDict()

    def open(self, path: Path) -> Any:
        if path in self._open:
            self._open.move_to_end(path)
            return self._open[path]
        while len(self._open) >= OPEN_DOCUMENTS:
            self._open.popitem(last=False)[1].close()
        self._open[path] = pypdfium2.PdfDocument(path)
        return self._open[path]


def find_pdfs(folders: Sequence[str | Path]) -> list[Path]:
    """PDFs among and below `folders`, sorted.

    Raises:
        FileNotFoundError: there are none.
    """
    found: set[Path] = set()
    for folder in map(Path, folders):
        found |= {folder} if folder.is_file() else set(folder.rglob("*.pdf"))
    if not found:
        names = ", ".join(map(str, folders))
        raise FileNotFoundError(f"no PDF in {names}: make some with `ocr-synth typeset`")
    return sorted(found)
