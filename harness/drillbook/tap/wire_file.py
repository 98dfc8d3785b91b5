"""The tap's file: lines of ``wire.jsonl`` (``drillbook.evidence.kinds.wire``), numbered without gaps and written in batches.

A file that is there already belongs to a tap that died: it is gone on with, its numbers and those of its connections too, but one number
is left out before the new ``start``. So that the gap tells a reader: what passed last before it may have no line.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

_NUMBERS = re.compile(rb'^\{"seq":(\d+),.*?(?:,"connection":(\d+)|$)', re.MULTILINE)
_READ = 1 << 24


class WireFile:
    """Writes lines to a file; lines of one batch share a clock reading.

    Once a write fails nothing more is written, so that the file has no ``end`` and the judge takes it for incomplete; whatever was
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
        self._seq, self.connections = self._gone_on_with(Path(path))
        """``connections``: how many had lines in the file before."""
        self._now = ""
        self.broken = self._closed = False
        self.tick()

    def tick(self) -> None:
        """Read the clock, for the lines to come: when the bytes they tell of were read."""
        self._now = f',"at":{time.time_ns()},"event":"'

    def write(self, line: str) -> None:
        """Add a line.

        Args:
            line: from the event's name on, as ``ack","link":"…"``: JSON without the brace at its end.
        """
        if not self._lines:
            self._pending()
        self._lines.append(self._now + line)

    def extend(self, lines: Iterable[str]) -> None:
        """Add several lines."""
        if not self._lines:
            self._pending()
        now = self._now
        self._lines += [now + line for line in lines]

    def own(self, event: str) -> None:
        """Add a line of the tap's own, now: ``start``, ``alive`` or ``end``."""
        self.tick()
        self.write(f'{event}"')

    def flush(self) -> int:
        """Hand what waits to the operating system, which keeps it even when the tap is killed.

        Returns:
            How many lines waited.
        """
        lines, seq = self._lines, self._seq
        if self.broken or self._closed:
            lines.clear()
            return 0
        data = "".join([f'{{"seq":{number}{line}}}\n' for number, line in enumerate(lines, seq + 1)]).encode()
        self._seq = seq + len(lines)
        lines.clear()
        written = 0
        try:
            while written < len(data):
                written += os.write(self._file, data[written:] if written else data)
        except OSError as error:
            self.broken = True
            self._cut(len(data[:written].rpartition(b"\n")[2]))
            self._failed(error)
        return self._seq - seq

    def end(self) -> None:
        """Write ``end``, the proof that nothing is missing, and close the file."""
        self.own("end")
        self.flush()
        self._closed = True
        os.close(self._file)

    def _cut(self, torn: int) -> None:
        """Take the last ``torn`` octets off the file."""
        with suppress(OSError):
            os.ftruncate(self._file, os.fstat(self._file).st_size - torn)

    def _gone_on_with(self, path: Path) -> tuple[int, int]:
        """The number to go on from, and how many connections had lines."""
        seq = connections = 0
        rest = b""
        if path.is_file():
            with path.open("rb") as file:
                while chunk := file.read(_READ):
                    whole, newline, rest = (rest + chunk).rpartition(b"\n")
                    for found in _NUMBERS.finditer(whole + newline):
                        seq, connections = int(found[1]), max(connections, int(found[2] or 0))
        if rest:
            self._cut(len(rest))
        return (seq + 1 if seq else 0), connections
