"""Speed of each stage alone, on one device: the middle of several rounds.

    uv run benchmarks/stages.py --device cuda

The recognizer reads batches of 64 words, in crops of 32 x 96. The detector, with its
post-processing, finds the words of a page of 1024 x 1024 pixels, at that size. Whole pages are
timed by `compare.py`.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import cv2
import numpy as np
import torch

from detection.detector import Detector
from ocr_pipeline.device import (
    inference_dtype,
    multiplies_bytes,
    prepare_process,
    resolve_device,
)
from ocr_pipeline.folding import fold_batch_norms
from ocr_pipeline.weights import SHIPPED, load_detector, load_model, load_recognizer

SIDE = 1024  # pixels of the page
ROUNDS = 20
WORDS = ("annual", "before", "Bridge", "circle", "DOUBLE", "export", "fourth", "garden", "150.25")
LETTERS = np.array(list("abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"))


def median_seconds(work: Callable[[], object], device: torch.device) -> float:
    """The middle of the rounds, after three that warm up."""
    seconds = []
    for _ in range(ROUNDS + 3):
        start = time.perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds[3:])


def page_of_words(rng: np.random.Generator) -> np.ndarray:
    """A white page (SIDE, SIDE, 3) with some 300 words in 16 lines."""
    page = np.full((SIDE, SIDE, 3), 255, np.uint8)
    for y in range(60, SIDE - 20, 60):
        x = 20
        while x < SIDE - 120:
            word = "".join(rng.choice(LETTERS, rng.integers(2, 7)))
            cv2.putText(
                page, word, (x, y), cv2.FONT_HERSHEY_SIMPLEX, 0.55, (0, 0, 0), 1, cv2.LINE_AA
            )
            x += cv2.getTextSize(word, cv2.FONT_HERSHEY_SIMPLEX, 0.55, 1)[0][0] + 12
    return page


def crop_of_word(word: str) -> np.ndarray:
    """A grey crop (32, 96) of a word."""
    crop = np.full((32, 96), 255, np.uint8)
    width = cv2.getTextSize(word, cv2.FONT_HERSHEY_DUPLEX, 1, 1)[0][0]
    size = 88 / width
    cv2.putText(crop, word, (4, 24), cv2.FONT_HERSHEY_DUPLEX, size, 0, 1, cv2.LINE_AA)
    return crop


def main() -> None:
    """Time the stages, print a line each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="auto")
    args = parser.parse_args()

    prepare_process()
    device = resolve_device(args.device)
    fast = inference_dtype(device)
    processor = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
    print(f"{processor}, {torch.get_num_threads()} threads")

    page = page_of_words(np.random.default_rng(1))
    crops = [crop_of_word(WORDS[k % len(WORDS)]) for k in range(64)]
    detector, recognizer = load_detector(None, device), load_recognizer(None, device)
    model, _ = load_model(SHIPPED / "recognizer.safetensors", device)
    float_model = fold_batch_norms(model)
    models = {"bytes and ": recognizer.model} if multiplies_bytes(device) else {}
    for name, model in {**models, "": float_model}.items():
        recognizer.model = model
        for dtype in dict.fromkeys((fast, torch.float32)):
            recognizer.dtype = dtype
            seconds = median_seconds(lambda: recognizer.recognize(crops), device)
            print(f"recognizer, {name}{dtype}: {len(crops) / seconds:.0f} words a second")
    finder = Detector(model=detector.model, long_side=SIDE, max_upscale=1.0, dtype=detector.dtype)
    found = len(finder.detect([page])[0].quads)
    seconds = median_seconds(lambda: finder.detect([page]), device)
    print(f"detector: {seconds:.3f} s for {SIDE} x {SIDE} with {found} words")


if __name__ == "__main__":
    main()
