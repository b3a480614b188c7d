"""What it costs to look which way up a page is: each page read with and without, in turns.

uv run benchmarks/orientation.py data/eval/forms --limit 20
"""

import argparse
import statistics
import time
from pathlib import Path

from ocr_pipeline import OCRPipeline
from ocr_pipeline.device import prepare_process
from ocr_pipeline.labels import LabelledPages


def main() -> None:
    """Read the pages, print medians."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--limit", type=int, default=20)
    args = parser.parse_args()

    prepare_process()
    pages = LabelledPages(folder=args.folder)
    looking = OCRPipeline.from_pretrained(device="cpu")
    models = dict(detector=looking.detector, recognizer=looking.recognizer)
    ways = {True: looking, False: OCRPipeline(**models, orientation=False)}
    seconds: dict[bool, list[float]] = {True: [], False: []}
    for index in range(min(args.limit, len(pages))):
        image = pages[index]["image"]
        for warm in (True, False):  # kernels of a new size are compiled the first time
            for on in (True, False) if index % 2 else (False, True):
                start = time.perf_counter()
                ways[on].read(image)
                if not warm:
                    seconds[on].append(time.perf_counter() - start)
    ratios = [a / b for a, b in zip(seconds[True], seconds[False], strict=True)]
    print(
        f"{len(ratios)} pages: {statistics.median(seconds[True]):.2f} s with, "
        f"{statistics.median(seconds[False]):.2f} s without; median ratio "
        f"{statistics.median(ratios):.3f}, mean {statistics.mean(ratios):.3f}"
    )


if __name__ == "__main__":
    main()
