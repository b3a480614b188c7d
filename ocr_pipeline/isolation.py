"""Decoding in a process of its own, for files that nobody vouches for, and the exports that open
such a file once more.

Decoders are large programs in C. Fed with the wrong bytes one may crash, hang or ask for all
memory there is; then this process dies instead of the run, and the next file gets a new one.
"""

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Generator, Iterator
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from ocr_pipeline.decode import PageImage, read_pages
from ocr_pipeline.exports import export
from ocr_pipeline.inputs import PAGE_SECONDS, Decoding, InputError
from ocr_pipeline.results import Document

#: Address space that the decoding process may take: that of Python with its libraries, and by the
#: pixel what decoding takes at its peak and some.
BASE_BYTES, PIXEL_BYTES = 1 << 30, 16

_DAY = 86_400.0  # seconds; much more than a month is no timeout to the system


class IsolatedReader:
    """Does what `decode.read_pages` does, elsewhere. Leaving its context ends the process.

    Args:
        decoding: which pages, and how.
        page_seconds: a page that takes longer is given up, and the rest of its file with it.

    One file at a time: the pages of a file are to be taken, or left by closing their iterator,
    before the next is asked for.
    """

    def __init__(self, decoding: Decoding, *, page_seconds: float = PAGE_SECONDS):
        self.decoding = decoding
        self.page_seconds = page_seconds
        self._ready = False  # whether the process has said that it is up
        self._start()

    def __enter__(self) -> "IsolatedReader":
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def __call__(
        self,
        path: str | os.PathLike[str],
        decoding: Decoding | None = None,
        *,
        on_error: Callable[[InputError], None],
    ) -> Iterator[PageImage]:
        """The pages of a file; parameters and errors as those of `decode.read_pages`.

        Without `decoding` that of this reader is used.

        Raises:
            InputError: also where decoding crashed, or took too long.
        """
        with contextlib.closing(self._ask(_decode, path, decoding or self.decoding)) as answers:
            for kind, content in answers:
                if kind == "error":
                    on_error(InputError(*content))
                else:
                    yield content

    def export(self, format: str, document: Document, path: str | os.PathLike[str]) -> bytes:
        """What `exports.export` makes of a document and the pages of `path`, decoded there too.

        Raises:
            InputError: decoding or the export failed, crashed, or took too long.
        """
        decoding = self.decoding.only(page.index for page in document.pages)
        details = decoding, format, document
        ((_, content),) = self._ask(_export, path, *details, pages=len(document.pages))
        return content

    def _ask(
        self, task: Callable, path: str | os.PathLike[str], *details: object, pages: int = 1
    ) -> Generator[tuple[str, Any], None, None]:
        """What a task there has to say: kinds of answers, and their contents."""
        if not self._process.is_alive():
            self._start()
        whole = False
        try:
            if not self._ready:  # starting takes its time, which is no file's fault
                self._connection.recv()
                self._ready = True
            self._connection.send((task, os.fspath(path), *details))
            while (answer := self._receive(path, pages)) is not None:
                kind, content = answer
                if kind == "raise":
                    whole = True
                    raise InputError(*content)
                yield kind, self._page(content) if kind == "page" else content
            whole = True
        except (EOFError, ConnectionError):
            self._process.join()
            code = self._process.exitcode or 0
            name = signal.Signals(-code).name if code < 0 else f"exit code {code}"
            raise InputError(
                path, f"its decoder crashed ({name})", "the file is damaged; export it again"
            ) from None
        finally:
            if not whole:  # what the process would still send belongs to this file
                self._stop()

    def _receive(self, path: str | os.PathLike[str], pages: int):
        if not self._connection.poll(min(self.page_seconds * max(pages, 1), _DAY)):
            raise InputError(
                path,
                f"a page took more than {self.page_seconds:g} seconds to decode",
                "raise --max-seconds, or export it in a simpler form",
            )
        return self._connection.recv()

    def _page(self, content: tuple) -> PageImage:
        shape, index, dpi, warnings = content
        image = np.empty(shape, np.uint8)
        self._connection.recv_bytes_into(image.data.cast("B"))
        return PageImage(image, index, dpi, warnings)

    def _start(self) -> None:
        context = get_context("spawn")  # forking a process with threads is not safe
        self._connection, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(theirs, self.decoding.max_pixels), daemon=True, name="decoder"
        )
        self._process.start()
        self._ready = False
        theirs.close()

    def _stop(self) -> None:
        self._process.kill()
        self._process.join()
        self._connection.close()


def _serve(connection: Connection, max_pixels: int) -> None:
    """The other process: says that it is up; then a task and its file come in, its answers go out,
    and None at their end.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is the parent that is interrupted
    _limit_memory(BASE_BYTES + PIXEL_BYTES * max_pixels)
    # Decoders in C print what they think of a file; the run says it in one line.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
    with contextlib.suppress(EOFError, ConnectionError):
        connection.send(None)
        while True:
            task, path, *details = connection.recv()
            try:
                task(connection, path, *details)
                connection.send(None)
            except InputError as error:
                _report(connection, "raise", error)
            except MemoryError:
                reason, remedy = "decoding it takes more memory than pages may", "export it again"
                _report(connection, "raise", InputError(path, reason, remedy))


def _report(connection: Connection, kind: str, error: InputError) -> None:
    connection.send((kind, (error.path, error.reason, error.remedy)))


def _decode(connection: Connection, path: str, decoding: Decoding) -> None:
    pages = read_pages(path, decoding, on_error=lambda error: _report(connection, "error", error))
    for page in pages:
        connection.send(("page", (page.image.shape, page.index, page.dpi, page.warnings)))
        connection.send_bytes(np.ascontiguousarray(page.image).data.cast("B"))


def _export(
    connection: Connection, path: str, decoding: Decoding, format: str, document: Document
) -> None:
    pages = read_pages(path, decoding, on_error=lambda error: None)
    try:
        content = export(format, document, (page.image for page in pages))
    except (InputError, MemoryError):
        raise
    except Exception as error:
        reason = f"its {format} cannot be made ({error})"
        raise InputError(path, reason, "choose another format with --format") from error
    connection.send(("content", content))


def _limit_memory(size: int) -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard != resource.RLIM_INFINITY:
        size = min(size, hard)
    with contextlib.suppress(ValueError, OSError):  # macOS has the call, but not the limit
        resource.setrlimit(resource.RLIMIT_AS, (size, hard))
