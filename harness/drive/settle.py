"""Settling: faults lifted and load stopped, a wait until nothing moves any more, or the deadline."""

from __future__ import annotations

import time
from dataclasses import dataclass

from harness.evidence.collect import queries
from harness.scenario.model import Scenario
from harness.stage.queue_roles import dead_letter_queues, delay_queues
from harness.stage.stage import Stage

ASK_EVERY_SECONDS = 0.2
PATIENCE = 5
"""Quiet must last this many times longer where tasks still rest in a queue, which may only wait for a consumer that reconnects, or where a
worker still holds one, which may be a long one."""


@dataclass(frozen=True)
class Stillness:
    """What must not change while the stage is quiet, and what is still to be done."""

    moves: int
    effects: int
    outbox: int
    depths: tuple[int | None, ...]
    waiting: bool
    """Tasks wait in the outbox or in a queue that is neither a dead-letter queue nor a stream (which keeps what it has), or a worker holds
    some."""
    delayed: bool
    """Tasks wait in a queue that will move them by itself when their time to live is over."""


def settle(scenario: Scenario, stage: Stage) -> tuple[float, bool]:
    """Wait until the stage is quiet.

    Returns:
        Seconds waited, and whether it came to rest: False where the scenario's time was over before.
    """
    begin = since = time.monotonic()
    last: Stillness | None = None
    while True:
        time.sleep(ASK_EVERY_SECONDS)
        found, asked = look(scenario, stage), time.monotonic()
        if found is None or found != last:
            last, since = found, asked
        elif not found.delayed and asked - since >= scenario.settle.quiet_for * (PATIENCE if found.waiting else 1):
            return asked - begin, True
        if asked - begin >= scenario.settle.within:
            return asked - begin, False


def look(scenario: Scenario, stage: Stage) -> Stillness | None:
    """One look at the stage; None while a service does not answer."""
    assert scenario.stage is not None
    broker = scenario.stage.broker
    delaying = delay_queues(broker)
    kept = dead_letter_queues(broker) | {name for name, queue in broker.queues.items() if queue.type == "stream"}
    try:
        depths = {queue: stage.broker.depth(queue).ready for queue in broker.queues}
        effects = count_effects(scenario, stage)
        outbox = stage.database.count(scenario.outbox.query) if stage.database is not None and scenario.outbox is not None else 0
    except ConnectionError:
        return None
    wire = stage.wire.poll()
    return Stillness(
        moves=wire.moves,
        effects=effects,
        outbox=outbox,
        depths=tuple(depths.values()),
        waiting=wire.in_flight > 0 or outbox > 0 or any(depths[queue] for queue in depths if queue not in kept),
        delayed=any(depths[queue] for queue in delaying),
    )


def count_effects(scenario: Scenario, stage: Stage) -> int:
    """How many effects there are now, in all sources.

    Raises:
        UsageError: a query is refused.
        ConnectionError: the database does not answer.
    """
    called = stage.sink.poll().calls if stage.sink is not None else 0
    if stage.database is None:
        return called
    return called + sum(stage.database.count(query) for query in queries(scenario.effects).values())
