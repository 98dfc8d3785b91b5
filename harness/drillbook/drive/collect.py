"""Collecting after settling: effects, task states, the rollback script's ledger, every task that still remains somewhere, used links."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pika.exceptions import AMQPError

from drillbook.core.errors import HarnessError, UsageError
from drillbook.drive.driven import DrivenDatabase, DrivenStage
from drillbook.evidence import rows, sink_file
from drillbook.evidence.given import given
from drillbook.evidence.kinds import KINDS
from drillbook.evidence.kinds.effects import Effect
from drillbook.evidence.kinds.leftovers import Leftover
from drillbook.evidence.run_directory import RunDirectory
from drillbook.rabbitmq.leftovers import SeeRemaining
from drillbook.scenario import Effects, RunnableScenario

QUERY_SECONDS = 120.0
"""The longest any query of the scenario may take after settling."""
CHUNK = 1000
"""Lines written at once: what is read is never all in memory."""
AWAY = (OSError, ValueError, AMQPError, HarnessError, UsageError)
"""What keeps a source from being read; each becomes a sentence in the timeline."""


def queries(effects: Effects) -> dict[str | None, str]:
    """The effects queries by the name of their source; None: the only one, which has no name."""
    if effects.sources is None:
        return {None: effects.query}
    return {name: source.query for name, source in effects.sources.items() if source.query is not None}


def try_queries(scenario: RunnableScenario, stage: DrivenStage) -> None:
    """Ask for the columns of each query that is run after settling, so that one that cannot work is told before the load.

    Raises:
        UsageError: the database refuses a query, or it does not give what it must.
        ConnectionError: the database does not answer.
    """
    database = stage.database
    if database is None:
        return
    for source, query in queries(scenario.effects).items():
        _try(database, "effects", query, f"effects.sources.{source}.query" if source else "effects.query")
    for kind, table in (("states", scenario.states), ("handled", scenario.handled), ("outbox", scenario.outbox)):
        if table is not None:
            _try(database, kind, table.query, f"{kind}.query")


def collect(
    run: RunDirectory, stage: DrivenStage, scenario: RunnableScenario, state_directory: Path, look: SeeRemaining | None = None
) -> None:
    """Write effects, states, handled, leftovers and links, each to its file; the timeline says why where one of them may lack lines.

    Args:
        run: where evidence goes.
        stage: the stage, its workers and its sink stopped.
        scenario: what is read, and how.
        state_directory: where programs of the drill wrote what they know: cancelled tasks, and evidence that they give.
        look: shown each message that remains in a queue.
    """
    for found in _effect_sources(stage, scenario.effects):
        _keep(run, "effects", found)
    if scenario.states is not None and stage.database is not None:
        _keep(run, "states", rows.states(stage.database.stream(scenario.states.query, QUERY_SECONDS)))
    if scenario.handled is not None and stage.database is not None:
        _keep(run, "handled", rows.handled(stage.database.stream(scenario.handled.query, QUERY_SECONDS)))
    _keep(run, "leftovers", _held(stage))
    _keep(run, "leftovers", stage.leftovers(look))
    _keep(run, "leftovers", cancelled(state_directory / "cancelled"))
    if scenario.outbox is not None and stage.database is not None:
        _keep(run, "leftovers", rows.outbox(stage.database.stream(scenario.outbox.query, QUERY_SECONDS)))
    for stem, kind in KINDS.items():
        if kind.given:
            _keep(run, stem, given(kind, state_directory / f"{stem}.jsonl"))
    _keep(run, "links", stage.link_uses())


def cancelled(ledger: Path) -> Iterator[Leftover]:
    """Tasks that the playbook says it cancelled: one id a line in ``cancelled`` in its state directory."""
    if ledger.exists():
        with ledger.open(encoding="utf-8") as lines:
            for line in lines:
                if line.strip():
                    yield Leftover(task=line.strip(), queue=None, state="cancelled")


def _held(stage: DrivenStage) -> Iterator[Leftover]:
    """Tasks that a client still has; what a stopped worker had is back in its queue."""
    for delivery in stage.wire.poll().in_flight_tasks():
        yield Leftover(delivery.task or "(a message without an id)", delivery.queue, "unacked", holder=delivery.peer)


def _effect_sources(stage: DrivenStage, effects: Effects) -> Iterator[Iterable[Effect]]:
    if stage.database is not None:
        for source, query in queries(effects).items():
            yield rows.effects(stage.database.stream(query, QUERY_SECONDS), source)
    if effects.called:
        yield sink_file.calls(stage.run.path / sink_file.NAME)


def _keep(run: RunDirectory, stem: str, found: Iterable[Any]) -> None:
    """Write what is found as it comes; what keeps the rest from coming makes this evidence incomplete."""
    chunk: list[Any] = []
    run.touch(stem)
    try:
        for record in found:
            chunk.append(record)
            if len(chunk) == CHUNK:
                run.append(*chunk)
                chunk.clear()
    except AWAY as error:
        run.event("incomplete", stem, "from", detail=str(error) or repr(error))
    run.append(*chunk)


def _try(database: DrivenDatabase, kind: str, query: str, key: str) -> None:
    try:
        rows.check_columns(kind, database.columns(query))
    except UsageError as error:
        raise UsageError(f"{key}: {error.message}", error.hint) from error
