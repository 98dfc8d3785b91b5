"""What was redelivered and what came of it, where effects were left, and who did the work."""

from __future__ import annotations

from dataclasses import dataclass

from drillbook.report.section import Facts, Reported, Section
from drillbook.report.series import Axis
from drillbook.report.source import ReportSource


@dataclass(frozen=True)
class Work:
    """What one worker did."""

    version: str
    worker: str
    effects: int
    first: float
    last: float
    """Seconds since the start of the drive."""


@dataclass(frozen=True)
class Redeliveries:
    """How often the broker gave a task out again, and what came of it."""

    deliveries: int
    redelivered: int
    tasks: int
    """Tasks that were redelivered at least once."""
    doubled: int
    """Of them, those with more than one effect."""
    doubled_otherwise: int
    """Tasks with more than one effect that were never redelivered."""


@dataclass(frozen=True)
class SourceCounts:
    """One place where tasks leave effects."""

    name: str
    kind: str
    """query or http."""
    types: tuple[str, ...] | None
    """The task types that leave an effect there; None: all."""
    effects: int
    repeated: int
    """Of them: calls with a key that was used before, which do nothing."""
    tasks: int
    doubled: int
    """Of them: with more than one effect there, repeated calls not counted."""


def work(source: ReportSource, time: Axis) -> list[Work]:
    """Effects by worker."""
    rows = source.rows(
        "select coalesce(version, '—'), coalesce(worker, '—'), count(*), min(\"at\"), max(\"at\") from effects group by 1, 2 order by 1, 2"
    )
    return [Work(version, worker, effects, time.seconds(first), time.seconds(last)) for version, worker, effects, first, last in rows]


def redeliveries(source: ReportSource) -> Redeliveries | None:
    """Counted from the wire; None where nothing watched it."""
    if not source.has("wire"):
        return None
    row = source.rows(
        """
        with again as (select distinct task from wire where event = 'deliver' and redelivered and task is not null),
             doubled as (select task from done_tasks where effects > 1)
        select (select count(*) from wire where event = 'deliver'), (select count(*) from wire where event = 'deliver' and redelivered),
               (select count(*) from again), (select count(*) from doubled where task in (from again)),
               (select count(*) from doubled where task not in (from again))
        """
    )[0]
    return Redeliveries(*row)


def sources(source: ReportSource) -> list[SourceCounts]:
    """The sources of effects, where the scenario names several; empty where it has but one."""
    rows = source.rows("""
        with mine as (select source, task, count(*) as effects from done group by source, task),
             read as (select source, count(*) as effects from effects group by source)
        select sources.name, kind, types, coalesce(any_value(read.effects), 0) as effects,
               coalesce(any_value(read.effects), 0) - coalesce(sum(mine.effects), 0)::bigint, count(mine.task),
               count(*) filter (mine.effects > 1)
        from sources left join mine on mine.source = sources.name left join read on read.source = sources.name
        where sources.name is not null group by sources.name, kind, types order by sources.name
    """)
    return [SourceCounts(name, kind, types and tuple(types), *counts) for name, kind, types, *counts in rows]


def _facts(run: Reported) -> Facts:
    return {
        "redeliveries": redeliveries(run.source),
        "effect_sources": sources(run.source),
        "work": work(run.source, run.time) if run.time else [],
    }


section = Section(
    "Idempotency and versions",
    place=90,
    facts=_facts,
    link="Idempotency",
    about="what was redelivered and done again, the sources of effects, and who did the work.",
)
