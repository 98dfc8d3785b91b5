"""Watches the broker while the stage is driven: its own counters over time, and what is declared on it before and after."""

from __future__ import annotations

import time
from collections import Counter as Tally
from collections.abc import Callable, Container
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Literal

from drillbook.core.errors import HarnessError
from drillbook.core.wait import until
from drillbook.drive.driven import DrivenBroker, DrivenStage
from drillbook.drive.watch import JOIN_WITHIN_SECONDS
from drillbook.evidence import RunDirectory, now
from drillbook.rabbitmq.metrics import Samples, at_rest, lines, restarted
from drillbook.rabbitmq.topology import Consumers, role, snapshot

METRICS_EVERY_SECONDS = 1.0
COUNTERS_REST_WITHIN_SECONDS = 30.0
CONSUMERS_BACK_WITHIN_SECONDS = 60.0
ELSEWHERE = "elsewhere"
"""The role of consumers that do not come through the tap."""


class MetricsWatch:
    """Writes the broker's own counters: over time and at the edges of phases, in a thread of its own; none while the broker is away.

    Args:
        client: a broker client of its own.
        failed: told of an error of the harness itself; the thread ends then.
    """

    def __init__(self, client: DrivenBroker, run: RunDirectory, failed: Callable[[Exception], None]) -> None:
        self._client, self._run, self._failed = client, run, failed
        self._edges: SimpleQueue[tuple[str, str] | None] = SimpleQueue()
        self._last: Samples = {}
        self._thread = Thread(target=self._loop, name="metrics", daemon=True)

    def start(self) -> MetricsWatch:
        """Begin."""
        self._run.touch("metrics")
        self._run.event("note", "metrics", "said", detail=f"the broker's counters are read every {METRICS_EVERY_SECONDS:g} s")
        self._thread.start()
        return self

    def edge(self, phase: str, edge: str) -> None:
        """Have a sample taken now, at the edge of a phase; whoever asks does not wait for it."""
        self._edges.put((phase, edge))

    def finish(self) -> None:
        """End, and take the last samples: once no counter moves any more, or at the latest after a few seconds."""
        sampling = self._thread.is_alive()
        self._edges.put(None)
        if not sampling:
            return
        self._thread.join(JOIN_WITHIN_SECONDS)
        try:
            self._rest()
        except ConnectionError as error:
            self._run.event("incomplete", "metrics", "from", detail=f"at the end: {error}")

    def _rest(self) -> None:
        found = self._client.metrics()

        def remains() -> bool:
            nonlocal found
            before, found = found, self._client.metrics()
            return at_rest(before, found)

        # Nothing consumes or publishes any more: what still moves is the broker itself, which dead-letters what its time is over for.
        until(remains, COUNTERS_REST_WITHIN_SECONDS, every=0.1)
        self._write(now(), found, "collect", "start")

    def _loop(self) -> None:
        try:
            due = time.monotonic()
            while True:
                try:
                    edge = self._edges.get(timeout=max(0.0, due - time.monotonic()))
                except Empty:
                    due = max(due + METRICS_EVERY_SECONDS, time.monotonic())
                    self._sample()
                else:
                    if edge is None:
                        return
                    self._sample(*edge)
        except Exception as error:
            self._failed(error)

    def _sample(self, phase: str | None = None, edge: str | None = None) -> None:
        try:
            found = self._client.metrics()
        except ConnectionError:
            return
        self._write(now(), found, phase, edge)

    def _write(self, at: int, found: Samples, phase: str | None, edge: str | None) -> None:
        # A counter that has come to the same number again after a restart has changed all the same.
        before = {} if restarted(self._last, found) else self._last
        self._run.append(*lines(at, before, found, phase, edge))
        self._last = found


def consumers_to_wait_for(before: Consumers, declared: Container[str]) -> set[tuple[str, str]]:
    """Who must be back, as queue and role: on queues of the stage. One that a worker declared for itself may have another name now. Pure.

    Args:
        before: who consumed.
        declared: the stage's queues.
    """
    return {(queue, role) for queue, role in before if queue in declared}


class TopologyWatch:
    """Writes what is declared on the broker and who consumes, at two moments of the drill."""

    def __init__(self, stage: DrivenStage, run: RunDirectory) -> None:
        self._stage, self._run = stage, run
        self._client = stage.new_broker()
        self._before: Consumers = {}

    def before(self) -> None:
        """The stage is ready, and nothing has been deployed."""
        self._before = self._consumers()
        self._write("before", self._before)

    def after(self, patient: bool) -> None:
        """The stage has settled, and the workers still run.

        Args:
            patient: wait until whoever consumed before does so again; a worker may need seconds to reconnect.
        """
        if patient:
            awaited = consumers_to_wait_for(self._before, self._stage.spec.broker.queues)
            until(lambda: awaited <= self._consumers().keys(), CONSUMERS_BACK_WITHIN_SECONDS, every=0.2)
        self._write("after", self._consumers())

    def _write(self, moment: Literal["before", "after"], consumers: Consumers) -> None:
        try:
            definitions = self._client.definitions()
            elsewhere = self._elsewhere([queue["name"] for queue in definitions["queues"]], consumers)
            self._run.append(*snapshot(now(), moment, definitions, {**consumers, **elsewhere}))
        except (ConnectionError, HarnessError) as error:
            self._run.event("incomplete", "topology", "from", detail=f"{moment} the drill: {error}")

    def _elsewhere(self, queues: list[str], consumers: Consumers) -> Consumers:
        """Consumers that the tap does not see, such as those of a shovel."""
        seen: Tally[str] = Tally()
        for (queue, _), count in consumers.items():
            seen[queue] += count
        counted = {queue: (self._client.depth(queue).consumers or 0) - seen[queue] for queue in queues}
        return {(queue, ELSEWHERE): count for queue, count in counted.items() if count > 0}

    def _consumers(self) -> Consumers:
        found: Tally[tuple[str, str]] = Tally()
        for (peer, queue), count in self._stage.wire.poll().consuming().items():
            if queue is not None:
                found[(queue, role(peer))] += count
        return found
