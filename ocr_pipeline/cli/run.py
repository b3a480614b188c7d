"""`ocr-run`: read images, PDFs and folders of them."""

import argparse
import math
import os
import shutil
import signal
import sys
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, TYPE_CHECKING, Any

from ocr_pipeline.exports import FORMATS, export
from ocr_pipeline.inputs import (
    MAX_PAGES,
    MAX_PIXELS,
    PAGE_SECONDS,
    PDF_DPI,
    Decoding,
    Input,
    InputError,
    find_inputs,
    parse_ranges,
)
from ocr_pipeline.results import MIN_CONFIDENCE

if TYPE_CHECKING:
    import numpy as np

    from ocr_pipeline.files import RunLog
    from ocr_pipeline.isolation import IsolatedReader
    from ocr_pipeline.pipeline import OCRPipeline
    from ocr_pipeline.results import Document, Page

WRITING_AHEAD = 2  # documents that may be read before another is written


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="ocr-run",
        description="Read the words of images and PDFs. Without --out, their text goes to standard "
        "output.",
        epilog="Exit code: 0 all read, 1 something failed, 2 wrong usage, 130 interrupted.",
    )
    parser.add_argument(
        "inputs",
        nargs="+",
        metavar="INPUT",
        help="image, PDF, folder, pattern in quotes, @list.txt with one of these a line, or - for "
        "standard input",
    )
    output = parser.add_argument_group("output")
    output.add_argument(
        "--out",
        type=lambda text: None if text == "-" else Path(text),
        metavar="PATH",
        help="a file for one document, such as results.json; else a folder, with files for each "
        "input, named like it, and a log, run.jsonl; default: -, standard output",
    )
    output.add_argument(
        "--format",
        type=_formats,
        metavar="LIST",
        help=f"any of {', '.join(FORMATS)}, joined by commas; default: by the suffix of --out, "
        "json in a folder, txt on standard output",
    )
    output.add_argument(
        "--overlay", type=Path, metavar="DIR", help="write pictures of what was read to this folder"
    )
    output.add_argument(
        "--maps",
        type=Path,
        metavar="DIR",
        help="write pictures of what the detector saw to this "
        "folder: its probability map, its words with scores, and what it rejected and why",
    )
    output.add_argument(
        "--resume",
        action="store_true",
        help="skip inputs whose results are in the folder --out already, made of the same content "
        "with the same settings",
    )
    output.add_argument(
        "--min-confidence",
        type=_probability,
        default=MIN_CONFIDENCE,
        metavar="X",
        help="leave out words that are less sure: confidence times the root of the detection score "
        "(0 to 1, default %(default)g)",
    )
    reading = parser.add_argument_group("reading")
    reading.add_argument("--pages", metavar="LIST", help="such as 1-3,7, of PDFs and TIFFs")
    reading.add_argument(
        "--dpi",
        type=_dpi,
        default=PDF_DPI,
        metavar="N",
        help="resolution for PDFs (default %(default)g)",
    )
    reading.add_argument("--password", metavar="TEXT", help="of locked PDFs")
    reading.add_argument(
        "--max-pixels",
        type=_count,
        default=MAX_PIXELS,
        metavar="N",
        help="refuse larger pages (default %(default)s)",
    )
    reading.add_argument(
        "--max-pages",
        type=_count,
        default=MAX_PAGES,
        metavar="N",
        help="read no further in longer files (default %(default)s)",
    )
    reading.add_argument(
        "--max-seconds",
        type=_seconds,
        default=PAGE_SECONDS,
        metavar="N",
        help="give up pages that take longer to decode (default %(default)g)",
    )
    reading.add_argument(
        "--orientation",
        choices=("auto", "off"),
        default="auto",
        help="auto looks which way up the text stands; off takes pages as upright",
    )
    reading.add_argument(
        "--device", default="auto", help="auto (CUDA if there is one), cpu, cuda or cuda:n"
    )
    reading.add_argument(
        "--detector", type=Path, metavar="FILE", help="detector: weights or run folder"
    )
    reading.add_argument(
        "--recognizer", type=Path, metavar="FILE", help="recognizer: weights or run folder"
    )
    reading.add_argument(
        "--language-model",
        choices=("auto", "off"),
        default="auto",
        help="auto lets it help with unsure words; off reads letter by letter, for codes and such",
    )
    parser.add_argument("--debug", action="store_true", help="show tracebacks and warnings")
    return parser


