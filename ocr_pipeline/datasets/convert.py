"""Imported pages -> a folder in the label format, with copies of the pictures."""

import shutil
from collections.abc import Callable, Iterable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from ocr_pipeline.datasets.importers.entries import Fault, Page
from ocr_pipeline.inputs import Decoding, InputError
from ocr_pipeline.labels import LabelError, read_image, write_records

#: Width and height of labels and picture may differ by one factor, up to this much.
_DISTORTION = 0.02


class Converted(NamedTuple):
    """How many pages and words were written."""

    pages: int
    words: int


def convert(
    entries: Iterable[Page | Fault], out: Path, *, on_fault: Callable[[Fault], None]
) -> Converted:
    """Write a folder in the label format.

    Pictures are copied as they are. What training cannot read (pages of PDFs and of TIFFs after
    the first, HEIC) is rendered to PNG. Labels for another size of the picture are scaled to it,
    if only its shape is the same.

    Args:
        entries: what an importer yields.
        out: the folder, which may hold no labels yet.
        on_fault: called with each entry that is left out.

    Raises:
        FileExistsError: there are labels in the folder.
        ValueError: not one page could be used.
    """
    labels = out / "labels.jsonl"
    if labels.exists():
        raise FileExistsError(f"{labels} exists already; name a new folder")
    pictures = _Pictures(out)
    records = []
    for entry in entries:
        if isinstance(entry, Fault):
            on_fault(entry)
            continue
        try:
            records.append(_record(entry, *pictures.store(entry)))
        except (LabelError, InputError, ValueError) as error:
            on_fault(Fault(entry.where, str(error)))
    if not records:
        raise ValueError("not one page could be used; is it the right format?")
    write_records(labels, records)
    return Converted(len(records), sum(len(record["words"]) for record in records))


def _record(page: Page, name: str, size: tuple[int, int]) -> dict[str, Any]:
    width, height = size
    scale = np.ones(2)
    if page.size is not None:
        scale = np.array(size) / page.size
        if abs(scale[0] / scale[1] - 1) > _DISTORTION:
            declared = f"{page.size[0]:g} x {page.size[1]:g}"
            raise ValueError(
                f"the labels are for a picture of {declared} pixels, but {name} has {width} x "
                f"{height}; give the picture that was labelled"
            )
    whole = [[0, 0], [width, 0], [width, height], [0, height]]
    words = [
        {
            "quad": whole
            if word.points is None
            else (np.array(word.points) * scale).round(2).tolist(),
            "text": word.text,
            "ignore": word.ignore,
        }
        for word in page.words
    ]
    return {"image": name, "width": width, "height": height, "level": page.level, "words": words}


class _Pictures:
    """The pictures of a new folder, each stored once, under names that do not collide."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.stored: dict[tuple[Path, int], tuple[str, tuple[int, int]]] = {}
        self.names: set[str] = set()

    def store(self, page: Page) -> tuple[str, tuple[int, int]]:
        """Copy or render a page's picture: its path in the folder, its width and height."""
        if isinstance(page.image, bytes):
            return self._write(page.name, page.image)
        key = page.image.resolve(), page.index
        if key not in self.stored:
            self.stored[key] = self._copy(page.image, page.index)
        return self.stored[key]

    def _copy(self, path: Path, index: int) -> tuple[str, tuple[int, int]]:
        try:
            if index > 0:
                raise LabelError("only the first page of a file is read in training")
            height, width = read_image(path).shape[:2]
        except LabelError:
            return self._render(path, index)
        name = self._name(path.stem, path.suffix)
        shutil.copyfile(path, self.folder / name)
        return name, (width, height)

    def _render(self, path: Path, index: int) -> tuple[str, tuple[int, int]]:
        from ocr_pipeline.decode import read_pages

        (page,) = read_pages(path, Decoding(pages=((index + 1, index + 1),)))
        content = cv2.imencode(".png", page.image[..., ::-1])[1].tobytes()
        return self._write(f"{path.stem}-p{index + 1}", content)

    def _write(self, stem: str, content: bytes) -> tuple[str, tuple[int, int]]:
        from PIL import Image, UnidentifiedImageError

        image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
        if image is None:
            raise ValueError("the picture cannot be decoded")
        try:
            with Image.open(BytesIO(content)) as picture:
                suffix = "." + str(picture.format).lower().replace("jpeg", "jpg")
        except UnidentifiedImageError:
            raise ValueError("the picture is of an unknown format") from None
        name = self._name(stem, suffix)
        (self.folder / name).write_bytes(content)
        return name, (image.shape[1], image.shape[0])

    def _name(self, stem: str, suffix: str) -> str:
        def candidates() -> Iterator[str]:
            yield f"images/{stem}{suffix}"
            number = 2
            while True:
                yield f"images/{stem}-{number}{suffix}"
                number += 1

        (self.folder / "images").mkdir(parents=True, exist_ok=True)
        name = next(
            name
            for name in candidates()
            if name not in self.names and not (self.folder / name).exists()
        )
        self.names.add(name)
        return name
