"""Accuracy and speed side by side with other engines: same pages, same run, warm.

    uv run benchmarks/compare.py path/to/labelled/folder --engines ours tesseract --limit 50 \
        --out benchmarks/results/forms.json

Engines take turns on each page, so that a busy machine slows all of them alike. Peers are used as
they come: `tesseract` needs its command, `rapidocr` and `easyocr` their packages
(`uv run --with rapidocr --with onnxruntime ...`). Figures are those of `ocr-eval pages`.
"""

import argparse
import csv
import io
import json
import os
import platform
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from tqdm import tqdm

from ocr_pipeline.device import prepare_process
from ocr_pipeline.evaluation import PageMetric
from ocr_pipeline.labels import LabelledPages
from ocr_pipeline.results import Word, as_quad

#: RGB uint8 (H, W, 3) -> words.
Engine = Callable[[np.ndarray], list[Word]]


def ours() -> tuple[str, Engine]:
    """This project, with its shipped weights, on the CPU."""
    from ocr_pipeline import OCRPipeline

    ocr = OCRPipeline.from_pretrained(device="cpu")
    return "ocr-pipeline", lambda image: list(ocr.read(image).words)


def tesseract() -> tuple[str, Engine]:
    """Tesseract's command line; the time includes its start, about 0.05 s."""
    if shutil.which("tesseract") is None:
        raise SystemExit("tesseract: no such command; install tesseract-ocr")
    version = subprocess.run(["tesseract", "--version"], capture_output=True, text=True)

    def read(image: np.ndarray) -> list[Word]:
        with tempfile.NamedTemporaryFile(suffix=".ppm") as file:
            Image.fromarray(image).save(file.name)
            command = ["tesseract", file.name, "-", "--psm", "3", "tsv"]
            output = subprocess.run(command, capture_output=True, text=True).stdout
        words = []
        for row in csv.DictReader(io.StringIO(output), delimiter="\t", quoting=csv.QUOTE_NONE):
            if row["level"] == "5" and (row["text"] or "").strip():
                x, y, w, h = (float(row[key]) for key in ("left", "top", "width", "height"))
                words.append(_word(row["text"], [[x, y], [x + w, y], [x + w, y + h], [x, y + h]]))
        return words

    return version.stdout.splitlines()[0], read


def rapidocr() -> tuple[str, Engine]:
    """RapidOCR's default models; its lines are split at spaces in proportion to characters."""
    from importlib.metadata import version

    from rapidocr import RapidOCR

    engine = RapidOCR()

    def read(image: np.ndarray) -> list[Word]:
        result = engine(image[..., ::-1])
        if result.boxes is None:
            return []
        return [
            word
            for quad, text in zip(result.boxes, result.txts, strict=True)
            for word in _split_line(text, np.asarray(quad, dtype=np.float64))
        ]

    return f"rapidocr {version('rapidocr')}", read


def easyocr() -> tuple[str, Engine]:
    """EasyOCR, English, on the CPU; its lines are split like RapidOCR's."""
    from importlib.metadata import version

    import easyocr as package

    engine = package.Reader(["en"], gpu=False, verbose=False)

    def read(image: np.ndarray) -> list[Word]:
        return [
            word
            for quad, text, _ in engine.readtext(image)
            for word in _split_line(text, np.asarray(quad, dtype=np.float64))
        ]

    return f"easyocr {version('easyocr')}", read


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


def main() -> None:
    """Run the comparison; print a table, and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--labels", default="labels.jsonl")
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=["ours", "tesseract"])
    parser.add_argument("--limit", type=int, help="use the first so many pages")
    parser.add_argument("--out", type=Path, help="write the figures as JSON")
    args = parser.parse_args()

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
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "engines": {
            name: {**metrics[name].summary(), "median_seconds": statistics.median(seconds[name])}
            for name in engines
        },
    }
    print(f"{figures['set']}, {count} pages, {figures['machine']}\n")
    print("| engine | end to end F | caseless F | bag of words F | s/page (median) |")
    print("|---|---|---|---|---|")
    for name, row in figures["engines"].items():
        print(
            f"| {name} | {row['raw_f']:.1f} | {row['caseless_f']:.1f} | {row['bag_f']:.1f} "
            f"| {row['median_seconds']:.2f} |"
        )
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
