"""Follows ``published.jsonl`` while it grows: how many tasks are confirmed. It judges nothing."""

from __future__ import annotations

from pathlib import Path

from drillbook.evidence.appended import Appended

_CONFIRMED = b'"outcome":"ok"'
"""As the ledger writes it; within a text of a line the quotes would be escaped. A task has one such line at most."""


class LedgerTail:
    """What the load's ledger says so far.

    Args:
        path: the file; it need not be there yet.
    """

    def __init__(self, path: Path) -> None:
        self._appended, self._confirmed = Appended(path), 0

    def confirmed(self) -> int:
        """How many tasks are confirmed, of the whole lines that are there now."""
        self._confirmed += sum(_CONFIRMED in line for line in self._appended.lines())
        return self._confirmed
