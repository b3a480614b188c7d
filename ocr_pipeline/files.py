"""Writing files whole or not at all, and remembering what a run has done."""

import hashlib
import json
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

#: Names of files that are being written: hidden, and never taken for an input or a result.
_PARTIAL = ".{name}.{pid}.part"


@contextmanager
def atomic(path: Path) -> Iterator[IO[bytes]]:
    """Write a file so that it is there whole or not at all; makes its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    name = os.fsdecode(os.fsencode(path.name)[:100])  # file systems count bytes
    partial = path.parent / _PARTIAL.format(name=name, pid=os.getpid())
    try:
        with open(partial, "wb") as file:
            yield file
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def sweep(folder: Path) -> None:
    """Delete what a killed run left half written anywhere below a folder, not what another one is
    writing."""
    for partial in folder.rglob(".*.[0-9]*.part"):
        pid = partial.name.split(".")[-2]
        if pid.isdecimal() and not _is_running(int(pid)):
            partial.unlink(missing_ok=True)


def _is_running(pid: int) -> bool:
    if os.name != "posix":  # elsewhere asking would end it
        return True
    try:
        with suppress(PermissionError):  # of someone else's
            os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    return True


_NEEDED = {"source", "path", "settings", "outputs", "content"}  # of a line of the log


class RunLog:
    """run.jsonl: the outcome of each file of a folder run, one JSON object a line.

    A line is added when a file's results are written, so a run that is killed loses nothing that
    it finished. Of several lines about a file the last one counts.

    Args:
        folder: of the results.
        settings: all that shapes them, as JSON values.
        resume: whether what is in the log already stays, and counts as done.
    """

    def __init__(self, folder: Path, *, settings: Mapping[str, Any], resume: bool):
        self.folder = folder
        self.path = folder / "run.jsonl"
        shape = json.dumps(settings, sort_keys=True).encode()
        self.settings = hashlib.blake2b(shape, digest_size=16).hexdigest()
        self.entries: dict[str, dict[str, Any]] = {}
        folder.mkdir(parents=True, exist_ok=True)
        sweep(folder)
        if resume:
            self.entries = {entry["path"]: entry for entry in _read(self.path)}
        self.owners: dict[str, list[str]] = defaultdict(list)  # keys of the files, by output
        for key, entry in self.entries.items():
            for output in entry["outputs"]:
                self.owners[output].append(key)
        with atomic(self.path) as file:  # without a half line that a killed run left
            file.writelines(_line(entry) for entry in self.entries.values())

    def is_done(self, source: Path, name: str) -> bool:
        """Whether the file was read without any error, as it is now, with these settings.

        Args:
            source: the file.
            name: what the log calls it, mostly its path.
        """
        entry = self.entries.get(_key(name), {})
        return (
            entry.get("status") == "done"
            and entry["settings"] == self.settings
            and all((self.folder / output).exists() for output in entry["outputs"])
            and entry["content"] == content_hash(source)
        )

    def owner(self, output: str, name: str) -> str | None:
        """The other file whose result is named `output`, if there is one."""
        others = (key for key in self.owners.get(output, ()) if key != _key(name))
        return next((self.entries[key]["source"] for key in others), None)

    def add(self, name: str, *, content: str | None, **outcome: Any) -> None:
        """Note what became of a file; `content` is its hash from before it was read."""
        entry = {
            "source": name,
            "path": _key(name),
            **outcome,
            "settings": self.settings,
            "content": content,
        }
        with open(self.path, "ab") as file:
            file.write(_line(entry))


def _key(name: str) -> str:
    """One for all names of a file; standard input has its own."""
    return name if name == "-" else os.path.realpath(name)


def _read(path: Path) -> Iterator[dict[str, Any]]:
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:  # cut off when the run was killed: that file is read again
            continue
        if isinstance(entry, dict) and entry.keys() >= _NEEDED:
            yield entry


def _line(entry: Mapping[str, Any]) -> bytes:
    return json.dumps(entry, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"


def content_hash(path: Path) -> str | None:
    """Of the file's bytes; None if they cannot be read, or it is no file but a pipe, say."""
    if not path.is_file():
        return None
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
    except OSError:
        return None
