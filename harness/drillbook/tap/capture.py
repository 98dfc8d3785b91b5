"""Messages themselves, kept for whoever wants to read them later: ``captured.jsonl``, one line a delivery, from when it is asked for.

Bodies are the data of whoever is drilled, so that nothing is kept unless the settings say where, and nothing before the file ``begin``
is there: it is looked for when the tap starts and at every SIGHUP. A line holds the content header's payload and the body as they
passed, in base64; a body above ``LARGEST_BODY`` is left out, and its line says its size. The file ends when it would grow above its bound,
and says so: it is never silently short.
"""

from __future__ import annotations

import os
import sys
import time
from binascii import b2a_base64
from pathlib import Path

LARGEST_BODY = 1 << 20
"""Octets."""


class Capture:
    """Writes captured messages to a file; one that is there already is gone on with.

    Args:
        output: the file.
        begin: the file whose presence says that messages are wanted from now on.
        most: octets that the file may take.

    Raises:
        OSError: the file cannot be opened.
    """

    def __init__(self, output: str, begin: str, most: int) -> None:
        self._begin, self._room = Path(begin), most
        self._file = Path(output).open("ab")  # noqa: SIM115  open for the life of the tap
        self._room -= os.fstat(self._file.fileno()).st_size
        self.on = False
        """Whether messages are wanted, and can be kept."""
        self._over = self._failed = False

    def look(self) -> None:
        """Begin, if that is asked for by now."""
        if not self.on and not self._over and self._begin.exists():
            self.on = True
            self._event("begin")
            self.flush()

    def take(self, prefix: str, header: bytes, body: bytes | None, size: int) -> None:
        """Keep one delivery.

        Args:
            prefix: link, peer, version, connection, channel, task and queue, as JSON that begins with a comma.
            header: the payload of its content header frame.
            body: None where it is too large to be kept.
            size: octets of the body.
        """
        content = f',"body":"{_base64(body)}"' if body is not None else f',"size":{size}'
        line = f'{{"at":{time.time_ns()},"event":"message"{prefix},"header":"{_base64(header)}"{content}}}\n'.encode()
        if len(line) > self._room:
            self._event("full")
            self._stop()
        else:
            self._write(line)

    def flush(self) -> None:
        """Hand what waits to the operating system."""
        try:
            self._file.flush()
        except OSError as error:
            self._fail(error)

    def end(self) -> None:
        """Write ``end``, the proof that nothing was left out but what the file says, and close the file."""
        if self.on:
            self._event("end")
        self.flush()
        self._stop()

    def _event(self, event: str) -> None:
        self._write(f'{{"at":{time.time_ns()},"event":"{event}"}}\n'.encode())

    def _write(self, line: bytes) -> None:
        self._room -= len(line)
        try:
            self._file.write(line)
        except OSError as error:
            self._fail(error)

    def _fail(self, error: OSError) -> None:
        if not self._failed:
            print(f"tap: cannot keep messages: {error}. Connections are still carried.", file=sys.stderr, flush=True)
        self._failed = True
        self._stop()

    def _stop(self) -> None:
        self.on, self._over = False, True


def _base64(octets: bytes) -> str:
    return b2a_base64(octets, newline=False).decode()
