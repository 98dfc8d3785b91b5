"""The tap's file: lines of ``wire.jsonl`` (``harness.evidence.records.Wire``), numbered without gaps and written in batches."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress


class LinesFile:
    """Writes lines to a file; lines of one batch share a clock reading.

    Once a write fails nothing more is written, so that the file has no ``end`` and the judge takes it for blind; whatever was
    written by halves is cut off again.

    Args:
        path: the file; appended to.
        pending: called when the first line of a batch waits, to have ``flush`` called soon.
        failed: called once with the error when a write fails.

    Raises:
        OSError: the file cannot be opened.
    """

    def __init__(self, path: str, pending: Callable[[], object], failed: Callable[[OSError], object]) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self._pending, self._failed = pending, failed
        self._lines: list[str] = []
        self._seq = 0
        self.at = time.time_ns()
        """The time of the lines to come, in nanoseconds since the epoch: when the bytes they tell of were read."""
        self.broken = self._closed = False

    def write(self, event: str, rest: str = "") -> None:
        """Add a line: its event, and the rest as JSON that begins with a comma."""
        if self.broken or self._closed:
            return
        self._seq += 1
        if not self._lines:
            self._pending()
        self._lines.append(f'{{"seq":{self._seq},"at":{self.at},"event":"{event}"{rest}}}\n')

    def own(self, event: str) -> None:
        """Add a line of the tap's own, now: ``start``, ``alive`` or ``end``."""
        self.at = time.time_ns()
        self.write(event)

    def flush(self) -> None:
        """Hand what waits to the operating system, which keeps it even when the tap is killed."""
        data, written = "".join(self._lines).encode(), 0
        self._lines.clear()
        try:
            while written < len(data):
                written += os.write(self._file, data[written:])
        except OSError as error:
            self.broken = True
            self._cut(len(data[:written].rpartition(b"\n")[2]))
            self._failed(error)

    def _cut(self, torn: int) -> None:
        """Take the last ``torn`` octets off the file."""
        with suppress(OSError):
            os.ftruncate(self._file, os.fstat(self._file).st_size - torn)

    def end(self) -> None:
        """Write ``end``, the proof that nothing is missing, and close the file."""
        self.own("end")
        self.flush()
        self._closed = True
        os.close(self._file)
