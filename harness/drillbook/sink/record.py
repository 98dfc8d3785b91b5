"""The sink's file: a line a call, numbered without gaps, and with the operating system before the call is answered."""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from threading import Lock
from typing import Any, NamedTuple


class Call(NamedTuple):
    """One effect, as a worker told it."""

    source: str
    task: str
    key: str | None
    version: str | None
    worker: str | None


class CallAnswer(NamedTuple):
    """What became of a call."""

    number: int
    """Of the first call with this key to this source; calls count from 1."""
    repeated: bool
    """The key was seen before: a receiver that honours it has nothing left to do."""


class BrokenError(Exception):
    """The file cannot be written any more, or has ended: this call is not recorded."""


class Record:
    """Writes calls to a file; safe from several threads.

    Once a write fails nothing more is written: what was written by halves is cut off again, and the file has no ``end``, so that whoever
    reads it knows that calls may be missing.

    Args:
        path: the file; appended to.

    Raises:
        OSError: the file cannot be opened.
    """

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self._lock = Lock()
        self._first: dict[tuple[str, str], int] = {}
        self._lines = self._calls = 0
        self.closed = False

    def begin(self) -> None:
        """Write ``start``: calls are taken from now on.

        Raises:
            OSError: the file cannot be written.
        """
        with self._lock:
            self._write("start")

    def take(self, call: Call) -> CallAnswer:
        """Record a call.

        Raises:
            BrokenError: it could not be written.
        """
        with self._lock:
            if self.closed:
                raise BrokenError("the sink has ended")
            number = self._calls + 1
            first = number if call.key is None else self._first.get((call.source, call.key), number)
            try:
                self._write("call", **call._asdict(), number=first)
            except OSError as error:
                self.closed = True
                raise BrokenError(f"the call cannot be written: {error.strerror}") from error
            self._calls = number
            if call.key is not None:
                self._first[call.source, call.key] = first
            return CallAnswer(first, first != number)

    def end(self) -> bool:
        """Write ``end``, the proof that nothing is missing, and take no more; False where the file is broken."""
        with self._lock:
            if self.closed:
                return False
            self.closed = True
            try:
                self._write("end")
            except OSError:
                return False
            return True

    def _write(self, event: str, **fields: Any) -> None:
        whole = {"seq": self._lines + 1, "at": time.time_ns(), "event": event, **fields}
        data = (json.dumps({name: value for name, value in whole.items() if value is not None}, separators=(",", ":")) + "\n").encode()
        written = 0
        try:
            while written < len(data):
                written += os.write(self._file, data[written:])
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._file, os.fstat(self._file).st_size - written)
            raise
        self._lines += 1
