"""The story of a task: every moment the evidence has of it, in words and in time order, and who has the task from each on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from drillbook.judge.database import Database
from drillbook.judge.holding import Told, with_holders
from drillbook.judge.verdict import Moment

LONGEST = 60
"""Moments of one story; of a longer one the first and the last are told."""

_ON_THE_WIRE = """
create temp table told_wire as  -- one pass over the largest file; what has no task may touch any of them
select * from wire where event in ('close', 'purge', 'delete') or task in (from told)
"""

_MOMENTS = """
with ended as (select coalesce((select begin_at from phases where name = 'collect'), (select max("at") from told_until)) as "at"),
deliveries_of as (
  select task, peer, connection, channel, min(seq) as seq from told_wire where event = 'deliver' group by task, peer, connection, channel
)
select "at", evidence, what, move, who, queue, connection, channel, task from (
    select task, coalesce(sent_at, intended_at) as "at", 1 as rank, attempt as place, 'published' as evidence,
           case when outcome = 'skipped' then 'skipped: too many publishes were in flight'
                when sent_at is null then 'not sent' || coalesce(': ' || reason, '')
                else 'published' || case when attempt > 1 then ' again' else '' end || ' with the key ' || routing_key end as what,
           case when outcome <> 'skipped' and sent_at is not null then 'send' end as move,
           'load' as who, null as queue, null as connection, null as channel
    from published semi join told using (task)
    union all
    select task, resolved_at, 5, attempt, 'published',
           case outcome when 'ok' then 'confirmed' when 'fail' then 'refused by the broker' else 'never confirmed: outcome unknown' end
             || coalesce(': ' || reason, ''),
           case outcome when 'ok' then 'keep' when 'fail' then 'fail' end, 'load', null, null, null
    from published semi join told using (task) where sent_at is not null and outcome <> 'skipped'
    union all
    select task, "at", case event when 'publish' then 1 when 'deliver' then 2 else 4 end, seq, 'wire',
           case event
             when 'publish' then 'published by ' || coalesce(peer, 'a client')
                                 || coalesce(' to ' || coalesce(nullif(exchange, ''), routing_key), '')
             when 'confirm' then case when ok is false then 'refused to ' else 'confirmed to ' end || coalesce(peer, 'a client')
             when 'return' then 'returned as unroutable to ' || coalesce(peer, 'a client') || coalesce(': ' || reason, '')
             when 'deliver' then 'delivered to ' || coalesce(peer, 'a consumer')
                                 || case when version_of(null, peer) is null then coalesce(' (' || version || ')', '') else '' end
                                 || coalesce(' from ' || queue, '') || case when redelivered then ', redelivered' else '' end
             when 'ack' then 'acknowledged by ' || coalesce(peer, 'a consumer')
             when 'fault' then 'the fault "' || coalesce(rule, '') || '" meets it: ' || coalesce(reason, 'something was done')
                               || coalesce(' at ' || peer, '')
             else 'refused by ' || coalesce(peer, 'a consumer')
                  || case when coalesce(requeue, event = 'nack') then ' and put back' else ' and not put back' end end,
           case event when 'publish' then 'send' when 'confirm' then case when ok is false then 'fail' else 'keep' end
             when 'deliver' then 'take' when 'ack' then 'settle'
             when 'nack' then case when coalesce(requeue, true) then 'back' else 'refuse' end
             when 'reject' then case when requeue then 'back' else 'refuse' end end,
           peer, coalesce(queue, case when exchange = '' then routing_key end), connection, channel
    from told_wire
    where event in ('deliver', 'ack', 'nack', 'reject', 'fault')
       or (event in ('publish', 'confirm', 'return') and ($whole or peer is distinct from 'load'))
    union all
    select deliveries_of.task, wire."at", 4, wire.seq, 'wire',
           'the ' || case when wire.channel is null then 'connection' else 'channel' end || ' of ' || coalesce(wire.peer, 'a consumer')
             || ' ended' || coalesce(': ' || reason, ''),
           'end', wire.peer, null, wire.connection, wire.channel
    from told_wire as wire
    join deliveries_of on wire.event = 'close' and wire.connection = deliveries_of.connection and wire.seq > deliveries_of.seq
         and (wire.channel is null or wire.channel is not distinct from deliveries_of.channel)
    union all
    select told.task, wire."at", 4, seq, 'wire',
           coalesce(peer, 'a client') || case event when 'purge' then ' purged ' else ' deleted ' end || queue
             || coalesce(' with ' || counted("count") || ' in it', ''),
           'gone', null, queue, null, null
    from told_wire as wire, told where event in ('purge', 'delete')
    union all
    select effects.task, "at", 3, 0, 'effects',
           case when call is null or (call.task = effects.task and call.moment = "at")
                then 'done by ' || coalesce(worker, 'a worker') || coalesce(' (' || effects.version || ')', '')
                     || coalesce(', in ' || effects.source, '')
                     || case when effects.key <> effects.task then ', key ' || effects.key else '' end
                else format('not done again by {}: its call, in {}, had the key {} that {} had used before', coalesce(worker, 'a worker'),
                            effects.source, effects.key, case when call.task = effects.task then 'a call' else call.task end) end,
           case when call is null or call.task = effects.task then 'done' end, worker, null, null, null
    from (from effects semi join told using (task)) as effects
    left join first_calls on first_calls.source = effects.source and first_calls.key = effects.key
    union all
    select distinct task, stops."at", 6, 0, 'timeline',
           stops.name || ' ' || case stops.state when 'killed' then 'was killed' else stops.state end,
           'stop', stops.name, null, null, null
    from (select distinct task, peer, "at" from told_wire where event = 'deliver') as deliveries
    asof join stops on stops.name = peer and stops."at" >= deliveries."at"
    union all
    select task, coalesce(states."at", ended."at"), 7, 0, 'states',
           'its state ' || case when states."at" is null then 'is ' else 'became ' end || state
             || coalesce(', by ' || worker, '') || coalesce(' (' || version || ')', ''),
           null, null, null, null, null
    from ended, states semi join told using (task)
    union all
    select task, handled."at", 6, 0, 'handled',
           'the rollback script decided on it: ' || decision || coalesce(', by the rule "' || rule || '"', '')
             || case when done_at is null then '; its ledger does not say that this was done' else '' end,
           null, null, null, null, null
    from handled semi join told using (task)
    union all
    select task, ended."at", 8, 0, 'leftovers',
           resting(state, queue) || coalesce(', held by ' || holder, '')
             || coalesce(' (' || history || ')', ' (' || reason || ')', '')
             || case when deaths > 1 and history is null then format(', dead-lettered {} times', deaths) else '' end,
           case when state in ('outbox', 'cancelled') then 'aside' else 'rest' end,
           case when state = 'unacked' then coalesce(holder, 'a consumer') end,
           case state when 'outbox' then 'the outbox' when 'cancelled' then 'the cancel ledger' else queue end, null, null
    from ended, leftovers semi join told using (task)
    union all
    select task, ended."at", 9, 0, 'leftovers', 'no effect was found, and it rests nowhere', 'lost', null, null, null, null
    from ended, tasks semi join told using (task)
    where $whole and outcome <> 'skipped' and effects = 0 and rests_in is null
      and not exists (select 1 from evidence where name in ('effects', 'leftovers') and state = 'missing')
)
order by task, "at", rank, place, what
"""

_LATEST = """
create temp table told_until as
select greatest((select max(resolved_at) from published), (select max("at") from effects), (select max("at") from wire),
                (select max("at") from timeline), 0) as "at"
