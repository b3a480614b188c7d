"""Thousands of damaged files, given to the decoding process of `ocr-run`.

    uv run benchmarks/fuzz.py --count 10000

Nothing but pages and one-line errors may come back. Reported are how the files fared, the slowest,
and how often a decoder crashed, hung or ran out of memory, which the process contained.
"""

import argparse
import io
import re
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
import typst
from PIL import Image
from tqdm import tqdm

from ocr_pipeline.inputs import Decoding, InputError
from ocr_pipeline.isolation import IsolatedReader

LETTER = Path(__file__).parents[1] / "samples" / "letter.typ"


def make_seeds() -> list[bytes]:
    """A small picture in every format that is read, and two kinds of PDF."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 255, (12, 16, 3), np.uint8)
    page = Image.fromarray(np.kron(noise, np.ones((6, 6, 1), np.uint8)))
    ways = [
        (page, {"format": format})
        for format in ("JPEG", "PNG", "TIFF", "WEBP", "BMP", "GIF", "JPEG2000", "PPM", "AVIF")
    ]
    ways += [
        (page, {"format": "JPEG", "progressive": True}),
        (page.convert("CMYK"), {"format": "JPEG"}),
        (page.quantize(7), {"format": "PNG"}),
        (page.convert("1"), {"format": "TIFF", "compression": "group4"}),
        (page, {"format": "TIFF", "compression": "tiff_lzw", "save_all": True,
                "append_images": [page, page]}),
        (page, {"format": "TIFF", "compression": "jpeg"}),
        (page, {"format": "PDF"}),
    ]  # fmt: skip
    seeds = []
    for picture, options in ways:
        buffer = io.BytesIO()
        picture.save(buffer, **options)
        seeds.append(buffer.getvalue())
    return [*seeds, typst.compile(LETTER.read_bytes())]


def mutate(seeds: list[bytes], rng: np.random.Generator) -> bytes:
    """A seed with some of its bytes changed, moved, doubled, taken from another, or cut off."""
    data = bytearray(seeds[rng.integers(len(seeds))])
    for _ in range(rng.integers(1, 9)):
        if not data:
            break
        at, length = int(rng.integers(len(data))), int(rng.integers(1, 65))
        way = rng.integers(6)
        if way == 0:
            data[at] = rng.integers(256)
        elif way == 1:
            data[at : at + 4] = rng.choice([0, 1, 127, 255], 1).astype(np.uint8).tobytes() * 4
        elif way == 2:
            del data[at : at + length]
        elif way == 3:
            data[at:at] = data[at : at + length]
        elif way == 4:
            other = seeds[rng.integers(len(seeds))]
            start = int(rng.integers(len(other)))
            data[at : at + length] = other[start : start + length]
        elif rng.random() < 0.3:
            del data[at:]
    return bytes(data)


def main() -> None:
    """Make the files, read them, print how they fared."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    seeds = make_seeds()
    rng = np.random.default_rng(args.seed)
    fates: Counter[str] = Counter()
    slowest = 0.0
    decoding = Decoding(max_pixels=50_000_000)
    with tempfile.TemporaryDirectory() as folder, IsolatedReader(decoding) as reader:
        path = Path(folder, "input")
        for _ in tqdm(range(args.count)):
            path.write_bytes(mutate(seeds, rng))
            errors: list[InputError] = []
            start = time.perf_counter()
            try:
                pages = sum(1 for _ in reader(path, on_error=errors.append))
                fates["read in part" if errors and pages else "read" if pages else "refused"] += 1
            except InputError as error:
                contained = re.search(r"crashed \(\w+\)|took more than|more memory", str(error))
                fates[contained[0] if contained else "refused"] += 1
            slowest = max(slowest, time.perf_counter() - start)
    for fate, count in fates.most_common():
        print(f"{fate}: {count}")
    print(f"slowest: {slowest:.2f} s")


if __name__ == "__main__":
    main()