def main(argv: list[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    parser = build_parser()
    args = parser.parse_args(argv)
    with suppress(ValueError):  # called from a thread, which signals do not reach
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # leaves nothing half done either
    try:
        with ExitStack() as stack:
            return _Run(args, stack).run()
    except UsageError as error:
        parser.error(str(error))
    except KeyboardInterrupt:
        _say("interrupted")
        return 130
    except BrokenPipeError:
        # Whoever read our output has enough. Python would complain when it flushes on exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:  # of the results' folder or its log; a file's own fails that file
        if args.debug:
            traceback.print_exc()
        _say(f"error: {_one_line(error)}; check space and permissions")
        return 1


class UsageError(Exception):
    """The command line asks for something impossible."""


class _Run:
    """One run: find the inputs, load the models, read, write, sum up."""

    def __init__(self, args: argparse.Namespace, stack: ExitStack):
        self.args = args
        self.stack = stack
        self.names: dict[str, str] = {}  # of inputs that are read from elsewhere
        self.errors: dict[str, list[str]] = {}  # by path
        self.hashes: dict[Path, str | None] = {}  # of contents, from before they were read
        self.claims: dict[str, str] = {}  # whose each file is that results must not replace
        self.log: RunLog | None = None
        self.decode_again: IsolatedReader | None = None

    def run(self) -> int:
        import warnings

        from ocr_pipeline.files import sweep

        if not self.args.debug:  # libraries' chatter; what concerns a page is in its result
            warnings.simplefilter("ignore")
        self.decoding = self.choose_decoding()
        results = (self.args.out, self.args.overlay, self.args.maps)
        inputs = find_inputs(
            [path for path in self.args.inputs if path != "-"],
            leave_out=filter(None, results),
            on_error=self.fail,
        )
        if "-" in self.args.inputs:
            stem = "stdin"
            while stem in {item.stem for item in inputs}:
                stem += "_"
            inputs.append(Input(self.spool(), stem))
        self.single, self.formats = self.choose_output(len(inputs))
        if not inputs:
            return 1
        for item in inputs:
            self.claims[os.path.realpath(item.path)] = f"the input {self.name(item.path)}"
        if self.single and os.path.realpath(self.args.out) in self.claims:
            raise UsageError(f"--out {self.args.out} is the input itself; name another file")
        if self.args.out is not None:  # what cannot be written to is told before the models load
            (self.args.out.parent if self.single else self.args.out).mkdir(
                parents=True, exist_ok=True
            )
        for pictures in (self.args.overlay, self.args.maps):
            if pictures is not None:
                sweep(pictures)
        # Started first: it loads while this process loads the models.
        decode = self.stack.enter_context(self.isolated())
        ocr = self.load(decode)
        self.read(ocr, self.open_log(ocr, inputs))
        return 1 if self.errors else 0

    def read(self, ocr: "OCRPipeline", inputs: Sequence[Input]) -> None:
        from tqdm import tqdm

        start = time.perf_counter()
        pages = words = 0
        waiting = deque(inputs)
        with (
            tqdm(total=len(inputs), unit="file", disable=not sys.stderr.isatty()) as progress,
            ThreadPoolExecutor(1) as writer,  # results are written while the next pages are read
        ):
            writing: deque[tuple[Document, Future[list[str]]]] = deque()

            def settle(ahead: int) -> None:
                """Log what is written, until no more than `ahead` documents are not."""
                while len(writing) > ahead:
                    document, outputs = writing.popleft()
                    # Documents come in order: what was due before this one has failed.
                    while str(waiting[0].path) != document.source:
                        self.note(waiting.popleft())
                        progress.update()
                    self.note(waiting.popleft(), document, outputs.result())
                    progress.update()

            items = {str(item.path): item for item in inputs}
            try:
                for document in ocr.read_many(self.hashed(inputs), on_error=self.fail):
                    written = writer.submit(self.write, document, items[document.source])
                    writing.append((document, written))
                    settle(WRITING_AHEAD)
                    pages += len(document.pages)
                    words += len(document.words)
                    seconds = time.perf_counter() - start
                    progress.set_postfix_str(f"{pages / seconds:.1f} pages/s")
            finally:  # interrupted or not, what was read is written and logged
                settle(0)
            for item in waiting:
                self.note(item)
                progress.update()
        _say(
            f"{_counted(len(inputs), 'input')}, {len(self.errors)} failed; "
            f"{_counted(pages, 'page')}, {_counted(words, 'word')} "
            f"in {time.perf_counter() - start:.1f} s"
        )

    def hashed(self, inputs: Sequence[Input]) -> Iterator[Path]:
        """Paths, each with its content's hash noted just before it is read."""
        from ocr_pipeline.files import content_hash

        for item in inputs:
            if self.log is not None:
                self.hashes[item.path] = content_hash(item.path)
            yield item.path

    def choose_decoding(self) -> Decoding:
        try:
            pages = parse_ranges(self.args.pages) if self.args.pages else None
        except ValueError as error:
            raise UsageError(f"--pages: {error}") from None
        return Decoding(
            pages=pages,
            dpi=self.args.dpi,
            password=self.args.password,
            max_pixels=self.args.max_pixels,
            max_pages=self.args.max_pages,
        )

    def spool(self) -> Path:
        """Standard input as a file, which can be read more than once."""
        folder = self.stack.enter_context(TemporaryDirectory(prefix="ocr-run-"))
        path = Path(folder, "stdin")
        with open(path, "wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        self.names[str(path)] = "-"
        return path

    def choose_output(self, count: int) -> tuple[bool, tuple[str, ...]]:
        """Whether --out is one file, and the formats."""
        out, formats = self.args.out, self.args.format
        if self.args.resume and (out is None or out.is_file()):
            raise UsageError("--resume goes on with a folder of results; name it with --out")
        if out is None:
            if formats and len(formats) > 1:
                raise UsageError("standard output takes one format; name a folder with --out")
            if formats and count > 1 and not FORMATS[formats[0]].joins:
                raise UsageError(
                    f"standard output holds one document of format {formats[0]}, and there are "
                    f"{count}; name a folder with --out"
                )
            return False, formats or ("txt",)
        suffixes = {format.suffix: name for name, format in FORMATS.items()}
        named = [name for suffix, name in suffixes.items() if out.name.lower().endswith(suffix)]
        if out.is_dir() or not (named or out.suffix or out.exists()):
            return False, formats or ("json",)
        if not named:
            raise UsageError(
                f"--out {out} is of no known format; name a folder (one with a dot in its name "
                f"must exist) or a file that ends in {', '.join(suffixes)}"
            )
        if count > 1:
            raise UsageError(
                f"--out {out} holds one document, and there are {count}; name a folder"
            )
        if formats not in (None, (named[0],)):
            raise UsageError(
                f"--out {out} contradicts --format {','.join(formats)}; leave one of them out, or "
                "name a folder"
            )
        return True, (named[0],)

    def load(self, decode: Any) -> "OCRPipeline":
        from ocr_pipeline.device import prepare_process
        from ocr_pipeline.pipeline import OCRPipeline

        prepare_process()
        try:
            ocr = OCRPipeline.from_pretrained(
                device=self.args.device,
                detector=self.args.detector,
                recognizer=self.args.recognizer,
                min_confidence=self.args.min_confidence,
                orientation=self.args.orientation == "auto",
                language_model=self.args.language_model == "auto",
                decode=decode,
                settings={
                    "pages": self.args.pages,
                    "dpi": self.args.dpi,
                    "max_pixels": self.args.max_pixels,
                    "max_pages": self.args.max_pages,
                },
            )
        except (ValueError, OSError, ImportError) as error:  # a device, weights, Detectron2
            if self.args.debug:
                traceback.print_exc()
            raise UsageError(_one_line(error)) from error
        self.detector: Any = ocr.detector
        weights = (
            f"{stage.source} ({stage.sha256[:8]})" for stage in (ocr.detector, ocr.recognizer)
        )
        _say(f"device {ocr.settings['device']}, weights {', '.join(weights)}")
        return ocr

    def open_log(self, ocr: "OCRPipeline", inputs: Sequence[Input]) -> Sequence[Input]:
        """Start the log of a folder of results; what is still to be read."""
        import ocr_pipeline
        from ocr_pipeline.files import RunLog

        if self.args.out is None or self.single:
            return inputs
        settings = {
            **ocr.settings,
            "models": [ocr.detector.sha256, ocr.recognizer.sha256],
            "formats": self.formats,
            "overlay": self.args.overlay and str(self.args.overlay),
            "maps": self.args.maps and str(self.args.maps),
            "engine": ocr_pipeline.__version__,
        }
        self.log = RunLog(self.args.out, settings=settings, resume=self.args.resume)
        self.claims[os.path.realpath(self.log.path)] = "the log of the run"
        todo, done = [], 0
        for item in inputs:
            if self.log.is_done(item.path, self.name(item.path)):
                done += 1
                continue
            try:
                for format in self.formats:
                    self.check_free(f"{item.stem}{FORMATS[format].suffix}", item)
            except InputError as error:  # before it is read
                self.fail(item.path, error)
                self.note(item)
            else:
                todo.append(item)
        if done:
            _say(f"{done} of {_counted(len(inputs), 'input')} done already")
        return todo

    def check_free(self, output: str, item: Input) -> Path:
        """Where a result is to be written, given the name that the log has for it.

        Raises:
            InputError: it would replace an input, the log, or another input's result.
        """
        path = Path(self.args.out or "", output)
        claimed = self.claims.get(os.path.realpath(path))
        if self.log and not claimed and (owner := self.log.owner(output, self.name(item.path))):
            claimed = f"that of {owner}"
        if claimed:
            reason = f"its result {path.name} would replace {claimed}"
            raise InputError(item.path, reason, "name another folder")
        return path

    def name(self, path: Path | str) -> str:
        """What messages and results call an input."""
        return self.names.get(str(path), str(path))

    def note(
        self, item: Input, document: "Document | None" = None, outputs: Sequence[str] = ()
    ) -> None:
        """Log what became of a file."""
        if self.log is None:
            return
        pages = document.pages if document else ()
        errors = self.errors.get(str(item.path), [])
        self.log.add(
            self.name(item.path),
            content=self.hashes.get(item.path),
            status="done" if not errors else "partial" if outputs else "failed",
            outputs=list(outputs),
            errors=errors,
            pages=len(pages),
            words=sum(len(page.words) for page in pages),
            seconds=round(sum(sum(page.timings.values()) for page in pages), 3),
        )

    def write(self, document: "Document", item: Input) -> list[str]:
        """Write a document's results, all that can be; the names that the log has for them."""
        name = self.name(document.source)
        for page in document.pages:
            for warning in page.warnings:
                _say(f"warning: {name}: page {page.index + 1}: {warning}")
        named = replace(document, source=name)
        jobs = [self.write_format(format, named, item) for format in self.formats]
        jobs.append(self.write_pictures(document, item))
        outputs = []
        for job in jobs:
            try:
                for output in job:
                    outputs.append(output)
            except BrokenPipeError:
                raise
            except Exception as error:
                self.fail(item.path, error)
        return outputs

    def write_format(self, format: str, document: "Document", item: Input) -> Iterator[str]:
        """Write a document in one format; yields the names of its files."""
        from ocr_pipeline.files import atomic

        parts = list(_parts(document, format))
        if len(parts) > 1 and (self.single or self.args.out is None):
            reason = f"a file of format {format} holds one page, and there are {len(parts)}"
            raise InputError(item.path, reason, "name a folder, or one page with --pages")
        for part, suffix in parts:
            if format == "pdf":  # is made of its source, whatever results call that
                part = replace(part, source=str(item.path))
            if FORMATS[format].needs_images:
                content = self.again().export(format, part, item.path)
            else:
                content = export(format, part)
            if self.args.out is None:
                sys.stdout.buffer.write(content)
                sys.stdout.flush()
            elif self.single:
                with atomic(self.args.out) as file:
                    file.write(content)
            else:
                output = f"{item.stem}{suffix}"
                with self.result(output, item) as file:
                    file.write(content)
                yield output

    @contextmanager
    def result(self, output: str, item: Input) -> Iterator[IO[bytes]]:
        """To write a result to; `output` and errors as in `check_free`."""
        from ocr_pipeline.files import atomic

        path = self.check_free(output, item)
        with atomic(path) as file:
            yield file
        self.claims[os.path.realpath(path)] = f"that of {self.name(item.path)}"

    def write_pictures(self, document: "Document", item: Input) -> Iterator[str]:
        """Write the pictures that --overlay and --maps ask for; yields their whole paths."""
        from PIL import Image

        from detection.maps import draw_maps
        from ocr_pipeline.overlay import draw_overlay

        drawn: dict[str, tuple[Path | None, Callable[[np.ndarray, Page], np.ndarray]]] = {
            "overlay": (self.args.overlay, draw_overlay),
            "maps": (self.args.maps, lambda image, _: draw_maps(self.detector.explain(image))),
        }
        for kind, (folder, draw) in drawn.items():
            if folder is None:
                continue
            for image, page in zip(self.images(document, item), document.pages, strict=True):
                number = f".{page.index + 1}" if len(document.pages) > 1 else ""
                output = os.path.abspath(folder / f"{item.stem}{number}.{kind}.png")
                with self.result(output, item) as file:
                    Image.fromarray(draw(image, page)).save(file, format="PNG", compress_level=1)
                yield output

    def images(self, document: "Document", item: Input) -> Iterator["np.ndarray"]:
        """The pictures of a document's pages, decoded once more when they are wanted.

        No pages but those that could be decoded before.
        """
        decoding = self.decoding.only(page.index for page in document.pages)
        for page in self.again()(item.path, decoding, on_error=lambda error: None):
            yield page.image

    def again(self) -> "IsolatedReader":
        """For what is decoded a second time, while the next documents are decoded already."""
        if self.decode_again is None:
            self.decode_again = self.stack.enter_context(self.isolated())
        return self.decode_again

    def isolated(self) -> "IsolatedReader":
        from ocr_pipeline.isolation import IsolatedReader

        return IsolatedReader(self.decoding, page_seconds=self.args.max_seconds)

    def fail(self, path: Any, error: Exception) -> None:
        """Report what is wrong with an input in one line."""
        from ocr_pipeline.pipeline import PageError

        name = self.name(path)
        if isinstance(error, InputError):
            line = f"{error.reason}; {error.remedy}"
        elif isinstance(error, OSError):
            line = f"{_one_line(error)}; check space and permissions"
        else:
            remedy = "" if self.args.debug else "; --debug shows where"
            kind = "" if isinstance(error, PageError) else f"{type(error).__name__}: "
            line = f"{kind}{_one_line(error)}{remedy}"
        self.errors.setdefault(str(path), []).append(line)
        _say(f"error: {name}: {line}")
        if self.args.debug:
            traceback.print_exception(error)


def _parts(document: "Document", format: str) -> Iterator[tuple["Document", str]]:
    """A document and the suffix of its file; page by page where a file of the format holds one."""
    suffix = FORMATS[format].suffix
    if not FORMATS[format].one_page or len(document.pages) == 1:
        yield document, suffix
        return
    for page in document.pages:
        yield replace(document, pages=(page,)), f".{page.index + 1}{suffix}"


def _formats(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    for name in names:
        if name not in FORMATS:
            raise argparse.ArgumentTypeError(f"no format {name!r}; there are {', '.join(FORMATS)}")
    return names


def _dpi(text: str) -> float:
    value = float(text)
    if not 10 <= value <= 2400:
        raise argparse.ArgumentTypeError(f"{text} is not between 10 and 2400")
    return value


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not a time above 0")
    return value


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return value


def _probability(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return value


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _counted(count: int, thing: str) -> str:
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def _say(line: str) -> None:
    """A line on standard error, above the progress bar if there is one."""
    from tqdm import tqdm

    tqdm.write(line, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