"""


def stories(database: Database, tasks: Iterable[str], whole: bool = False) -> dict[str, tuple[Moment, ...]]:
    """Tell the stories of some tasks.

    Args:
        database: the evidence with its views.
        tasks: ids.
        whole: nothing is left out: no moment of a long story, and not what the wire has of a publish that the ledger tells already.
    """
    wanted = sorted(set(tasks))
    database.make(_MOMENTS, ours=True)
    with database.undone() as connection:
        connection.execute("create temp table told as select unnest($tasks::varchar[]) as task", {"tasks": wanted})
        connection.execute(_ON_THE_WIRE)
        connection.execute(_LATEST)
        told: dict[str, list[Told]] = defaultdict(list)
        for *fields, task in connection.execute(_MOMENTS, {"whole": whole}).fetchall():
            told[task].append(Told(*fields))
    watched = not database.execute("from evidence where name = 'wire' and state = 'missing'").fetchall()
    found = {task: with_holders(told[task], watched) for task in wanted}
    return {task: tuple(moments) if whole else _shortened(moments) for task, moments in found.items()}


def step_moments(database: Database) -> dict[str, list[Moment]]:
    """When each step of the playbook began and ended, to be told in the stories of what went wrong in it."""
    moments: dict[str, list[Moment]] = defaultdict(list)
    for name, begin_at, end_at in database.execute("select name, begin_at, end_at from steps order by begin_at, name").fetchall():
        moments[name].append(Moment(begin_at, f'step "{name}" begins', evidence="timeline"))
        if end_at is not None:
            moments[name].append(Moment(end_at, f'step "{name}" ends', evidence="timeline"))
    return moments


def _shortened(moments: list[Moment]) -> tuple[Moment, ...]:
    if len(moments) <= LONGEST:
        return tuple(moments)
    half = LONGEST // 2
    left_out = Moment(moments[half].at, f"… {len(moments) - 2 * half:,} more moments …")
    return (*moments[:half], left_out, *moments[-half:])
