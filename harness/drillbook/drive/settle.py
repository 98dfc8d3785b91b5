"""Settling: faults cleared and load stopped, a wait until nothing moves any more, or the deadline. What rest is, is ``rest``'s to say."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial

from drillbook.core.wait import until
from drillbook.drive.collect import queries
from drillbook.drive.driven import DrivenStage
from drillbook.drive.rest import Look, Rest, Terms
from drillbook.evidence.run_directory import now
from drillbook.evidence.wire_tail import Move, Tally
from drillbook.rabbitmq.queue_roles import delays, resting_queues
from drillbook.scenario import RunnableScenario

ASK_EVERY_SECONDS = 0.2
LEAST_MOVERS_SECONDS = 10.0
"""Of what moved last this much is told at least, where rest does not come."""
MOST_TRIES = 10
"""To count the effects that are not a scheduler's, while it makes new tasks: on a busy machine a count takes as long as its pause."""
TAP_SILENT_SECONDS = 10.0
"""A tap that lives writes a line a second."""


@dataclass(frozen=True)
class Settled:
    """How settling ended."""

    seconds: float
    restless: str | None
    """Why the stage did not come to rest in the time it was given; None: it did."""


def settle(scenario: RunnableScenario, stage: DrivenStage, say: Callable[[str], object]) -> Settled:
    """Wait until the stage is at rest, or the scenario's time is over.

    Args:
        scenario: with a stage.
        stage: started; faults are cleared, the load has stopped.
        say: told once that tasks are delayed, and until when.
    """
    began, begin = now(), time.monotonic()
    rest, told = Rest(terms(scenario)), False
    while True:
        time.sleep(ASK_EVERY_SECONDS)
        rest.see(look(scenario, stage))
        waited = time.monotonic() - begin
        if rest.come:
            return Settled(waited, None)
        if waited >= scenario.settle.within:
            return Settled(waited, rest.why_not(_last_moves(stage, began, 3 * rest.needed)))
        if not told and (due := rest.due()):
            told = True
            say("; ".join(due))


def terms(scenario: RunnableScenario) -> Terms:
    """What rest is in this scenario."""
    broker = scenario.stage.broker
    return Terms(scenario.settle.quiet_for, frozenset(resting_queues(broker, scenario.invariants)), delays(broker))


def look(scenario: RunnableScenario, stage: DrivenStage) -> Look | None:
    """One look at the stage; None while a service does not answer."""
    asked = time.monotonic()
    try:
        depths = {queue: stage.broker.depth(queue).ready for queue in scenario.stage.broker.queues}
        outbox = stage.database.count(scenario.outbox.query) if stage.database is not None and scenario.outbox is not None else 0
        effects, tally = _effects(scenario, stage)
    except ConnectionError:
        return None
    return Look(
        asked,
        answered=time.monotonic(),
        moves=tally.moves - tally.scheduled_moves,
        scheduled_moves=tally.scheduled_moves,
        effects=effects,
        outbox=outbox,
        held=tally.in_flight,
        depths=depths,
    )


def count_effects(scenario: RunnableScenario, stage: DrivenStage, without: Collection[str] = ()) -> int:
    """How many effects there are now, in all sources.

    Args:
        scenario: says where effects are.
        stage: started.
        without: tasks whose effects do not count.

    Raises:
        UsageError: a query is refused.
        ConnectionError: the database does not answer.
    """
    called = stage.sink.poll().calls(without) if stage.sink is not None else 0
    if stage.database is None:
        return called
    return called + sum(stage.database.count(query, without) for query in queries(scenario.effects).values())


def _effects(scenario: RunnableScenario, stage: DrivenStage) -> tuple[int, Tally]:
    """Effects that are not of a scheduler's own tasks, and the wire at a moment after they were counted.

    A task that a scheduler made while they were counted may be among them: then they are counted again. An effect may be there before the
    tap has written of its task, so that only what it wrote of a later moment tells which tasks there were.
    """
    known = set(stage.wire.poll().tally().scheduled)
    for _ in range(MOST_TRIES):
        effects, counted = count_effects(scenario, stage, known), now()
        if known:
            until(partial(_has_told, stage, counted), TAP_SILENT_SECONDS)
        tally = stage.wire.poll().tally()
        made = {task for task, at in tally.scheduled.items() if at <= counted}
        if made <= known:
            break
        known = made
    return effects, tally


def _has_told(stage: DrivenStage, moment: int) -> bool:
    return stage.wire.poll().told >= moment


def _last_moves(stage: DrivenStage, began: int, seconds: float) -> list[Move]:
    since = max(began, now() - round(max(LEAST_MOVERS_SECONDS, seconds) * 1e9))
    return [move for move in stage.wire.poll().last_moves(since) if not move.scheduled]
