"""The run directory: appended and flushed line by line, so that it is readable whenever the harness dies."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from threading import Lock
from typing import Any, TextIO

from drillbook.core.errors import HarnessError
from drillbook.evidence.documents import Document, text
from drillbook.evidence.kinds import FILES
from drillbook.evidence.kinds.timeline import Event

_STEM = {record: stem for stem, record in FILES.items()}


def now() -> int:
    """Nanoseconds since the epoch."""
    return time.time_ns()


def line(record: Any) -> str:
    """One record as one line of JSON, fields that are None left out."""
    return json.dumps({key: value for key, value in asdict(record).items() if value is not None}, separators=(",", ":"))


class RunDirectory:
    """Where one drill's evidence is written; safe to write from several threads.

    Args:
        path: the directory; made, with its parents, when it is not there.

    Raises:
        HarnessError: a file cannot be written (a full disk, no permission); the message names it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._open: dict[str, TextIO] = {}
        self._lock = Lock()
        try:
            (path / "logs").mkdir(parents=True, exist_ok=True)
            (path / "playbook").mkdir(exist_ok=True)
        except OSError as error:
            raise HarnessError(f"cannot make the run directory {path}: {error.strerror}.") from error

    def file(self, stem: str) -> Path:
        """The path of a ``.jsonl`` file."""
        return self.path / f"{stem}.jsonl"

    def append(self, *records: Any) -> None:
        """Write records, each to the file of its kind, and flush."""
        with self._lock, self._told(self.path):
            for record in records:
                self._handle(_STEM[type(record)]).write(line(record) + "\n")
            for handle in self._open.values():
                handle.flush()

    def event(self, event: str, name: str, state: str, **more: Any) -> Event:
        """Append an event that happens now to the timeline, and give it back."""
        record = Event(at=now(), event=event, name=name, state=state, **more)  # type: ignore[arg-type]
        self.append(record)
        return record

    def touch(self, stem: str) -> None:
        """Make an evidence file that may stay empty: collected, and nothing found."""
        with self._lock, self._told(self.file(stem)):
            self._handle(stem).flush()

    def write(self, document: Document) -> None:
        """Write a whole document, atomically."""
        partial = self.path / f".{document.file}.partial"
        with self._told(self.path / document.file):
            partial.write_text(text(document), encoding="utf-8")
            partial.replace(self.path / document.file)

    def copy(self, source: Path, name: str) -> None:
        """Keep a copy of a file of the user's."""
        with self._told(self.path / name):
            content = source.read_bytes()
        self.keep(name, content)

    def keep(self, name: str, content: bytes) -> None:
        """Keep a file of the user's as it was used."""
        target = self.path / name
        with self._told(target):
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(content)

    def close(self) -> None:
        """Close the files; writing again opens them again."""
        with self._lock:
            open_now, self._open = list(self._open.values()), {}
        for handle in open_now:
            with self._told(self.path):
                handle.close()

    @contextmanager
    def _told(self, path: Path) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise HarnessError(f"cannot write {path}: {error.strerror}.", "Free disk space there, or choose another --output.") from error

    def _handle(self, stem: str) -> TextIO:
        if stem not in self._open:
            self._open[stem] = self.file(stem).open("a", encoding="utf-8")
        return self._open[stem]


def columns(record: type) -> list[str]:
    """Field names of a kind of line, in order."""
    return [field.name for field in fields(record)]
