"""`ocr-synth`: typeset PDFs, render labelled pages from PDFs, and look at what comes out."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unicodedata import bidirectional, normalize


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    args = build_parser().parse_args(argv)
    try:
        args.run(args)
    except (OSError, ValueError, RuntimeError) as error:
        print(f"ocr-synth: {error}", file=sys.stderr)
        return 1
    return 0


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog="ocr-synth", description=__doc__)
    commands = parser.add_subparsers(required=True)

    typeset = commands.add_parser("typeset", help="write PDFs of typeset pages")
    typeset.add_argument("--out", type=Path, required=True, help="folder for the PDFs")
    typeset.add_argument("--pages", type=int, default=600, help="how many (default %(default)s)")
    typeset.add_argument("--kinds", nargs="*", metavar="KIND", help="only these, such as sign")
    typeset.add_argument("--fonts", type=Path, nargs="*", default=[], help="more font folders")
    typeset.add_argument("--seed", type=int, default=0)
    typeset.set_defaults(run=_typeset)

    words = commands.add_parser(
        "words", help="make labelled pages of your own words, in any alphabet that fonts have"
    )
    words.add_argument("--text", type=Path, required=True, help="file of the words, UTF-8")
    words.add_argument("--out", type=Path, required=True, help="folder for images/, labels.jsonl")
    words.add_argument("--count", type=int, default=100, help="pages (default %(default)s)")
    words.add_argument(
        "--fonts", type=Path, nargs="*", default=[], help="use only those of these folders"
    )
    words.add_argument("--strength", type=float, default=1.0, help="of degradation, 0: none")
    words.add_argument("--seed", type=int, default=0)
    words.set_defaults(run=_words)

    language = commands.add_parser(
        "language", help="write the language model and lexicon of what pages are set with"
    )
    language.add_argument("--out", type=Path, required=True, help="file for it, .safetensors")
    language.add_argument("--passages", type=int, default=400, help="(default %(default)s)")
    language.add_argument("--seed", type=int, default=5)
    language.set_defaults(run=_language)

    render = commands.add_parser("render", help="render degraded pages to the label format")
    render.add_argument("--out", type=Path, required=True, help="folder for images/, labels.jsonl")
    render.add_argument("--count", type=int, default=100, help="pages (default %(default)s)")
    render.set_defaults(run=_render)

    sheet = commands.add_parser("sheet", help="write a contact sheet of pages and one of words")
    sheet.add_argument("--out", type=Path, required=True, help="picture; words go to NAME-words")
    sheet.add_argument("--count", type=int, default=12, help="pages (default %(default)s)")
    sheet.set_defaults(run=_sheet)

    for command in (render, sheet):
        command.add_argument("--pdfs", type=Path, nargs="+", required=True, help="folders of PDFs")
        command.add_argument("--photos", type=Path, nargs="+", help="lay words on these pictures")
        command.add_argument("--strength", type=float, default=1.0, help="of degradation, 0: none")
        command.add_argument("--seed", type=int, default=0)
    return parser


def _typeset(args: argparse.Namespace) -> None:
    from synthesis.typeset import typeset

    files = typeset(
        out=args.out,
        pages=args.pages,
        seed=args.seed,
        font_folders=args.fonts,
        kinds=args.kinds and dict.fromkeys(args.kinds, 1.0),
    )
    print(f"{len(files)} PDFs in {args.out}")


def _pages(args: argparse.Namespace) -> Iterable[dict[str, Any]]:
    from synthesis.pages import PdfPages
    from synthesis.scenes import ScenePages

    if args.photos:
        return ScenePages(
            photos=args.photos, lettering=args.pdfs, strength=args.strength, seed=args.seed
        )
    return PdfPages(folders=args.pdfs, strength=args.strength, seed=args.seed)


def _words(args: argparse.Namespace) -> None:
    from synthesis.pages import PdfPages
    from synthesis.typeset import typeset

    vocabulary = sorted(set(args.text.read_text(encoding="utf-8").split()))
    if not vocabulary:
        raise ValueError(f"{args.text}: holds no words")
    for word in vocabulary:
        if any(bidirectional(character) in ("R", "AL") for character in word):
            raise ValueError(f"{args.text}: {word!r} is written leftwards, which is not read yet")
    with TemporaryDirectory() as folder:
        # Each page is used about twice, at two resolutions.
        typeset(
            out=folder,
            pages=-(-args.count // 2),
            seed=args.seed,
            font_folders=args.fonts,
            words=vocabulary,
        )
        pages = PdfPages(
            folders=[folder],
            text_height=(11, 40),
            max_side=1600,
            strength=args.strength,
            seed=args.seed,
        )
        _write(islice(_known(pages, vocabulary), args.count), args.out)


def _known(pages: Iterable[dict[str, Any]], vocabulary: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The pages, with what is not of these words ignored.

    Where letters change their shape beside others, not all PDFs tell which glyph is what, and
    spell some words wrongly.
    """
    normal = {normalize("NFC", word) for word in vocabulary}
    for page in pages:
        yield page | {
            "words": [
                word | {"ignore": word["ignore"] or word["text"] not in normal}
                for word in page["words"]
            ]
        }


