"""Pages typeset in the typefaces that are kept out of training, words cut on their true quads.

    uv run benchmarks/unseen.py --pages 60

The layouts are those that training sees, the words are drawn anew; the pages are clean. Reported
are the figures of `ocr-eval recognition`.
"""

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pypdfium2

from ocr_pipeline.device import prepare_process
from ocr_pipeline.evaluation import evaluate_recognizer
from ocr_pipeline.pipeline import OCRPipeline
from synthesis.held_out import is_held_out
from synthesis.pdf import render_page
from synthesis.typeset import typeset

KINDS = ("letter", "columns", "book", "form", "table", "receipt", "index")


def sheets(count: int, seed: int, dpi: float) -> Iterator[dict[str, Any]]:
    """The pages, and their words."""
    kinds = dict.fromkeys(KINDS, 1.0)
    with tempfile.TemporaryDirectory() as folder:
        for path in typeset(
            out=folder,
            pages=count,
            seed=seed,
            kinds=kinds,
            held_out=lambda family: not is_held_out(family),
        ):
            for sheet in pypdfium2.PdfDocument(path):
                yield render_page(sheet, dpi)


def main() -> None:
    """Typeset, cut, read, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pages", type=int, default=60)
    parser.add_argument("--seed", type=int, default=900)
    parser.add_argument("--dpi", type=float, default=150)
    parser.add_argument("--recognizer", type=Path)
    args = parser.parse_args()

    prepare_process()
    ocr = OCRPipeline.from_pretrained(recognizer=args.recognizer)
    metric = evaluate_recognizer(ocr.recognizer, sheets(args.pages, args.seed, args.dpi))
    print({name: round(value, 2) for name, value in metric.summary().items()})


if __name__ == "__main__":
    main()
