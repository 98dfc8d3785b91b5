"""The story of a task: every moment the evidence has of it, in words and in time order, and who has the task from each on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from drillbook.evidence.kinds import KINDS
from drillbook.judge.database import EvidenceDatabase
from drillbook.judge.holders import ToldMoment, with_holders
from drillbook.judge.verdict import StoryMoment

LONGEST = 60
"""Moments of one story; of a longer one the first and the last are told."""

_ON_THE_WIRE = """
create temp table told_wire as  -- one pass over the largest file; what has no task may touch any of them
select * from wire where event in ('close', 'purge', 'delete') or task in (from told)
"""

_MOMENTS = f"""
with ended as (select coalesce((select begin_at from phases where name = 'collect'), (select max("at") from told_until)) as "at"),
deliveries_of as (
  select task, peer, connection, channel, min(seq) as seq from told_wire where event = 'deliver' group by task, peer, connection, channel
)
select "at", evidence, what, move, who, queue, connection, channel, task
from ({" union all ".join(kind.moments for kind in KINDS.values() if kind.moments)})
order by task, "at", rank, place, what
"""  # noqa: S608 the texts of the kinds

_LATEST = f"""
create temp table told_until as
select greatest({", ".join(f'(select max("{kind.latest}") from {stem})' for stem, kind in KINDS.items() if kind.latest)}, 0) as "at"
"""  # noqa: S608


def stories(database: EvidenceDatabase, tasks: Iterable[str], whole: bool = False) -> dict[str, tuple[StoryMoment, ...]]:
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
        told: dict[str, list[ToldMoment]] = defaultdict(list)
        for *fields, task in connection.execute(_MOMENTS, {"whole": whole}).fetchall():
            told[task].append(ToldMoment(*fields))
    watched = not database.execute("from evidence where name = 'wire' and state = 'missing'").fetchall()
    found = {task: with_holders(told[task], watched) for task in wanted}
    return {task: tuple(moments) if whole else _shortened(moments) for task, moments in found.items()}


def step_moments(database: EvidenceDatabase) -> dict[str, list[StoryMoment]]:
    """When each step of the playbook began and ended, to be told in the stories of what went wrong in it."""
    moments: dict[str, list[StoryMoment]] = defaultdict(list)
    for name, begin_at, end_at in database.execute("select name, begin_at, end_at from steps order by begin_at, name").fetchall():
        moments[name].append(StoryMoment(begin_at, f'step "{name}" begins', evidence="timeline"))
        if end_at is not None:
            moments[name].append(StoryMoment(end_at, f'step "{name}" ends', evidence="timeline"))
    return moments


def _shortened(moments: list[StoryMoment]) -> tuple[StoryMoment, ...]:
    if len(moments) <= LONGEST:
        return tuple(moments)
    half = LONGEST // 2
    left_out = StoryMoment(moments[half].at, f"… {len(moments) - 2 * half:,} more moments …")
    return (*moments[:half], left_out, *moments[-half:])