def _language(args: argparse.Namespace) -> None:
    import numpy as np

    from ocr_pipeline.weights import save_language
    from recognition import language, lexicon
    from recognition.codec import condense
    from recognition.codec import normalize as as_read
    from synthesis.corpus import word_counts, word_frequencies

    counts: dict[str, float] = {}
    rng = np.random.default_rng(args.seed)
    for word, count in word_counts(rng, passages=args.passages).items():
        spelt = condense(as_read(word))
        counts[spelt] = counts.get(spelt, 0.0) + count
    tables, characters = language.learn(counts)
    words = lexicon.learn(word_frequencies())
    save_language(args.out, tables, characters, words)
    grams = sum(len(table[3]) for table in tables)
    print(f"{args.out}: {grams:,} n-grams, {len(words[0]):,} words")


def _render(args: argparse.Namespace) -> None:
    _write(islice(_pages(args), args.count), args.out)


def _write(pages: Iterable[dict[str, Any]], out: Path) -> None:
    """Pages as a labelled folder."""
    import cv2
    import numpy as np

    from ocr_pipeline.labels import write_records

    if (out / "labels.jsonl").exists():
        raise FileExistsError(f"{out}: holds labels already; name another folder with --out")
    (out / "images").mkdir(parents=True, exist_ok=True)
    number = 0

    def records() -> Iterator[dict[str, Any]]:
        nonlocal number
        for number, page in enumerate(pages, start=1):
            name = f"images/{number - 1:06}.png"
            if not cv2.imwrite(str(out / name), page["image"][..., ::-1]):
                raise OSError(f"{out / name}: could not be written")
            height, width = page["image"].shape[:2]
            words = [
                {**word, "quad": np.asarray(word["quad"], float).round(2).tolist()}
                for word in page["words"]
            ]
            record = {"image": name, "width": width, "height": height, "level": "word"}
            yield record | {"source": page["name"], "words": words}

    write_records(out / "labels.jsonl", records())
    print(f"{number} pages in {out}")


def _sheet(args: argparse.Namespace) -> None:
    import cv2

    from recognition.crops import crop_words
    from synthesis.contact_sheet import page_sheet, word_sheet

    pages = list(islice(_pages(args), args.count))
    words_path = args.out.with_name(f"{args.out.stem}-words{args.out.suffix}")
    for path, sheet in (
        (args.out, page_sheet(pages, count=args.count)),
        (words_path, word_sheet(pages, crop_words)),
    ):
        if not cv2.imwrite(str(path), sheet[..., ::-1]):
            raise OSError(f"{path}: could not be written; name a .png or .jpg in a folder there is")
        print(path)


if __name__ == "__main__":
    sys.exit(main())
