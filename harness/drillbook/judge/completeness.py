"""Whether each evidence is there and complete: what lets the judge say `held` at all.

Evidence is ``missing`` when its file is not there, and ``incomplete`` when something says that lines may be missing from it. An empty file
is complete: it was collected, and nothing was found.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb

from drillbook.evidence.kind import Kind
from drillbook.evidence.kinds import KINDS
from drillbook.judge.machine import starved
from drillbook.judge.tables import ONE_SOURCE, Source
from drillbook.scenario import Scenario

EvidenceState = tuple[str, str, str]
"""Name, ``complete`` | ``incomplete`` | ``missing``, and why."""

NOT_AT_REST = "the stage did not come to rest within the time it was given (settle.within)"
"""Then what is read after settling was read too early: what was in flight is in neither effects nor leftovers."""


def declared(scenario: Scenario) -> list[str]:
    """The sections of a drill that a scenario declares: what it does not declare is not demanded."""
    sections = {
        "stage": scenario.stage,
        "load": scenario.load,
        "deployment": scenario.deployment,
        "faults": scenario.faults,
        "playbook": scenario.playbook,
        "outbox": scenario.outbox,
    }
    return [name for name, section in sections.items() if section]


def sources(scenario: Scenario) -> list[Source]:
    """Where the scenario has effects read from."""
    return [(name, "http" if source.http else "query", source.types) for name, source in (scenario.effects.sources or {}).items()] or [
        ONE_SOURCE
    ]


def states(database: duckdb.DuckDBPyConnection, run_directory: Path, cut: set[str], scenario: Scenario) -> list[EvidenceState]:
    """The state of each evidence.

    Args:
        database: the loaded evidence, before any view.
        run_directory: where the files are.
        cut: stems of files with a half-written last line.
        scenario: what was declared.
    """
    found = []
    for stem, kind in KINDS.items():
        if not (run_directory / f"{stem}.jsonl").exists():
            found.append((stem, "missing", f"there is no {stem}.jsonl"))
            continue
        cut_short = f"the last line of {stem}.jsonl is half-written" if stem in cut else ""
        reason = cut_short or _incompleteness(database, stem, kind, run_directory, declared(scenario))
        found.append((stem, "incomplete" if reason else "complete", reason))
    return found


def not_at_rest(database: duckdb.DuckDBPyConnection) -> str:
    """That the stage did not come to rest, and why where the timeline says it; empty where it did."""
    row = database.execute(
        """select "at", detail, coalesce((select max("at") from timeline where event = 'phase' and name = 'settle' and state = 'begin'), 0)
           from timeline where event = 'phase' and name = 'settle' and state = 'timeout' limit 1"""
    ).fetchone()
    if row is None:
        return ""
    at, detail, begin_at = row
    return f"{NOT_AT_REST}{f': {detail}' if detail else ''}{starved(database, begin_at, at)}"


def _incompleteness(database: duckdb.DuckDBPyConnection, stem: str, kind: Kind, run_directory: Path, sections: Sequence[str]) -> str:
    """Why lines may be missing from a file; empty when none are."""
    row = database.execute(
        "select min(coalesce(detail, '')) from timeline where event = 'incomplete' and name = ? having count(*) > 0", [stem]
    ).fetchone()
    if row:
        return f"{stem} is incomplete{f': {row[0]}' if row[0] else ''}"
    if kind.complete != "by itself" and sections and not (run_directory / "timeline.jsonl").exists():
        return f"there is no timeline.jsonl to say that {stem}.jsonl is complete"
    if kind.complete in ("when collected", "at rest") and _uncollected(database, sections):
        return "collecting the evidence was not seen to end"
    if kind.complete == "at rest" and (restless := not_at_rest(database)):
        return restless
    return _gap(database, kind, sections)


def _uncollected(database: duckdb.DuckDBPyConnection, sections: Sequence[str]) -> bool:
    """Whether collecting should have ended, and was not seen to."""
    return not _phase(database, "collect", "end") and ("stage" in sections or _phase(database, "collect", "begin"))


def _gap(database: duckdb.DuckDBPyConnection, kind: Kind, sections: Sequence[str]) -> str:
    """What its own file shows to be missing."""
    if not kind.gap:
        return ""
    row = database.execute(kind.gap, {"sections": list(sections)} if "$sections" in kind.gap else None).fetchone()
    return str(row[0] or "") if row else ""


def _phase(database: duckdb.DuckDBPyConnection, name: str, state: str) -> bool:
    return _any(database, "timeline where event = 'phase' and name = ? and state = ?", name, state)


def _any(database: duckdb.DuckDBPyConnection, rows: str, *values: str) -> bool:
    return database.execute(f"select 1 from {rows} limit 1", values).fetchone() is not None  # noqa: S608 the texts of this file
