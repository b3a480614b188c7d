"""`ocr-run`: read images and folders of images."""

import argparse
import os
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ocr_pipeline.pipeline import OCRPipeline
    from ocr_pipeline.results import Document

FORMATS = ("json", "txt")


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="ocr-run",
        description="Read the words of images. Without --out, their text goes to standard output.",
        epilog="Exit code: 0 all read, 1 some inputs failed, 2 wrong usage, 130 interrupted.",
    )
    parser.add_argument("inputs", nargs="+", metavar="INPUT", type=Path, help="image or folder")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="PATH",
        help="results.json or results.txt for one document; else a folder, with one file for each "
        "input, named like it",
    )
    parser.add_argument(
        "--format",
        choices=FORMATS,
        help="output format; default: by the suffix of --out, json in a folder, txt without --out",
    )
    parser.add_argument(
        "--device", default="auto", help="auto (CUDA if there is one), cpu, cuda or cuda:n"
    )
    parser.add_argument(
        "--overlay", type=Path, metavar="DIR", help="write pictures of what was read to this folder"
    )
    parser.add_argument("--detector", type=Path, metavar="FILE", help="other detector weights")
    parser.add_argument("--recognizer", type=Path, metavar="FILE", help="other recognizer weights")
    parser.add_argument(
        "--min-confidence",
        type=_probability,
        default=0.0,
        metavar="X",
        help="leave out words that are less sure than this (0 to 1, default 0)",
    )
    parser.add_argument("--debug", action="store_true", help="show tracebacks and warnings")
    return parser


def main(argv: list[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    parser = build_parser()
    args = parser.parse_args(argv)
    try:
        return _Run(args).run()
    except UsageError as error:
        parser.error(str(error))
    except KeyboardInterrupt:
        _say("interrupted")
        return 130
    except BrokenPipeError:
        # Whoever read our output has enough. Python would complain when it flushes on exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


class UsageError(Exception):
    """The command line asks for something impossible."""


class _Run:
    """One run: find the inputs, load the models, read, write, sum up."""

    def __init__(self, args: argparse.Namespace):
        self.args = args
        self.failures = 0

    def run(self) -> int:
        import warnings

        from tqdm import tqdm

        from ocr_pipeline.inputs import find_inputs

        if not self.args.debug:  # libraries' chatter; what concerns a page is in its result
            warnings.simplefilter("ignore")
        inputs = find_inputs(self.args.inputs, on_error=self.fail)
        single, format = self.choose_output(len(inputs))
        if not inputs:
            return 1
        ocr = self.load()

        start = time.perf_counter()
        pages = words = 0
        stems = {str(item.path): item.stem for item in inputs}
        with tqdm(total=len(inputs), unit="file", disable=not sys.stderr.isatty()) as progress:

            def failed(path: Any, error: Exception) -> None:
                self.fail(path, error)
                progress.update()

            for document in ocr.read_many((item.path for item in inputs), on_error=failed):
                try:
                    self.write(document, stems[document.source], single, format)
                    pages += len(document.pages)
                    words += len(document.words)
                except BrokenPipeError:
                    raise
                except Exception as error:
                    self.fail(document.source, error)
                progress.update()
        _say(
            f"{len(inputs)} inputs, {self.failures} failed; {pages} pages, {words} words "
            f"in {time.perf_counter() - start:.1f} s"
        )
        return 1 if self.failures else 0

    def choose_output(self, count: int) -> tuple[bool, str]:
        """Whether --out is one file, and the format."""
        out, format = self.args.out, self.args.format
        if out is None:
            return False, format or "txt"
        suffix = out.suffix[1:].lower()
        if suffix not in FORMATS or out.is_dir():
            if out.exists() and not out.is_dir():
                raise UsageError(
                    f"--out {out} is a file that is neither .json nor .txt; name a folder"
                )
            if suffix and not out.is_dir():
                raise UsageError(
                    f"--out {out} is neither .json nor .txt; name such a file, or a folder "
                    "(one with a dot in its name must exist)"
                )
            return False, format or "json"
        if count > 1:
            raise UsageError(
                f"--out {out} holds one document, and there are {count}; name a folder"
            )
        if format not in (None, suffix):
            raise UsageError(f"--out {out} contradicts --format {format}; leave one of them out")
        return True, suffix

    def load(self) -> "OCRPipeline":
        from ocr_pipeline.device import prepare_process
        from ocr_pipeline.pipeline import OCRPipeline

        prepare_process()
        try:
            ocr = OCRPipeline.from_pretrained(
                device=self.args.device,
                detector=self.args.detector,
                recognizer=self.args.recognizer,
                min_confidence=self.args.min_confidence,
            )
        except (ValueError, OSError, ImportError) as error:  # a device, weights, Detectron2
            if self.args.debug:
                traceback.print_exc()
            raise UsageError(_one_line(error)) from error
        weights = (
            f"{stage.source} ({stage.sha256[:8]})" for stage in (ocr.detector, ocr.recognizer)
        )
        _say(f"device {ocr.settings['device']}, weights {', '.join(weights)}")
        return ocr

    def write(self, document: "Document", stem: str, single: bool, format: str) -> None:
        from ocr_pipeline.exports import EXPORTERS

        output = EXPORTERS[format](document)
        for page in document.pages:
            for warning in page.warnings:
                _say(f"warning: {document.source}: page {page.index + 1}: {warning}")
        if self.args.overlay:
            self.write_overlays(document, stem)
        if self.args.out is None:
            sys.stdout.write(output)
            sys.stdout.flush()
            return
        path = self.args.out if single else self.args.out / f"{stem}.{format}"
        with _atomic(path) as file:
            file.write(output.encode())

    def write_overlays(self, document: "Document", stem: str) -> None:
        from PIL import Image

        from ocr_pipeline.inputs import read_pages
        from ocr_pipeline.overlay import draw_overlay

        for image, page in zip(read_pages(document.source), document.pages, strict=True):
            number = f".{page.index + 1}" if len(document.pages) > 1 else ""
            picture = Image.fromarray(draw_overlay(image.image, page))
            with _atomic(self.args.overlay / f"{stem}{number}.overlay.png") as file:
                picture.save(file, format="PNG", compress_level=1)

    def fail(self, path: Any, error: Exception) -> None:
        """Report a failed input in one line."""
        from ocr_pipeline.inputs import InputError

        self.failures += 1
        if isinstance(error, InputError):
            _say(f"error: {error}")
        elif isinstance(error, OSError):
            _say(f"error: {path}: {_one_line(error)}; check space and permissions")
        else:
            remedy = "" if self.args.debug else "; --debug shows where"
            _say(f"error: {path}: {type(error).__name__}: {_one_line(error)}{remedy}")
        if self.args.debug:
            traceback.print_exception(error)


def _probability(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return value


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _say(line: str) -> None:
    """A line on standard error, above the progress bar if there is one."""
    from tqdm import tqdm

    tqdm.write(line, file=sys.stderr)


@contextmanager
def _atomic(path: Path) -> Iterator[IO[bytes]]:
    """Write a file so that it is there whole or not at all; makes its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.parent / f".{os.getpid()}.part"
    try:
        with open(partial, "wb") as file:
            yield file
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main())
