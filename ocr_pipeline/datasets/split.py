"""Pages -> training and validation, so that no page is in both."""

from collections import defaultdict
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

from ocr_pipeline.datasets.duplicates import Fingerprint, fingerprint, same_images, similar_pages
from ocr_pipeline.labels import LabelError, read_image, read_records

Records = list[dict[str, Any]]


def split(path: Path, *, validation: float, seed: int = 0) -> tuple[Records, Records]:
    """Training and validation records of a label file, each in the file's order.

    Records of one image stay together, as do images that are the same and pages that are nearly
    the same (`duplicates`), and what a `source` in its record says was made from the same page.
    Which go to validation depends on the images and the seed alone, not on their order or names.

    Args:
        path: the label file.
        validation: share of the images for validation; both sides get one at least.
        seed: another one chooses others.

    Raises:
        LabelError: a line is no label record, or an image cannot be read.
        ValueError: the images are all one page.
    """
    records: Records = []
    prints: list[Fingerprint] = []
    for _, record in read_records(path):
        if isinstance(record, LabelError):
            raise record
        records.append(record)
        prints.append(fingerprint(read_image(path.parent / record["image"]), record))
    groups = _groups(records, prints)
    if len(groups) < 2:
        raise ValueError(f"{path}: {len(records)} images of one page cannot be split")

    def draw(group: Sequence[int]) -> bytes:
        first = min(prints[k].pixels for k in group)
        return blake2b(first, key=str(seed).encode()).digest()

    wanted = max(1, round(validation * len(records)))
    held: set[int] = set()
    for group in sorted(groups, key=draw)[:-1]:
        # A large group is passed over where smaller ones come nearer to the share.
        if not held or len(held) + len(group) <= wanted:
            held.update(group)
    return (
        [record for k, record in enumerate(records) if k not in held],
        [record for k, record in enumerate(records) if k in held],
    )


def _groups(records: Records, prints: Sequence[Fingerprint]) -> list[list[int]]:
    """Indices of the records that must stay together."""
    parent = list(range(len(records)))

    def root(k: int) -> int:
        while parent[k] != k:
            parent[k] = parent[parent[k]]
            k = parent[k]
        return k

    first: dict[str, int] = {}
    of_one_source = (
        (first.setdefault(record["source"], k), k)
        for k, record in enumerate(records)
        if isinstance(record.get("source"), str)
    )
    for i, j in (*same_images(prints), *similar_pages(prints), *of_one_source):
        parent[root(j)] = root(i)
    groups = defaultdict(list)
    for k in range(len(records)):
        groups[root(k)].append(k)
    return list(groups.values())
