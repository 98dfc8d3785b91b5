"""Whether the deployment brought something to roll back: each version that it started was given a task before the playbook.

*Started*: a worker's container was started between the beginning of the deployment and that of the playbook (where the playbook may begin
before: the end of the deployment), and by no fault. *Given*: the wire shows a delivery to such a worker, of a task or from a queue of the
stage, and not of a task that a scheduler published. Versions that consume nothing are not asked, and a deployment that starts nothing is
asked only for the versions that were not started before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import duckdb

from drillbook.judge.machine import starved
from drillbook.scenario import Deployment, Scenario

_ALWAYS = 9_000_000_000_000_000_000

_STARTED = """
with starts as (
  select version_of(version, name) as version, name, "at", "at" >= $begin and ("at" < $end or ("at" < $until
             and list_contains($new::varchar[], version_of(version, name)))) and not exists (
           select 1 from faults where list_contains(string_split(faults.target, ', '), timeline.name)
             and timeline."at" between begin_at and coalesce(cleared_at, $end)) as deployed
  from timeline where event = 'container' and state = 'started' and starts_with(name, 'workers.')
),
beats as (  -- tasks of a scheduler: a container that publishes, and is never given any; an outbox's relay looks the same
  select task from wire where event = 'publish' and starts_with(peer, 'workers.') and task is not null and not declared('outbox')
    and peer not in (select peer from wire where event = 'deliver' and peer is not null)
),
workers as (select version, name, min("at") as first_at, min("at") filter (deployed) as "at" from starts group by all)
select workers.version, min(first_at), min(workers."at"), count(wire.seq)
from workers left join wire on wire.event = 'deliver' and wire.peer = workers.name and wire."at" >= workers."at" and wire."at" < $end
  and (wire.task is not null or list_contains($queues::varchar[], wire.queue)) and (wire.task is null or wire.task not in (from beats))
group by workers.version order by workers.version
"""


class _Version(NamedTuple):
    """Workers that ran."""

    name: str
    first_at: int
    """When the first of them was started, by whom ever."""
    deployed_at: int | None
    """When the deployment started the first; None: it started none."""
    given: int
    """Deliveries since, up to the playbook."""


def idle(
    database: duckdb.DuckDBPyConnection, scenario: Scenario, spec: Deployment, deployment: Sequence[Any], playbook: Sequence[Any] | None
) -> tuple[list[str], list[str]]:
    """Why there was nothing to roll back, and what is to be said of a drill that may be so.

    Args:
        database: the evidence with its views.
        scenario: what was declared.
        spec: its deployment.
        deployment: of its phase the beginning, and how and when it ended.
        playbook: of its phase the beginning; None: it has none.

    Returns:
        Reasons, each the end of a sentence; and notes, whole sentences.
    """
    workers = scenario.stage.workers if scenario.stage else {}
    queues = list(scenario.stage.broker.queues) if scenario.stage else []
    early = scenario.playbook is not None and scenario.playbook.start.while_deploying
    end = playbook[0] if playbook else _ALWAYS
    until = end if not early else deployment[1] or _ALWAYS
    new = [version for version, worker in workers.items() if not worker.started]
    given = {"begin": deployment[0], "end": end, "until": until, "queues": queues, "new": new}
    found = [_Version(*row) for row in database.execute(_STARTED, given).fetchall()]
    deployed = any(version.deployed_at for version in found)
    began = {version.name: version.first_at for version in found}
    never = [
        f"the deployment did not start {version}: {'the playbook was the first to' if version in began else 'none of its workers ran'}"
        for version, worker in workers.items()
        if not worker.started and not (worker.may_exit and deployed)
        if version not in began or (began[version] >= end and not deployed and not spec.may_idle)
    ]
    asked = [one for one in found if one.deployed_at and not one.given and (one.name not in workers or workers[one.name].consumes)]
    if not asked:
        return never, []
    doubt = _doubt(database)
    if spec.may_idle or early:
        return never, [] if doubt else [f"{_idle(one.name)}." for one in asked]
    return never + ([doubt] if doubt else [f"{_idle(one.name)}{starved(database, one.deployed_at or 0, end)}" for one in asked]), []


def _idle(version: str) -> str:
    return f"{version}, which the deployment started, was given no task before the playbook began"


def _doubt(database: duckdb.DuckDBPyConnection) -> str:
    row = database.execute("select reason from evidence where name = 'wire' and state <> 'complete'").fetchone()
    return f"nothing tells whether the versions that the deployment started were given tasks: {row[0]}" if row else ""
