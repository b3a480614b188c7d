"""`ocr-eval`: measure a stage, or whole pages, on a labelled folder."""

import argparse
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any


def main(argv: list[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="ocr-eval",
        description="Measure on a folder in the label format (docs/formats.md). detection: quads "
        "against quads. recognition: text on ground-truth quads. pages: both, end to end, and "
        "bag of words.",
    )
    parser.add_argument("stage", choices=["detection", "recognition", "pages"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--labels", default="labels.jsonl", help="label file in the folder")
    parser.add_argument("--detector", type=Path, help="weights; default: the shipped ones")
    parser.add_argument("--recognizer", type=Path, help="weights; default: the shipped ones")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:n")
    parser.add_argument("--straight", action="store_true", help="compare upright boxes")
    parser.add_argument("--iou", type=float, default=0.5, help="least overlap (detection)")
    parser.add_argument(
        "--without", default="", metavar="CHARS", help="leave out labels that hold any of these"
    )
    parser.add_argument("--limit", type=int, help="use the first so many images")
    parser.add_argument("--out", type=Path, help="also write the figures as JSON")
    parser.add_argument("--errors", type=Path, help="write misread words, label TAB text")
    args = parser.parse_args(argv)

    from ocr_pipeline.device import prepare_process
    from ocr_pipeline.labels import LabelError
    from ocr_pipeline.weights import WeightsError

    prepare_process()
    try:
        figures = measure(args)
    except (LabelError, WeightsError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for name, value in figures.items():
        print(f"{name:>20}  {value:.2f}" if isinstance(value, float) else f"{name:>20}  {value}")
    if args.out:
        args.out.write_text(json.dumps(figures, indent=1) + "\n")
    return 0


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Run the measurement that the arguments ask for; figures with what made them."""
    from ocr_pipeline import evaluation
    from ocr_pipeline.device import resolve_device
    from ocr_pipeline.labels import LabelledPages
    from ocr_pipeline.pipeline import OCRPipeline
    from ocr_pipeline.weights import load_detector, load_recognizer

    labelled = LabelledPages(folder=args.folder, labels=args.labels)
    pages = [labelled[i] for i in range(len(labelled))[: args.limit]]
    device = resolve_device(args.device)
    about: dict[str, Any] = {"set": f"{args.folder.name}/{args.labels}", "images": len(pages)}
    if args.stage == "recognition":
        recognizer = load_recognizer(args.recognizer, device)
        words = evaluation.evaluate_recognizer(recognizer, pages, without=args.without)
        if args.errors:
            args.errors.write_text("".join(f"{a}\t{b}\n" for a, b in words.errors))
        return {**about, "recognizer": recognizer.sha256[:12], **words.summary()}
    if args.stage == "detection":
        detector = load_detector(args.detector, device)
        metric = evaluation.evaluate_detector(detector, pages, iou=args.iou, straight=args.straight)
        figures = metric.summary()
        percent = {name: 100 * figures[name] for name in ("precision", "recall", "hmean")}
        return {**about, "detector": detector.sha256[:12], **figures, **percent}
    ocr = OCRPipeline(
        detector=load_detector(args.detector, device),
        recognizer=load_recognizer(args.recognizer, device),
    )
    total, seconds = evaluation.PageMetric(straight=args.straight), []
    for page in pages:
        start = time.perf_counter()
        document = ocr.read(page["image"])
        seconds.append(time.perf_counter() - start)
        total.update(page, [word for result in document.pages for word in result.words])
    return {
        **about,
        "detector": ocr.detector.sha256[:12],
        "recognizer": ocr.recognizer.sha256[:12],
        **total.summary(),
        "median_seconds": statistics.median(seconds),
    }


if __name__ == "__main__":
    sys.exit(main())
