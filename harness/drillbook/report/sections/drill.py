"""What the drill was, and how to run it again."""

from __future__ import annotations

from datetime import UTC, datetime

from drillbook.core.units import NANOSECONDS
from drillbook.report.formats import lasted
from drillbook.report.section import Facts, Reported, Section
from drillbook.report.source import ReportSource
from drillbook.scenario import Load

METHODS = {
    "isolation": "task isolation and feature gate",
    "transactional": "transactional processing",
    "messaging": "messaging: dead-letter queue and replay",
    "versioned-workers": "versioned workers and version routing",
    "rollback-script": "automated rollback script",
    "configuration": "configuration management",
}


def rows(run: Reported) -> list[tuple[str, str]]:
    """What the drill was, as rows of term and description."""
    source, time, seed = run.source, run.time, run.judgement.seed
    scenario = source.scenario
    found = [
        ("Method", METHODS.get(scenario.method or "", "")),
        ("Load", _load(scenario.load) if scenario.load else ""),
        ("When", datetime.fromtimestamp(time.t0 / NANOSECONDS, UTC).strftime("%-d %B %Y, %H:%M:%S UTC") if time else ""),
        ("Duration", _durations(source)),
        ("Seed", str(seed) if seed is not None else ""),
        ("Tags", ", ".join(scenario.tags)),
        ("Run directory", source.label),
    ]
    return [(term, description) for term, description in found if description]


def _load(load: Load) -> str:
    shares = ", ".join(f"{kind} {share:.0%}" for kind, share in load.types.items()) if len(load.types) > 1 else ""
    return f"{load.rate:g} tasks a second for {load.duration:g} s at least, {load.size:,} bytes each{f' ({shares})' if shares else ''}"


def _durations(source: ReportSource) -> str:
    rows = source.rows("select name, begin_at, end_at from phases where name <> 'drive' and end_at is not null order by end_at, begin_at")
    return ", ".join(f"{name} {lasted((end - begin) / NANOSECONDS)}" for name, begin, end in rows)


def _facts(run: Reported) -> Facts:
    return {"drill": rows(run)}


section = Section(
    "What the drill did",
    place=10,
    facts=_facts,
    link="Drill",
    about="method, load, length, and the command that runs it again with the same seed.",
)
