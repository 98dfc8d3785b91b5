"""Tasks in flight, from their arrival to their last outcome, and those of them that wait to be sent. Pure: no socket, no clock.

The load is an open model: the schedule never waits for the broker. So there is a bound on tasks in flight, above which an arrival is
skipped and counted so. A task keeps its place while it waits for a connection and between two attempts, so that an outage can
neither hide arrivals nor pile up retries.
"""

from __future__ import annotations

from heapq import heappop, heappush
from random import Random

from drillbook.evidence.kinds.published import Outcome
from drillbook.load.window import Attempt
from drillbook.plan import Arrival


class Backoff:
    """Delays that double from `first` to `longest` seconds, each between half and the whole of it by chance.

    Args:
        draw: the chance, so that a seed gives the same delays.
        first: seconds.
        longest: seconds.
    """

    def __init__(self, draw: Random, first: float, longest: float) -> None:
        self._draw, self._first, self._longest = draw, first, longest
        self._failures = 0

    def next(self) -> float:
        """Seconds to wait after one more failure."""
        self._failures += 1
        return self.after(self._failures)

    def after(self, failures: int) -> float:
        """Seconds to wait after so many failures."""
        return min(self._longest, self._first * 2.0 ** min(failures - 1, 30)) * self._draw.uniform(0.5, 1)

    def reset(self) -> None:
        """It works again: the next delay is the first one."""
        self._failures = 0


class Backlog:
    """Who is in flight, who is kept back, who is tried again.

    Args:
        bound: tasks in flight at most.
        attempts: how often a task is tried in all.
        patience_ns: nanoseconds that an attempt waits to be sent before it fails.
        backoff: delay between two attempts of a task.
    """

    def __init__(self, bound: int, attempts: int, patience_ns: int, backoff: Backoff) -> None:
        self.in_flight = 0
        self._bound, self._attempts, self._patience_ns, self._backoff = bound, attempts, patience_ns, backoff
        self._held: list[tuple[int, int, Attempt]] = []
        self._order = 0
        self._closed = False

    def admit(self, arrival: Arrival, intended_at: int) -> Attempt | None:
        """Take a task in flight, as its first attempt; None: over the bound, skipped."""
        if self.in_flight >= self._bound:
            return None
        self.in_flight += 1
        return Attempt(arrival.task, arrival.type, 1, intended_at)

    def hold(self, attempt: Attempt, ready_at: int) -> None:
        """Keep an attempt that may be sent from `ready_at` on, and fails when it still is here its patience later."""
        self._order += 1
        heappush(self._held, (ready_at, self._order, attempt))

    def take(self, now: int) -> Attempt | None:
        """The attempt kept back that is to be sent next; None when none is ready."""
        return heappop(self._held)[2] if self._held and self._held[0][0] <= now else None

    def overdue(self, now: int) -> list[Attempt]:
        """Take out the attempts whose patience is over: they fail unsent."""
        found = []
        while self._held and self._held[0][0] + self._patience_ns <= now:
            found.append(heappop(self._held)[2])
        return found

    def resolved(self, attempt: Attempt, outcome: Outcome, now: int) -> None:
        """An attempt has its outcome: hold the next one, or let the task go."""
        if outcome == "ok" or attempt.number >= self._attempts or self._closed:
            self.in_flight -= 1
            return
        ready_at = now + round(self._backoff.after(attempt.number) * 1e9)
        self.hold(Attempt(attempt.task, attempt.type, attempt.number + 1, attempt.intended_at), ready_at)

    def close(self) -> None:
        """Stop trying again: retries not sent yet are dropped (their tasks have an outcome), first attempts stay kept back."""
        self._closed = True
        kept = [entry for entry in self._held if entry[2].number == 1]
        self.in_flight -= len(self._held) - len(kept)
        self._held = sorted(kept)

    def give_up(self) -> list[Attempt]:
        """Take out every attempt kept back."""
        found = [attempt for _, _, attempt in sorted(self._held)]
        self._held = []
        return found
