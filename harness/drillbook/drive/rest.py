"""Whether a stage has come to rest, told from looks at it; and where it has not, what still moved. Pure.

*Still*: from the end of one look to the beginning of a later one nothing changed: no task moved on the wire, no effect was added, no row
came to or left the outbox, no queue's depth changed. A scheduler's own tasks (``evidence.origins``) do not count, nor what they may have
done to a depth. A look that takes long proves no more than a short one, so rest needs several looks, however long each takes.

*At rest*: still for as long as the scenario says, ``PATIENCE`` times as long where something waits: a task in a queue where it may not
rest, in the outbox or with a client. A task in a queue that delays is certain to move, so there is no rest before it has.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from drillbook.drive.movers import named_movers
from drillbook.evidence.wire_tail import Move

PATIENCE = 5
"""Quiet must last this many times longer where tasks wait, which may only be for a consumer that reconnects, or where a worker still has
one, which may be a long one."""
LEAST_LOOKS = 3
"""Of the same, for rest: one long look is one observation."""
MOVED, EFFECTS, OUTBOX = "tasks still moved", "effects were still added", "the outbox still changed"
"""What can change, in words; and a queue's depth."""


@dataclass(frozen=True)
class Terms:
    """What rest is in one scenario."""

    quiet_for: float
    """Seconds."""
    remaining: frozenset[str] = frozenset()
    """Queues where a task may remain for good."""
    delays: Mapping[str, float | None] = field(default_factory=dict)
    """Queues that delay, each with its time to live in seconds; None: not known."""


@dataclass(frozen=True)
class Look:
    """What one look found."""

    asked: float
    """When it began, in seconds of a clock that only goes on."""
    answered: float
    """When it had ended."""
    moves: int = 0
    """Of tasks that count, on the wire, since the drill began."""
    scheduled_moves: int = 0
    """Of schedulers' own tasks."""
    effects: int = 0
    """Those of schedulers' own tasks left out."""
    outbox: int = 0
    held: int = 0
    """Deliveries that no one has settled."""
    depths: Mapping[str, int | None] = field(default_factory=dict)
    """Ready tasks by queue; None: there is no such queue now."""


