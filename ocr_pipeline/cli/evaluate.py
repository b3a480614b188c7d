"""`ocr-eval`: measure a stage, or whole pages, on a labelled folder."""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ocr_pipeline.labels import LabelledPages


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="ocr-eval",
        description="Measure on a folder in the label format (docs/formats.md).",
    )
    stages = parser.add_subparsers(dest="stage", required=True)
    detection = stages.add_parser("detection", help="quads against quads")
    recognition = stages.add_parser("recognition", help="text on ground-truth quads")
    pages = stages.add_parser("pages", help="both stages: end to end, and bag of words")
    for command in (detection, recognition, pages):
        command.add_argument("folder", type=Path)
        command.add_argument("--labels", default="labels.jsonl", help="label file in the folder")
        command.add_argument("--limit", type=int, help="use the first so many images")
        command.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:n")
        command.add_argument("--out", type=Path, help="also write the figures as JSON")
    for command in (detection, pages):
        command.add_argument("--detector", type=Path, help="weights; default: the shipped ones")
        command.add_argument("--straight", action="store_true", help="compare upright boxes")
        command.add_argument("--iou", type=float, default=0.5, help="least overlap of a pair")
    for command in (recognition, pages):
        command.add_argument("--recognizer", type=Path, help="weights; default: the shipped ones")
        command.add_argument("--language-model", choices=("auto", "off"), default="auto")
    pages.add_argument(
        "--true-quads",
        action="store_true",
        help="read the labelled quads, whole lines too, instead of those that the detector finds",
    )
    recognition.add_argument(
        "--without", default="", metavar="CHARS", help="leave out labels that hold any of these"
    )
    recognition.add_argument("--errors", type=Path, help="write misread words, label TAB text")
    return parser


def main(argv: list[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    args = build_parser().parse_args(argv)
    try:
        from ocr_pipeline.device import prepare_process
        from ocr_pipeline.labels import LabelledPages

        prepare_process()
        labelled = LabelledPages(folder=args.folder, labels=args.labels)
        measure = {"detection": _detection, "recognition": _recognition, "pages": _pages}
        figures = {
            "set": f"{args.folder.name}/{args.labels}",
            "images": len(range(len(labelled))[: args.limit]),
            **measure[args.stage](args, labelled),
        }
    except (ValueError, OSError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for name, value in figures.items():
        print(f"{name:>20}  {value:.2f}" if isinstance(value, float) else f"{name:>20}  {value}")
    if args.out:
        args.out.write_text(json.dumps(figures, indent=1) + "\n")
    return 0


def _take(labelled: "LabelledPages", limit: int | None) -> Iterator[dict[str, Any]]:
    """Pages one at a time: a folder may hold more than memory does."""
    for index in range(len(labelled))[:limit]:
        yield labelled[index]


def _check_words(labelled: "LabelledPages") -> None:
    if any(record.get("level") == "line" for record in labelled.records):
        raise ValueError(
            f"{labelled.folder}: labels are of lines, quads of words cannot be compared with "
            "them; use `ocr-eval pages` and its bag of words"
        )


def _recognition(args: argparse.Namespace, labelled: "LabelledPages") -> dict[str, Any]:
    from ocr_pipeline.device import resolve_device
    from ocr_pipeline.evaluation import evaluate_recognizer
    from ocr_pipeline.weights import load_recognizer

    recognizer = load_recognizer(
        args.recognizer, resolve_device(args.device), language=args.language_model == "auto"
    )
    metric = evaluate_recognizer(recognizer, _take(labelled, args.limit), without=args.without)
    if args.errors:
        args.errors.write_text("".join(f"{a}\t{b}\n" for a, b in metric.errors))
    return {"recognizer": recognizer.sha256[:12], **metric.summary()}


def _detection(args: argparse.Namespace, labelled: "LabelledPages") -> dict[str, Any]:
    from ocr_pipeline.device import resolve_device
    from ocr_pipeline.evaluation import evaluate_detector
    from ocr_pipeline.weights import load_detector

    _check_words(labelled)
    detector = load_detector(args.detector, resolve_device(args.device))
    metric = evaluate_detector(
        detector, _take(labelled, args.limit), iou=args.iou, straight=args.straight
    )
    figures = metric.summary()
    percent = {name: 100 * figures[name] for name in ("precision", "recall", "hmean")}
    return {"detector": detector.sha256[:12], **figures, **percent}


def _pages(args: argparse.Namespace, labelled: "LabelledPages") -> dict[str, Any]:
    from ocr_pipeline.evaluation import PageMetric, words_on_true_quads
    from ocr_pipeline.pipeline import OCRPipeline

    ocr = OCRPipeline.from_pretrained(
        device=args.device,
        detector=args.detector,
        recognizer=args.recognizer,
        language_model=args.language_model == "auto",
    )
    metric, seconds = PageMetric(iou=args.iou, straight=args.straight), []
    for page in _take(labelled, args.limit):
        start = time.perf_counter()
        words = words_on_true_quads(ocr, page) if args.true_quads else ocr.read(page["image"]).words
        seconds.append(time.perf_counter() - start)
        metric.update(page, words)
    figures = metric.summary()
    if any(record.get("level") == "line" for record in labelled.records):
        figures = {name: value for name, value in figures.items() if name.startswith("bag")}
    return {
        "detector": "true quads" if args.true_quads else ocr.detector.sha256[:12],
        "recognizer": ocr.recognizer.sha256[:12],
        **figures,
        "median_seconds": statistics.median(seconds) if seconds else 0.0,
    }


if __name__ == "__main__":
    sys.exit(main())
