"""Whether the deployment brought something to roll back: each version that it started was given a task before the playbook.

*Started*: a worker's container was started between the beginning of the deployment and that of the playbook, and by no fault. *Given*:
the wire shows a delivery to such a worker, of a task or from a queue of the stage. Versions that consume nothing are not asked, and a
deployment that starts nothing is asked only for the versions that were not started before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb

from drillbook.judge.machine import starved
from drillbook.scenario import Scenario

_STARTED = """
with starts as (
  select version_of(version, name) as version, name, "at", "at" >= $begin and "at" < $end and not exists (
           select 1 from faults where list_contains(string_split(faults.target, ', '), timeline.name)
             and timeline."at" between begin_at and coalesce(lifted_at, $end)) as deployed
  from timeline where event = 'container' and state = 'started' and starts_with(name, 'workers.')
),
workers as (select version, name, min("at") filter (deployed) as "at" from starts group by all)
select workers.version, min(workers."at"), count(wire.seq)
from workers left join wire on wire.event = 'deliver' and wire.peer = workers.name and wire."at" >= workers."at" and wire."at" < $end
  and (wire.task is not null or list_contains($queues::varchar[], wire.queue))
group by workers.version order by workers.version
"""


def idle(
    database: duckdb.DuckDBPyConnection, scenario: Scenario, deployment: Sequence[Any], playbook: Sequence[Any] | None
) -> tuple[list[str], list[str]]:
    """Why there was nothing to roll back, and what is to be said of a drill that may be so.

    Args:
        database: the evidence with its views.
        scenario: with a deployment.
        deployment: of its phase the beginning, and how and when it ended.
        playbook: of its phase the beginning; None: it has none.

    Returns:
        Reasons, each the end of a sentence; and notes, whole sentences.
    """
    workers = scenario.stage.workers if scenario.stage else {}
    queues = list(scenario.stage.broker.queues) if scenario.stage else []
    end = playbook[0] if playbook else 9_000_000_000_000_000_000
    found = database.execute(_STARTED, {"begin": deployment[0], "end": end, "queues": queues}).fetchall()
    started = {version for version, _, _ in found}
    deployed = any(at for _, at, _ in found)
    never = [
        f"the deployment did not start {version}: none of its workers ran"
        for version, spec in workers.items()
        if not spec.started and version not in started and not (spec.may_exit and deployed)
    ]
    asked = [(version, at) for version, at, given in found if at and not given and (version not in workers or workers[version].consumes)]
    if not asked:
        return never, []
    assert scenario.deployment is not None
    doubt = _doubt(database)
    if scenario.deployment.may_idle or (scenario.playbook and scenario.playbook.start.while_deploying):
        return never, [] if doubt else [f"{_idle(version)}." for version, _ in asked]
    return never + ([doubt] if doubt else [f"{_idle(version)}{starved(database, at, end)}" for version, at in asked]), []


def _idle(version: str) -> str:
    return f"{version}, which the deployment started, was given no task before the playbook began"


def _doubt(database: duckdb.DuckDBPyConnection) -> str:
    row = database.execute("select reason from evidence where name = 'wire' and state <> 'whole'").fetchone()
    return f"nothing tells whether the versions that the deployment started were given tasks: {row[0]}" if row else ""
