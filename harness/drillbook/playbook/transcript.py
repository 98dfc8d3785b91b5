"""The transcript of a program: every line of its output as it came, with its time and step; secrets replaced, endless output bounded.

``HH:MM:SS.mmm [step] text`` is a line of the program (``[-]`` outside every step), ``HH:MM:SS.mmm > text`` one of the drill. Times are UTC.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from drillbook.core.errors import HarnessError

LINE_BYTES = 64 * 1024
WHOLE_BYTES = 10 * 1024 * 1024
SECRET_BYTES = 1024
"""The longest secret that is replaced even where a line is cut."""


class LineBuffer:
    """Bytes as they are read, given back as whole lines of text.

    Bytes that are not UTF-8 are replaced. A line longer than ``LINE_BYTES`` is cut there, and says so.

    Args:
        redact: replaces the secrets in a line.
    """

    def __init__(self, redact: Callable[[str], str]) -> None:
        self._redact = redact
        self._rest = b""
        self._cutting = False

    def feed(self, data: bytes) -> Iterator[str]:
        """The lines that these bytes end; what is left waits for more."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            yield from self._line(line)
            self._cutting = False
        if len(self._rest) > LINE_BYTES:
            yield from self._line(self._rest)
            self._cutting, self._rest = True, b""

    def rest(self) -> Iterator[str]:
        """The last line, when it has no end."""
        if self._rest:
            yield from self._line(self._rest)
            self._rest = b""

    def _line(self, line: bytes) -> Iterator[str]:
        if self._cutting:
            return
        text = self._redact(line[:LINE_BYTES].removesuffix(b"\r").decode("utf-8", "replace")).replace("\r", " ")
        yield text if len(line) <= LINE_BYTES else f"{text[:-SECRET_BYTES]} … (the rest of this line is left out)"


class Transcript:
    """A transcript, written line by line.

    Args:
        path: the file; appended to, its folder made when it is not there.
        redact: replaces the secrets in a line.

    Raises:
        HarnessError: from every method, when the file cannot be written.
    """

    def __init__(self, path: Path, redact: Callable[[str], str]) -> None:
        self.path = path
        self._redact = redact
        self._bytes = 0
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("a", encoding="utf-8", errors="replace", newline="\n")
        except OSError as error:
            raise self._cannot(error) from error

    @property
    def full(self) -> bool:
        """Whether it takes no more lines of the program."""
        return self._bytes > WHOLE_BYTES

    def line(self, text: str, step: str | None) -> bool:
        """Write one line of the program's output; False once there is too much of it, and it is left out."""
        if self.full:
            return False
        self._bytes += len(text.encode("utf-8", "replace")) + 1
        self._write(f"[{step or '-'}] {text}")
        if self.full:
            self.note(f"more than {WHOLE_BYTES // 1024**2} MiB of output: the rest is left out")
        return True

    def note(self, text: str) -> None:
        """Write one line of the drill's own."""
        self._write(f"> {self._redact(text)}")

    def close(self) -> None:
        """Close the file; what could not be written has been told already."""
        with contextlib.suppress(OSError):
            self._file.close()

    def _write(self, text: str) -> None:
        try:
            self._file.write(f"{datetime.now(UTC).strftime('%H:%M:%S.%f')[:-3]} {text}\n")
            self._file.flush()
        except OSError as error:
            raise self._cannot(error) from error

    def _cannot(self, error: OSError) -> HarnessError:
        return HarnessError(
            f"cannot write the transcript {self.path}: {error.strerror}.", "Free disk space there, or choose another --output."
        )
