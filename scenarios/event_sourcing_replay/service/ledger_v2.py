"""The release that must be rolled back. It has two faults, as releases have: one that is loud and one that is not.

It wants to know the reason of a refund, which nobody sends yet: every refund fails. And it shows whole euros in the statement, so that the
balances drift away from what was booked.
"""

from __future__ import annotations

from consumer import HandlerError
from ledger_v1 import LedgerV1
from statement import Lines


class WholeEuros(Lines):
    def shown(self, cents: int) -> int:
        return cents // 100 * 100


class LedgerV2(LedgerV1):
    lines = WholeEuros

    def handle(self, message: str, kind: str) -> None:
        if kind == "refunded":
            self._ledger.start(message, self._by)
            self._ledger.fail(message, self._by, "a refund needs a reason")
            raise HandlerError("a refund needs a reason")
        super().handle(message, kind)


if __name__ == "__main__":
    LedgerV2().run()
