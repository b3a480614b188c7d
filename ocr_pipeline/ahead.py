"""Making items in a thread while those before are used, as decoding does beside the reading."""

from collections.abc import Generator
from queue import SimpleQueue
from threading import Semaphore, Thread
from typing import Any, TypeVar

T = TypeVar("T")


def ahead(items: Generator[T, None, None]) -> Generator[T, None, None]:
    """Iterate in a thread: the next item is made while the last is used.

    No more than one ahead, so that memory stays bounded. What is raised there is raised here. When
    this iterator is closed, the thread ends after the item at which it is, and closes `items`; a
    second is waited for that.
    """
    results: SimpleQueue[tuple[str, Any]] = SimpleQueue()
    wanted = Semaphore(1)
    stopped = False

    def run() -> None:
        try:
            while True:
                wanted.acquire()
                if stopped:
                    break
                try:
                    results.put(("item", next(items)))
                except StopIteration:
                    break
        except BaseException as error:
            results.put(("error", error))
        finally:
            items.close()
            results.put(("end", None))

    thread = Thread(target=run, daemon=True)
    thread.start()
    try:
        while True:
            kind, content = results.get()
            if kind == "error":
                raise content
            if kind == "end":
                return
            wanted.release()
            yield content
    finally:
        stopped = True
        wanted.release()
        thread.join(1)  # whoever interrupts a slow decoder will not wait for it
