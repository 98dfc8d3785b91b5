"""The lifeline between the harness and the load process: commands come down a pipe, and its end means that the harness is gone."""

from __future__ import annotations

import os


class Control:
    """The load process's end: reads ``go <nanoseconds>`` and ``stop <seconds>``, a line each, without waiting.

    Args:
        descriptor: read end of the pipe.
        parent: process id of the harness; asked too, because a fork of it would keep the pipe open after its death.
    """

    def __init__(self, descriptor: int, parent: int) -> None:
        os.set_blocking(descriptor, False)
        self.start_at: int | None = None
        """When the arrivals start, nanoseconds since the epoch."""
        self.grace: float | None = None
        """Asked to stop: seconds to wait for confirms."""
        self.orphaned = False
        self._descriptor, self._parent, self._text = descriptor, parent, b""

    def poll(self) -> None:
        """Take what has come."""
        try:
            chunk = os.read(self._descriptor, 4096)
        except BlockingIOError:
            self.orphaned = self.orphaned or os.getppid() != self._parent
            return
        self.orphaned = self.orphaned or not chunk
        *lines, self._text = (self._text + chunk).split(b"\n")
        for line in lines:
            command, _, value = line.decode().partition(" ")
            if command == "go":
                self.start_at = int(value)
            elif command == "stop":
                self.stop(float(value))

    def stop(self, grace: float) -> None:
        """Ask to stop; the first asking counts."""
        self.grace = grace if self.grace is None else min(self.grace, grace)
