"""What a client tells the broker on a channel, and when the broker minds it: at once, or in a transaction when it is committed.

In a transaction (``tx.select``) publishes and settlements get their lines when the client's ``tx.commit`` passes, in their order: the
broker does them then, and what comes of them may pass on other connections before its ``commit-ok`` does. ``commit`` is the line of that
answer; where it is missing, the broker may or may not have done it, as with every publish that nothing confirms. A rollback, or the end
of the channel, leaves no line of what was in the transaction (https://www.rabbitmq.com/docs/semantics#tx).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class LineSink(Protocol):
    """Where lines go, each from its event's name on: ``ack","link":"…"``."""

    def write(self, line: str) -> None: ...
    def extend(self, lines: list[str]) -> None: ...


class ClientLines:
    """The lines of what one client tells on one channel."""

    def __init__(self, lines: LineSink) -> None:
        self._lines = lines
        self.waiting: list[str] = []
        """The lines of the transaction at hand."""
        self.in_transaction = False
        self.write: Callable[[str], None] = lines.write
        """Adds a line, now or at the commit."""
        self.extend: Callable[[list[str]], None] = lines.extend
        """Adds several."""

    def select(self) -> None:
        self.in_transaction = True
        self.write, self.extend = self.waiting.append, self.waiting.extend

    def commit(self) -> None:
        if self.waiting:
            self._lines.extend(self.waiting)
        self.waiting.clear()

    def discard(self) -> None:
        """What was told since the last commit is void."""
        self.waiting.clear()
