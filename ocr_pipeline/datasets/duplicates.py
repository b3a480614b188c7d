"""Images that are the same, and pages that are nearly the same."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import cv2
import numpy as np
from scipy import sparse

#: Two pages with this share of their words in common (Jaccard, different words, at least
#: `_ENOUGH_WORDS`) are nearly the same: scans of one page have 0.93 and more, and what reaches 0.9
#: otherwise are receipts that one till printed of one purchase after another.
_SHARED_WORDS = 0.9
_ENOUGH_WORDS = 20
#: So are two images with equal labels whose thumbnails correlate like this: the same picture in
#: another size or file format. Different pages of one typewriter reach 0.98.
_CORRELATION = 0.985
_SIDE = 32  # of a thumbnail
_ROWS = 256  # compared at a time, which bounds the memory


@dataclass(frozen=True)
class Fingerprint:
    """What is kept of an image to compare it with others.

    Attributes:
        pixels: digest of size and pixels; files of different formats can share it.
        thumbnail: uint8 (32, 32).
        words: its labels in lower case, sorted.
    """

    pixels: bytes
    thumbnail: np.ndarray
    words: tuple[str, ...]


def fingerprint(image: np.ndarray, record: dict) -> Fingerprint:
    """Of an image, RGB uint8 (H, W, 3), and its label record."""
    digest = blake2b(f"{image.shape}".encode(), digest_size=16)
    digest.update(np.ascontiguousarray(image).data)
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    words = " ".join(word["text"] for word in record["words"] if not word.get("ignore"))
    return Fingerprint(
        pixels=digest.digest(),
        thumbnail=cv2.resize(grey, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA),
        words=tuple(sorted(words.lower().split())),
    )


def same_images(prints: Sequence[Fingerprint]) -> Iterator[tuple[int, int]]:
    """Pairs (i, j), i < j, of images with the same pixels; i is always the first of its kind."""
    first: dict[bytes, int] = {}
    for j, item in enumerate(prints):
        i = first.setdefault(item.pixels, j)
        if i < j:
            yield i, j


def similar_pages(prints: Sequence[Fingerprint]) -> Iterator[tuple[int, int]]:
    """Pairs (i, j), i < j, of images that are not the same, but show nearly the same page."""
    pairs = {*_by_words(prints), *_by_looks(prints)}
    yield from sorted(pair for pair in pairs if prints[pair[0]].pixels != prints[pair[1]].pixels)


def _by_words(prints: Sequence[Fingerprint]) -> Iterator[tuple[int, int]]:
    texts = [set(item.words) for item in prints]
    pages = np.array([k for k, words in enumerate(texts) if len(words) >= _ENOUGH_WORDS], int)
    if len(pages) < 2:
        return
    columns: dict[str, int] = {}
    indices = [columns.setdefault(word, len(columns)) for k in pages for word in texts[k]]
    counts = np.array([len(texts[k]) for k in pages])
    bounds = np.concatenate([[0], np.cumsum(counts)])
    holds = sparse.csr_array(
        (np.ones(len(indices), np.float32), indices, bounds), shape=(len(pages), len(columns))
    )
    for start in range(0, len(pages), _ROWS):
        shared = (holds[start : start + _ROWS] @ holds.T).tocoo()
        i, j = shared.row + start, shared.col
        alike = shared.data >= _SHARED_WORDS * (counts[i] + counts[j] - shared.data)
        for a, b in zip(i[alike], j[alike], strict=True):
            if a < b:
                yield int(pages[a]), int(pages[b])


def _by_looks(prints: Sequence[Fingerprint]) -> Iterator[tuple[int, int]]:
    groups = defaultdict(list)
    for k, item in enumerate(prints):
        groups[item.words].append(k)
    for group in groups.values():
        if len(group) < 2:
            continue
        looks = np.stack([prints[k].thumbnail.ravel() for k in group]).astype(np.float32)
        looks -= looks.mean(axis=1, keepdims=True)
        looks /= np.maximum(np.linalg.norm(looks, axis=1, keepdims=True), 1.0)
        for start in range(0, len(group), _ROWS):
            alike = looks[start : start + _ROWS] @ looks.T > _CORRELATION
            for a, b in np.argwhere(alike):
                if start + a < b:
                    yield group[start + a], group[b]
