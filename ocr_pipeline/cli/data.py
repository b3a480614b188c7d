"""`ocr-data`: bring labelled pages into one format, check, split, look at and count them."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ocr_pipeline.datasets.importers import FORMATS

if TYPE_CHECKING:
    from ocr_pipeline.datasets.importers.entries import Fault


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="ocr-data",
        description="Make, check, split, show and count labelled pages (docs/data.md). LABELS is a "
        "folder with labels.jsonl in it, or a label file of another name.",
        epilog="Exit code: 0 all well, 1 something is wrong or was left out, 2 wrong usage.",
    )
    commands = parser.add_subparsers(required=True)

    check = commands.add_parser("check", help="tell what training would leave out, and why")
    check.add_argument("labels", type=Path, nargs="+", metavar="LABELS", help="to train on")
    check.add_argument(
        "--against",
        type=Path,
        nargs="+",
        default=[],
        metavar="LABELS",
        help="for validation: none of their pages may be in the others",
    )
    check.add_argument(
        "--recognizer",
        type=Path,
        metavar="FILE",
        help="take the charset of these weights; default: that of the configs",
    )
    check.add_argument(
        "--charset",
        default="",
        metavar="[+]SYMBOLS",
        help="symbols, or a file of them, instead of, or after + besides, those: as in ocr-train",
    )
    check.set_defaults(run=_check)

    formats = "; ".join(f"{name}: {about.title}" for name, about in FORMATS.items())
    convert = commands.add_parser(
        "convert", help="import labels of another format", epilog=f"Formats: {formats}."
    )
    convert.add_argument("source", type=Path, metavar="SOURCE", help="file or folder, as it comes")
    convert.add_argument("--from", dest="format", choices=FORMATS, required=True, metavar="FORMAT")
    convert.add_argument("--out", type=Path, required=True, help="new folder; pictures are copied")
    convert.add_argument(
        "--images", type=Path, metavar="FOLDER", help="of the pictures, if they are elsewhere"
    )
    convert.add_argument(
        "--level",
        choices=("word", "line"),
        default="word",
        help="what a label is, if the format does not say (default %(default)s)",
    )
    convert.set_defaults(run=_convert)

    split = commands.add_parser("split", help="write train.jsonl and validation.jsonl")
    split.add_argument("labels", type=Path, metavar="LABELS")
    split.add_argument("--out", type=Path, help="folder for both; default: that of the labels")
    split.add_argument("--validation", type=_share, default=0.1, metavar="SHARE")
    split.add_argument("--seed", type=int, default=0)
    split.set_defaults(run=_split)

    preview = commands.add_parser("preview", help="write a sheet of pages and one of words")
    preview.add_argument("labels", type=Path, metavar="LABELS")
    preview.add_argument("--out", type=Path, required=True, help="picture; words: NAME-words")
    preview.add_argument("--count", type=int, default=8, help="pages (default %(default)s)")
    preview.set_defaults(run=_preview)

    stats = commands.add_parser("stats", help="count pages, words, sizes and characters")
    stats.add_argument("labels", type=Path, nargs="+", metavar="LABELS")
    stats.set_defaults(run=_stats)

    for command in (check, stats):
        command.add_argument("--json", action="store_true", help="write all of it as JSON")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    args = build_parser().parse_args(argv)
    try:
        return args.run(args)
    except (ValueError, OSError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _check(args: argparse.Namespace) -> int:
    from ocr_pipeline.cli.train import read_charset
    from ocr_pipeline.datasets.check import check
    from recognition.codec import Codec, change_charset

    codec = Codec()
    if args.recognizer:
        import torch

        from ocr_pipeline.weights import load_recognizer

        codec = load_recognizer(args.recognizer, torch.device("cpu")).codec
    codec = Codec(charset=change_charset(codec.charset, read_charset(args.charset)))
    against = [_label_file(path) for path in args.against]
    report = check([_label_file(path) for path in args.labels], against=against, codec=codec)
    _print(report.to_dict() if args.json else report.to_text())
    return 1 if report.errors else 0


def _convert(args: argparse.Namespace) -> int:
    from ocr_pipeline.datasets.convert import convert
    from ocr_pipeline.datasets.importers import read_entries

    left_out = 0

    def report(fault: "Fault") -> None:
        nonlocal left_out
        left_out += 1
        print(f"error: {fault.where}: {fault.reason}", file=sys.stderr)

    entries = read_entries(args.format, args.source, images=args.images, level=args.level)
    done = convert(entries, args.out, on_fault=report)
    print(f"{done.pages} pages, {done.words} words in {args.out}; {left_out} faults in the source")
    return 1 if left_out else 0


def _split(args: argparse.Namespace) -> int:
    import os

    from ocr_pipeline.datasets.split import split
    from ocr_pipeline.labels import write_records

    labels = _label_file(args.labels)
    out = args.out or labels.parent
    parts = [out / name for name in ("train.jsonl", "validation.jsonl")]
    if labels.resolve() in (part.resolve() for part in parts):
        raise ValueError(f"{labels} would be overwritten; name another folder with --out")
    for part, records in zip(
        parts, split(labels, validation=args.validation, seed=args.seed), strict=True
    ):
        for record in records:  # the way to the image, from where the label file will be
            record["image"] = os.path.relpath(labels.parent / record["image"], out)
        write_records(part, records)
        print(f"{len(records)} images in {part}")
    return 0


def _preview(args: argparse.Namespace) -> int:
    import cv2

    from ocr_pipeline.datasets.preview import preview
    from ocr_pipeline.labels import LabelledPages

    labels = _label_file(args.labels)
    sheets = preview(
        LabelledPages(folder=labels.parent, labels=labels.name),
        count=args.count,
        on_error=lambda error: print(f"error: {error}", file=sys.stderr),
    )
    words = args.out.with_name(f"{args.out.stem}-words{args.out.suffix}")
    for path, sheet in zip((args.out, words), sheets, strict=True):
        if not cv2.imwrite(str(path), sheet[..., ::-1]):
            raise OSError(f"{path}: could not be written; name a .png or .jpg in a folder there is")
        print(path)
    return 0


def _stats(args: argparse.Namespace) -> int:
    from ocr_pipeline.datasets.stats import stats, to_text

    figures = stats(_label_file(path) for path in args.labels)
    _print(figures if args.json else to_text(figures))
    return 0


def _label_file(path: Path) -> Path:
    return path / "labels.jsonl" if path.is_dir() else path


def _print(report: dict | str) -> None:
    if isinstance(report, dict):
        report = json.dumps(report, ensure_ascii=False, indent=1) + "\n"
    # Labels may hold what a terminal cannot show.
    sys.stdout.buffer.write(report.encode("utf-8", "backslashreplace"))
    sys.stdout.flush()


def _share(text: str) -> float:
    value = float(text)
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return value


if __name__ == "__main__":
    sys.exit(main())
