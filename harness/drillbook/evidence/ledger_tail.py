"""Follows ``published.jsonl`` while it grows: how many tasks are confirmed. It judges nothing."""

from __future__ import annotations

from pathlib import Path

_CONFIRMED = b'"outcome":"ok"'
"""As the ledger writes it; within a text of a line the quotes would be escaped. A task has one such line at most."""


class LedgerTail:
    """What the load's ledger says so far.

    Args:
        path: the file; it need not be there yet.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._offset, self._rest = path, 0, b""
        self._confirmed = 0

    def confirmed(self) -> int:
        """How many tasks are confirmed, of the whole lines that are there now."""
        if self._path.exists():
            with self._path.open("rb") as file:
                file.seek(self._offset)
                chunk = file.read()
            self._offset += len(chunk)
            whole, newline, self._rest = (self._rest + chunk).rpartition(b"\n")
            self._confirmed += (whole + newline).count(_CONFIRMED)
        return self._confirmed