class Rest:
    """Shown one look after the other, it says whether the stage is at rest.

    Args:
        terms: what rest is here.
    """

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._last: Look | None = None
        self._looks = 0
        """Those in a row that found no change."""
        self._still_from = self._in_queues_from = 0.0
        """Since when nothing has changed; since when nothing can have come into a queue."""
        self._steps = (0, 0)
        """Moves of schedulers' own tasks between the last looks."""
        self._changes: list[tuple[float, str]] = []

    def see(self, look: Look | None) -> None:
        """Take a look into account; None: a service did not answer, so that nothing is known of this moment."""
        before, self._last = self._last, look
        if look is None:
            return
        self._steps = (look.scheduled_moves - before.scheduled_moves if before else 0, self._steps[0])
        changes = self._changed(before, look) if before else []
        self._changes += [(look.answered, change) for change in changes]
        self._looks = 1 if before is None or changes else self._looks + 1
        if self._looks == 1:
            self._still_from = look.answered
        if self._looks == 1 or self._steps[0] or before is None or before.depths != look.depths:
            self._in_queues_from = look.answered

    @property
    def still(self) -> float:
        """For how many seconds nothing has changed, as far as the looks prove it."""
        return max(0.0, self._last.asked - self._still_from) if self._last is not None else 0.0

    @property
    def needed(self) -> float:
        """For how many seconds nothing may change, as things are."""
        return self._terms.quiet_for * (PATIENCE if self.waiting else 1)

    @property
    def waiting(self) -> list[str]:
        """What waits where no task may remain, in words."""
        if self._last is None:
            return []
        places = {f"in {queue}": count for queue, count in self._restless().items()}
        places |= {"in the outbox": self._last.outbox, "with a client": self._last.held}
        return [f"{_tasks(count)} {place}" for place, count in places.items() if count]

    @property
    def delayed(self) -> dict[str, int]:
        """How many tasks each queue has that will move them by itself."""
        return {queue: count for queue, count in self._restless().items() if queue in self._terms.delays}

    @property
    def come(self) -> bool:
        """The stage is at rest."""
        return self._looks >= LEAST_LOOKS and not self.delayed and self.still >= self.needed

    def due(self) -> list[str]:
        """Where a delay is all that is waited for: until when, a sentence a queue."""
        quiet = self._looks >= LEAST_LOOKS and self.still >= self._terms.quiet_for
        return [self._due(queue, count) for queue, count in self.delayed.items()] if quiet else []

    def why_not(self, moves: Sequence[Move]) -> str:
        """Why there is no rest, in words.

        Args:
            moves: the last moves on the wire of tasks that count, in order.
        """
        if self._last is None:
            return "the broker or the database did not answer"
        needed = self._terms.quiet_for if self.delayed else self.needed
        reasons = self._movement(moves, needed) if self.still < needed else []
        reasons += [self._due(queue, count) for queue, count in self.delayed.items()]
        if not self.delayed and self._terms.quiet_for <= self.still < needed:
            reasons.append(f"still {', '.join(self.waiting)}, for which {needed:g} s without a change are needed")
        if not reasons and self._looks < LEAST_LOOKS:
            reasons.append(f"there was no time for {LEAST_LOOKS} looks without a change: the last one took {self._took:.1f} s")
        return "; ".join(reasons) or f"there was no change for {self.still:.1f} s, and {needed:g} s are needed"

    # Inside

    def _changed(self, before: Look, look: Look) -> list[str]:
        """What is otherwise than at the look before, each in words."""
        changes = [MOVED] if look.moves != before.moves else []
        if look.effects != before.effects:
            changes.append(EFFECTS)
        if look.outbox != before.outbox:
            changes.append(OUTBOX)
        queues = sorted(before.depths.keys() | look.depths.keys())
        return changes + [
            f"the depth of {queue} still changed" for queue in queues if self._flows(before.depths.get(queue), look.depths.get(queue))
        ]

    def _flows(self, before: int | None, depth: int | None) -> bool:
        """Whether a depth changed by more than a scheduler's own tasks can have changed it.

        The wire is read after the depths, so that the line of a move may have come one look before the depth that it changed.
        """
        if before is None or depth is None:
            return before is not depth
        return abs(depth - before) > sum(self._steps)

    def _movement(self, moves: Sequence[Move], seconds: float) -> list[str]:
        """What changed lately: the movers, and what they do not say already."""
        assert self._last is not None
        movers = named_movers(moves)
        lately = dict.fromkeys(change for at, change in self._changes if self._last.asked - at < seconds)
        silent = [change for change in lately if not movers or change in (EFFECTS, OUTBOX)]
        return movers + silent

    def _restless(self) -> dict[str, int]:
        """How many tasks there are in each queue where none may remain."""
        depths = self._last.depths if self._last is not None else {}
        return {queue: depth for queue, depth in depths.items() if depth and queue not in self._terms.remaining}

    @property
    def _took(self) -> float:
        return self._last.answered - self._last.asked if self._last is not None else 0.0

    def _due(self, queue: str, count: int) -> str:
        assert self._last is not None
        longest, one = self._terms.delays[queue], count == 1
        if longest is None:
            return f"{_tasks(count)} {'waits' if one else 'wait'} in {queue} until {'its' if one else 'their'} time to live is over"
        left = math.ceil(self._in_queues_from + longest - self._last.answered)
        if left > 0:
            return f"{_tasks(count)} in {queue} {'is' if one else 'are'} due in at most {left:,} s"
        return f"{_tasks(count)} in {queue} should have moved on by now: its time to live is {longest:g} s"


def _tasks(count: int) -> str:
    return f"{count:,} {'task' if count == 1 else 'tasks'}"
