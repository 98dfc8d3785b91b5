"""Settling: faults lifted and load stopped, a wait until nothing moves any more, or the deadline."""

from __future__ import annotations

import time
from dataclasses import dataclass

from harness.errors import UsageError
from harness.scenario.model import Scenario
from harness.stage.stage import Stage

ASK_EVERY_SECONDS = 0.2
PATIENCE_WITH_RESTING_TASKS = 5
"""Tasks that rest in a queue may only wait for a consumer that reconnects: quiet must then last this many times longer."""


@dataclass(frozen=True)
class Stillness:
    """What must not change while the stage is quiet, and what is still to be done."""

    moves: int
    effects: int
    depths: tuple[int | None, ...]
    in_flight: int
    resting: bool
    """Tasks wait in a queue that is not a dead-letter queue."""


def settle(scenario: Scenario, stage: Stage) -> float:
    """Wait until the stage is quiet.

    Returns:
        Seconds waited, at most what the scenario allows.
    """
    begin = time.monotonic()
    last: Stillness | None = None
    since = begin
    while time.monotonic() - begin < scenario.settle.within:
        time.sleep(ASK_EVERY_SECONDS)
        found = look(scenario, stage)
        if found is None or found != last:
            last, since = found, time.monotonic()
        elif found.in_flight == 0:
            needed = scenario.settle.quiet_for * (PATIENCE_WITH_RESTING_TASKS if found.resting else 1)
            if time.monotonic() - since >= needed:
                break
    return time.monotonic() - begin


def look(scenario: Scenario, stage: Stage) -> Stillness | None:
    """One look at the stage; None while a service does not answer."""
    assert scenario.stage is not None
    queues = scenario.stage.broker.queues
    dead = dead_letter_queues(scenario)
    try:
        depths = {queue: stage.broker.depth(queue).ready for queue in queues}
        effects = count_effects(scenario, stage)
    except ConnectionError:
        return None
    wire = stage.wire.poll()
    resting = any(depths[queue] for queue in queues if queue not in dead)
    return Stillness(wire.moves, effects, tuple(depths.values()), wire.in_flight, resting)


def count_effects(scenario: Scenario, stage: Stage) -> int:
    """How many effects there are now.

    Raises:
        UsageError: the query is refused.
    """
    if stage.database is None:
        return 0
    number = stage.database.number(f"select count(*) from ({scenario.effects.query.rstrip('; ')}) as effects")  # noqa: S608
    if number is None:
        raise UsageError("the effects query cannot be counted.")
    return int(number)


def dead_letter_queues(scenario: Scenario) -> set[str]:
    """Queues where refused tasks are sent, by the scenario's own words."""
    if scenario.stage is None:
        return set()
    return {queue.dead_letter_to for queue in scenario.stage.broker.queues.values() if queue.dead_letter_to}
