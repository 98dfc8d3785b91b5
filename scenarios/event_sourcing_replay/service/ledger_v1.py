"""The consumer `ledger`: books each payment once, and keeps the statement up to date.

A payment's account and amount would be in the message's body. The load of a drill has no such body, so they are drawn from the payment's
id: always the same for the same payment.
"""

from __future__ import annotations

import os
from zlib import crc32

from consumer import Consumer
from model import open_ledger
from statement import Lines, Statement, catch_up

ACCOUNTS = 20


class LedgerV1:
    """What version 1 does with a message."""

    lines: type[Lines] = Lines

    def __init__(self) -> None:
        self._by = os.environ["WORKER"]
        self._ledger = open_ledger()
        self._lines = self.lines(Statement(self._ledger.datastore), self._by)
        self._idempotent = os.environ.get("IDEMPOTENT", "on") != "off"

    def run(self) -> None:
        try:
            Consumer(self.handle, self.give_up, self.keep_statement).run()
        finally:
            self._ledger.close()  # or the threads of its connection pool keep the process alive

    def handle(self, message: str, kind: str) -> None:
        if self._ledger.start(message, self._by) or not self._idempotent:
            book = self._ledger.book if self._idempotent else self._ledger.book_again
            book(message, *self.read(message, kind), self._by)
        self.keep_statement()

    def read(self, message: str, kind: str) -> tuple[str, int]:
        """The account and the cents of a payment."""
        drawn = crc32(message.encode())
        cents = 100 + drawn % 10_000
        return f"account-{drawn % ACCOUNTS:02}", -cents if kind == "refunded" else cents

    def give_up(self, message: str, reason: str) -> None:
        self._ledger.fail(message, self._by, reason)

    def keep_statement(self) -> None:
        catch_up(self._ledger, self._lines)


if __name__ == "__main__":
    LedgerV1().run()
