"""Settling: faults lifted and load stopped, a wait until nothing moves any more, or the deadline."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import Any

from harness.evidence.collect import queries
from harness.scenario.model import Broker, Scenario
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
    depths: tuple[int | None, ...]
    waiting: bool
    """Tasks wait in a queue that is not a dead-letter queue, or a worker holds some."""
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
    dead, delaying = dead_letter_queues(broker), delay_queues(broker)
    try:
        depths = {queue: stage.broker.depth(queue).ready for queue in broker.queues}
        effects = count_effects(scenario, stage)
    except ConnectionError:
        return None
    wire = stage.wire.poll()
    return Stillness(
        moves=wire.moves,
        effects=effects,
        depths=tuple(depths.values()),
        waiting=wire.in_flight > 0 or any(depths[queue] for queue in depths if queue not in dead),
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


def dead_letter_queues(broker: Broker) -> set[str]:
    """Queues where refused tasks end, by the scenario's own words: a queue that delays passes its tasks on and is none."""
    found: set[str] = set()
    delaying = delay_queues(broker)
    for name, queue in broker.queues.items():
        if name in delaying:
            continue
        settings = _settings(broker, name)
        exchange, key = settings.get("dead-letter-exchange"), settings.get("dead-letter-routing-key")
        if queue.dead_letter_to is not None:
            found.add(queue.dead_letter_to)
        elif exchange == "":
            found |= {key for key in [key] if key in broker.queues}
        elif exchange is not None:
            found |= {binding.to for binding in broker.bindings if binding.source == exchange and binding.to in broker.queues}
    return found - delaying


def delay_queues(broker: Broker) -> set[str]:
    """Queues whose tasks go elsewhere by themselves when their time to live is over."""
    return {
        name
        for name, queue in broker.queues.items()
        if "message-ttl" in _settings(broker, name) and ("dead-letter-exchange" in _settings(broker, name) or queue.dead_letter_to)
    }


def _settings(broker: Broker, queue: str) -> dict[str, Any]:
    """What arguments and policies say of a queue; arguments win, as with the broker (rabbitmq.com/docs/policies)."""
    matching = [policy for policy in broker.policies.values() if policy.apply_to != "exchanges" and re.search(policy.pattern, queue)]
    policy = max(matching, key=lambda policy: policy.priority).definition if matching else {}
    return {**policy, **{name.removeprefix("x-"): value for name, value in broker.queues[queue].arguments.items()}}
