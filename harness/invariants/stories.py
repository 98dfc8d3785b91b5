"""The story of a task: every moment the evidence has of it, in words and in time order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import duckdb

from harness.invariants.verdict import Moment

LONGEST = 60
"""Moments of one story; of a longer one the first and the last are told."""

_MOMENTS = """
select task, "at", what from (
    select task, coalesce(sent_at, intended_at) as "at", 1 as rank, attempt as place,
           case when outcome = 'skipped' then 'skipped: too many publishes were in flight'
                when sent_at is null then 'not sent' || coalesce(': ' || reason, '')
                else 'published' || case when attempt > 1 then ' again' else '' end || ' with the key ' || routing_key end as what
    from published semi join told using (task)
    union all
    select task, resolved_at, 5, attempt,
           case outcome when 'ok' then 'confirmed' when 'fail' then 'refused by the broker' else 'never confirmed: outcome unknown' end
             || coalesce(': ' || reason, '')
    from published semi join told using (task) where sent_at is not null and outcome <> 'skipped'
    union all
    select task, "at", case event when 'publish' then 1 when 'deliver' then 2 else 4 end, seq,
           case event
             when 'publish' then 'published by ' || coalesce(peer, 'a client')
                                 || coalesce(' to ' || coalesce(nullif(exchange, ''), routing_key), '')
             when 'confirm' then case when ok is false then 'refused to ' else 'confirmed to ' end || coalesce(peer, 'a client')
             when 'return' then 'returned as unroutable to ' || coalesce(peer, 'a client')
             when 'deliver' then 'delivered to ' || coalesce(peer, 'a consumer') || coalesce(' from ' || queue, '')
                                 || case when redelivered then ', redelivered' else '' end
             when 'ack' then 'acknowledged by ' || coalesce(peer, 'a consumer')
             else 'refused by ' || coalesce(peer, 'a consumer')
                  || case when coalesce(requeue, event = 'nack') then ' and put back' else ' and not put back' end end
    from wire semi join told using (task)
    where event in ('deliver', 'ack', 'nack', 'reject') or (event in ('publish', 'confirm', 'return') and peer is distinct from 'load')
    union all
    select task, "at", 3, 0, 'done by ' || coalesce(worker, 'a worker') || coalesce(' (' || version || ')', '')
    from effects semi join told using (task)
    union all
    select task, stops."at", 6, 0, stops.name || ' ' || case stops.state when 'killed' then 'was killed' else stops.state end
    from (select distinct task, peer, "at" from wire semi join told using (task) where event = 'deliver') as deliveries
    asof join stops on stops.name = peer and stops."at" >= deliveries."at"
    union all
    select task, coalesce((select begin_at from phases where name = 'collect'), (select max("at") from told_until)), 7, 0,
           resting(state, queue) || coalesce(' (' || reason || ')', '')
    from leftovers semi join told using (task)
)
order by task, "at", rank, place, what
"""

_LATEST = """
create temp table told_until as
select greatest((select max(resolved_at) from published), (select max("at") from effects), (select max("at") from wire),
                (select max("at") from timeline), 0) as "at"
"""


def stories(database: duckdb.DuckDBPyConnection, tasks: Iterable[str]) -> dict[str, tuple[Moment, ...]]:
    """Tell the stories of some tasks.

    Args:
        database: the evidence with its views.
        tasks: ids.
    """
    wanted = sorted(set(tasks))
    database.execute("begin")
    try:
        database.execute("create temp table told as select unnest($tasks::varchar[]) as task", {"tasks": wanted})
        database.execute(_LATEST)
        told: dict[str, list[Moment]] = defaultdict(list)
        for task, at, what in database.execute(_MOMENTS).fetchall():
            told[task].append(Moment(at, what))
    finally:
        database.execute("rollback")
    return {task: _shortened(told[task]) for task in wanted}


def step_moments(database: duckdb.DuckDBPyConnection) -> dict[str, list[Moment]]:
    """When each step of the playbook began and ended, to be told in the stories of what went wrong in it."""
    moments: dict[str, list[Moment]] = defaultdict(list)
    for name, begin_at, end_at in database.execute("select name, begin_at, end_at from steps order by begin_at, name").fetchall():
        moments[name].append(Moment(begin_at, f'step "{name}" begins'))
        if end_at is not None:
            moments[name].append(Moment(end_at, f'step "{name}" ends'))
    return moments


def _shortened(moments: list[Moment]) -> tuple[Moment, ...]:
    if len(moments) <= LONGEST:
        return tuple(moments)
    half = LONGEST // 2
    left_out = Moment(moments[half].at, f"… {len(moments) - 2 * half:,} more moments …")
    return (*moments[:half], left_out, *moments[-half:])
