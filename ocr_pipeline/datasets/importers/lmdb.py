"""LMDB of word crops: num-samples, image-000000001, label-000000001 and so on (clovaai, parseq)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ocr_pipeline.datasets.importers.entries import Fault, Page, Word


def read(source: Path, *, images: Path | None, level: str) -> Iterator[Page | Fault]:
    """Crops of the database in a folder, or of all those anywhere below it."""
    try:
        import lmdb
    except ImportError:
        raise ValueError(
            "reading LMDB needs the package lmdb: install ocr-pipeline with the extra lmdb "
            "(uv sync --extra lmdb)"
        ) from None
    folders = sorted(path.parent for path in source.rglob("data.mdb"))
    if not folders:
        raise ValueError(f"{source}: no data.mdb in it or below it")
    for folder in folders:
        prefix = "_".join([*folder.relative_to(source).parts, ""])
        try:
            with (
                lmdb.open(str(folder), readonly=True, lock=False, readahead=False) as database,
                database.begin() as entries,
            ):
                for key, image, label in _samples(entries):
                    yield _page(f"{folder}: {key}", image, label, prefix + key)
        except (lmdb.Error, ValueError) as error:
            yield Fault(str(folder), f"cannot be read to its end ({error})")


def _samples(entries: Any) -> Iterator[tuple[str, bytes | None, bytes | None]]:
    count = entries.get(b"num-samples")
    if count is None:
        raise ValueError("it has no entry num-samples")
    for number in range(1, int(count) + 1):
        key = f"{number:09}"
        yield key, entries.get(b"image-%09d" % number), entries.get(b"label-%09d" % number)


def _page(where: str, image: bytes | None, label: bytes | None, name: str) -> Page | Fault:
    if image is None or label is None:
        return Fault(where, f"its {'image' if image is None else 'label'} is missing")
    try:
        return Page(where, image, [Word(None, label.decode("utf-8"))], name=name)
    except UnicodeDecodeError as error:
        return Fault(where, f"its label is not UTF-8 ({error})")
