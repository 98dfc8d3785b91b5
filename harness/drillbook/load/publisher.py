"""The load itself: sends every arrival at its intended time, or counts it.

An open model: arrivals come from the plan and never wait for the broker. Each ends with at least one ledger line:

- sent, however late (``sent_at`` says when): ``ok``, ``fail`` or ``unknown``, as the broker answers;
- over ``load.max_in_flight`` unresolved tasks: ``skipped``;
- while there is no usable connection it is kept back, within the same bound, and sent when there is one again; after
  ``load.confirm_within`` it is ``fail`` with the reason (``no connection``), never having been sent;
- when the load is stopped: unconfirmed is ``unknown``, kept back is ``fail``; what is not due yet has no line.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from random import Random
from typing import NamedTuple

import gevent  # type: ignore[import-untyped]

from drillbook.evidence.kinds.published import Outcome
from drillbook.load.backlog import Backlog, Backoff
from drillbook.load.control import Control
from drillbook.load.feature_flag import FeatureFlag
from drillbook.load.ledger import Ledger
from drillbook.load.message import MessageMaker
from drillbook.load.session import PublishSession
from drillbook.load.window import Attempt, Resolution
from drillbook.plan import Arrival, arrivals
from drillbook.scenario import Load

TICK = 0.005
"""Seconds between two looks at what is due."""
BATCH = 200
"""Sends after which confirms are let in."""
FLUSH_EVERY_NS = 20_000_000
STOPPED = "the load was stopped first"


class PublishResult(NamedTuple):
    """One outcome, as Locust's statistics take it."""

    type: str
    milliseconds: float
    """Since the intended time."""
    outcome: Outcome
    reason: str | None


class Publisher:
    """One load, from its start to its last outcome.

    Args:
        load: what to send.
        seed: of the drill.
        url: AMQP URL.
        ledger: takes the outcomes.
        control: tells when to start and when to stop.
        observe: called with every outcome, in gevent's hub.
        id_from: where messages carry their task's id, besides ``message_id``.
        gate: the feature flag that decides what tasks are published as.
    """

    def __init__(
        self,
        load: Load,
        seed: int,
        url: str,
        ledger: Ledger,
        control: Control,
        observe: Callable[[PublishResult], None] = lambda _: None,
        id_from: str = "message_id",
        gate: FeatureFlag | None = None,
    ) -> None:
        self._load, self._ledger, self._control, self._observe = load, ledger, control, observe
        self._arrivals = arrivals(load, seed)
        self._next: Arrival | None = next(self._arrivals, None)
        draw = Random(f"{seed} load")
        patience_ns = round(load.confirm_within * 1e9)
        self._backlog = Backlog(load.max_in_flight, load.attempts, patience_ns, Backoff(draw, first=0.1, longest=2.0))
        self.session = PublishSession(url, load.exchange, load.confirm_within, draw, self._resolve)
        self._messages = {type: MessageMaker(load, type, id_from) for type in load.types}
        self._gate = gate
        self._stopped_at: int | None = None
        self._flushed_at = 0

    def connect(self) -> bool:
        """Open the session, and wait for it and for the flag; False: told to stop, or orphaned, before."""
        self.session.open()
        while not self.session.usable or (self._gate is not None and not self._gate.ready):
            self._control.poll()
            if self._ended_early():
                return False
            gevent.sleep(TICK)
        return True

    def run(self) -> None:
        """Send all arrivals and wait for their outcomes; whatever happens, the ledger is complete at the end."""
        try:
            while (pause := self._tick(time.time_ns())) is not None:
                gevent.sleep(pause)
        finally:
            self._give_up(time.time_ns())

    def _tick(self, now: int) -> float | None:
        """One look at what is due; gives the seconds to the next one, None when all is done."""
        self._control.poll()
        if self._control.orphaned:
            return None
        if self._control.grace is not None:
            if self._stopped_at is None:
                self._stopped_at = now
                self._backlog.close()
            if now >= self._stopped_at + self._control.grace * 1e9:
                return None
        with self.session.batch():
            sent = self._send(now)
        self.session.expire(now)
        for attempt in self._backlog.overdue(now):
            self._resolve(Resolution(attempt, "fail", self.session.obstacle))
        if now - self._flushed_at >= FLUSH_EVERY_NS:
            self._flushed_at = now
            self._ledger.flush()
        if self._all_arrived() and not self._backlog.in_flight:
            return None
        return 0.0 if sent >= BATCH else TICK

    def _send(self, now: int) -> int:
        """Send what is kept back, then what arrives, a batch at most."""
        count = 0
        while count < BATCH and self.session.usable and (attempt := self._backlog.take(now)):
            self._publish(attempt)
            count += 1
        while count < BATCH and (arrival := self._due(now)):
            count += 1
            intended_at = (self._control.start_at or 0) + arrival.offset_ns
            admitted = self._backlog.admit(arrival, intended_at)
            if admitted is None:
                self._record(Attempt(arrival.task, arrival.type, 1, intended_at), "skipped", "over the bound in flight")
            elif self.session.usable:
                self._publish(admitted)
            else:
                self._backlog.hold(admitted, intended_at)
        return count

    def _due(self, now: int) -> Arrival | None:
        """Take the next arrival if its time has come, and had come before the load was stopped."""
        if not self._arrived_by(now if self._stopped_at is None else min(now, self._stopped_at)):
            return None
        arrival, self._next = self._next, next(self._arrivals, None)
        return arrival

    def _arrived_by(self, moment: int) -> bool:
        """Whether the next arrival is intended by then."""
        start_at = self._control.start_at
        return self._next is not None and start_at is not None and start_at + self._next.offset_ns <= moment

    def _all_arrived(self) -> bool:
        return self._next is None or (self._stopped_at is not None and not self._arrived_by(self._stopped_at))

    def _ended_early(self) -> bool:
        return self._control.orphaned or self._control.grace is not None

    def _publish(self, attempt: Attempt) -> None:
        if self._gate is not None and attempt.number == 1:  # tried again, it is the same message
            attempt.type = self._gate.type_of(attempt.type)
        message = self._messages[attempt.type]
        properties = message.properties(attempt.task, attempt.number, attempt.intended_at)
        attempt.sent_at = time.time_ns()
        self.session.publish(attempt, message.routing_key, message.body(attempt.task), properties)

    def _resolve(self, resolution: Resolution) -> None:
        now = self._record(*resolution)
        self._backlog.resolved(resolution.attempt, resolution.outcome, now)

    def _record(self, attempt: Attempt, outcome: Outcome, reason: str | None) -> int:
        now = time.time_ns()
        self._ledger.add(attempt.task, attempt.type, attempt.number, attempt.intended_at, attempt.sent_at, now, outcome, reason)
        self._observe(PublishResult(attempt.type, (now - attempt.intended_at) / 1e6, outcome, reason))
        return now

    def _give_up(self, now: int) -> None:
        """Give everything that was due its line, and leave the broker."""
        self._backlog.close()
        reason = STOPPED if self.session.usable else self.session.obstacle
        self.session.close(STOPPED)
        for attempt in self._backlog.give_up():
            self._resolve(Resolution(attempt, "fail", reason))
        while arrival := self._due(now):
            self._record(Attempt(arrival.task, arrival.type, 1, (self._control.start_at or 0) + arrival.offset_ns), "fail", STOPPED)
        self._ledger.flush()
