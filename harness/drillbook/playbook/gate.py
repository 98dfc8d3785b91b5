"""The harness's side of the gate: an inherited socket on which a program says where it is, and waits to be let go."""

from __future__ import annotations

import fcntl
import os
import socket
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

_LOWEST = 200
"""Scripts that number their own files keep below this."""


@dataclass(frozen=True)
class Edge:
    """A program waits at the begin or the end of a step."""

    step: str
    begins: bool
    exit_code: int | None = None
    """Of an end; None where it did not say."""
    skipped: bool = False
    """Of an end: the program says that it did nothing."""


class Gate(ABC):
    """One program's gate. Closing it ends a program that waits, so that none outlives the drill."""

    environment: Mapping[str, str]
    """Tells the program of its gate."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair()
        self.theirs = fcntl.fcntl(theirs, fcntl.F_DUPFD_CLOEXEC, _LOWEST)
        """The descriptor that the program inherits under the same number."""
        theirs.close()
        self._socket.setblocking(False)
        self._rest = b""

    @abstractmethod
    def edge(self, line: str) -> Edge:
        """What one line of the program means."""

    def fileno(self) -> int:
        """For a selector."""
        return self._socket.fileno()

    def started(self) -> None:
        """The program has inherited its end."""
        os.close(self.theirs)
        self.theirs = -1

    def edges(self) -> list[Edge] | None:
        """The edges where the program, or one of its subshells, waits now; None when nobody can come any more."""
        try:
            data = self._socket.recv(65536)
        except BlockingIOError:
            return []
        except ConnectionResetError:
            return None
        if not data:
            return None
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [self.edge(line.decode("utf-8", "replace")) for line in lines]

    def let_go(self) -> None:
        """Let one waiting program, or subshell, go on."""
        try:
            self._socket.send(b"g")
        except OSError:
            return  # it died while it waited

    def close(self) -> None:
        """Nobody is let go any more."""
        self._socket.close()
        if self.theirs >= 0:
            self.started()
