"""Publishes that wait for their confirm, and what each becomes. Pure: no socket, no clock.

The protocol facts it stands on (RabbitMQ, "Consumer Acknowledgements and Publisher Confirms"): a channel in confirm mode numbers its
publishes from 1; one confirm settles one number, or with ``multiple`` every number up to it, 0 meaning all; a mandatory message that
no queue takes is returned *before* it is confirmed. Each number is settled once here, whatever comes later: a confirm after the
timeout changes nothing, because the ledger has said ``unknown`` already.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from drillbook.evidence.kinds.published import Outcome


@dataclass(slots=True)
class Attempt:
    """One try to publish one task."""

    task: str
    type: str
    number: int
    """1 for the first."""
    intended_at: int
    """When the schedule wanted the task sent, nanoseconds since the epoch."""
    sent_at: int | None = None


class Resolution(NamedTuple):
    """What became of an attempt."""

    attempt: Attempt
    outcome: Outcome
    reason: str | None = None


class Window:
    """The publishes of one channel in confirm mode; another channel needs another window.

    Args:
        confirm_within_ns: nanoseconds after which an unconfirmed publish is unknown.
    """

    def __init__(self, confirm_within_ns: int) -> None:
        self.proven = False
        """The broker has confirmed something on this channel."""
        self._confirm_within_ns = confirm_within_ns
        self._waiting: dict[int, Attempt] = {}
        self._returned: dict[tuple[str, int], str] = {}
        self._oldest = self._next = 1

    def __len__(self) -> int:
        return len(self._waiting)

    def sent(self, attempt: Attempt) -> int:
        """Note a publish, in the order of publishing; its ``sent_at`` is set. Gives its number on the channel."""
        tag = self._next
        self._waiting[tag] = attempt
        self._next = tag + 1
        return tag

    def returned(self, task: str, number: int, reason: str) -> None:
        """Note that the broker gave a publish back; its confirm, which follows, makes it a failure.

        Args:
            task: the task's id.
            number: of the attempt, 1 for the first.
            reason: as the broker says it, ``NO_ROUTE``.
        """
        self._returned[task, number] = f"returned: {reason}"

    def confirmed(self, tag: int, multiple: bool = False, refused: bool = False) -> list[Resolution]:
        """Settle one publish, or with `multiple` all up to it.

        Args:
            tag: the number on the channel; 0 with `multiple` means all.
            multiple: everything up to and with `tag`.
            refused: a nack: the broker did not take them.
        """
        self.proven = True
        if not multiple:
            attempt = self._waiting.pop(tag, None)
            return [self._settled(attempt, refused)] if attempt else []
        last = min(tag, self._next - 1) if tag else self._next - 1
        taken = [attempt for number in range(self._oldest, last + 1) if (attempt := self._waiting.pop(number, None))]
        self._oldest = max(self._oldest, last + 1)
        return [self._settled(attempt, refused) for attempt in taken]

    def overdue(self, now: int) -> list[Resolution]:
        """Give up waiting for what was sent too long ago: unknown, for the broker may have it."""
        found = []
        while self._oldest < self._next:
            attempt = self._waiting.get(self._oldest)
            if attempt is not None:
                if (attempt.sent_at or 0) + self._confirm_within_ns > now:
                    break
                del self._waiting[self._oldest]
                found.append(Resolution(attempt, "unknown", f"not confirmed within {self._confirm_within_ns / 1e9:g} s"))
            self._oldest += 1
        return found

    def lost(self, outcome: Outcome, reason: str) -> list[Resolution]:
        """Settle all that waits, because its channel is gone."""
        found = [Resolution(attempt, outcome, reason) for attempt in self._waiting.values()]
        self._waiting.clear()
        return found

    def _settled(self, attempt: Attempt, refused: bool) -> Resolution:
        returned = self._returned.pop((attempt.task, attempt.number), None) if self._returned else None
        if returned or refused:
            return Resolution(attempt, "fail", returned or "refused by the broker (nack)")
        return Resolution(attempt, "ok")
