"""Whether each evidence is there and whole: what lets the judge say `held` at all.

Evidence is ``missing`` when its file is not there, and ``blind`` when something says that lines may be missing from it. An empty file is
whole: it was collected, and nothing was found.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from drillbook.evidence.records import FILES
from drillbook.judge.machine import starved
from drillbook.judge.tables import ONE_SOURCE, Source
from drillbook.scenario import Scenario

State = tuple[str, str, str]
"""Name, ``whole`` | ``blind`` | ``missing``, and why."""

NOT_AT_REST = "the stage did not come to rest within the time it was given (settle.within)"
"""Then what is read after settling was read too early: what was in flight is in neither effects nor leftovers."""

_AT_REST = ("effects", "leftovers", "states", "handled", "decoded", "metrics")
_UNTIL_COLLECTED = (*_AT_REST, "topology")


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


def states(database: duckdb.DuckDBPyConnection, run_directory: Path, cut: set[str], scenario: Scenario) -> list[State]:
    """The state of each evidence.

    Args:
        database: the loaded evidence, before any view.
        run_directory: where the files are.
        cut: stems of files with a half-written last line.
        scenario: what was declared.
    """
    found = []
    for stem in FILES:
        if not (run_directory / f"{stem}.jsonl").exists():
            found.append((stem, "missing", f"there is no {stem}.jsonl"))
            continue
        reason = f"the last line of {stem}.jsonl is half-written" if stem in cut else _blindness(database, stem, run_directory, scenario)
        found.append((stem, "blind" if reason else "whole", reason))
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


def _blindness(database: duckdb.DuckDBPyConnection, stem: str, run_directory: Path, scenario: Scenario) -> str:
    """Why lines may be missing from a file; empty when none are."""
    row = database.execute(
        "select min(coalesce(detail, '')) from timeline where event = 'blind' and name = ? having count(*) > 0", [stem]
    ).fetchone()
    if row:
        return f"{stem} is blind{f': {row[0]}' if row[0] else ''}"
    if stem == "wire":
        return _wire_gap(database)
    sections = declared(scenario)
    if sections and stem != "timeline" and not (run_directory / "timeline.jsonl").exists():
        return f"there is no timeline.jsonl to say that {stem}.jsonl is whole"
    if stem == "published" and scenario.load and not _phase(database, "load", "end"):
        return "the load was not seen to end"
    if stem in _UNTIL_COLLECTED and not _phase(database, "collect", "end"):
        begun = _phase(database, "collect", "begin")
        if begun or scenario.stage:
            return "collecting the evidence was not seen to end"
    if stem in _AT_REST and (restless := not_at_rest(database)):
        return restless
    if stem == "topology" and scenario.stage and not _any(database, "topology where moment = 'before'"):
        return "topology.jsonl does not say what was declared before the deployment"
    return ""


def _wire_gap(database: duckdb.DuckDBPyConnection) -> str:
    row = database.execute("""
        select count(*), count(distinct seq), min(seq), max(seq), max(seq) filter (event = 'end'),
               min(coalesce(link, 'a connection')) filter (event = 'blind'), count(*) filter (event = 'start')
        from wire
    """).fetchone()
    assert row is not None
    lines, distinct, first, last, end, unread, starts = row
    if starts > 1:
        return "the wire tap was started again, and what passed meanwhile was not seen"
    if unread:
        return f"the wire tap could not read all of {unread}"
    if end is None or end != last:
        return "the wire tap was not seen to end"
    if distinct != lines or first > 1 or last - first + 1 != lines:
        return "the wire tap's sequence has gaps"
    return ""


def _phase(database: duckdb.DuckDBPyConnection, name: str, state: str) -> bool:
    return _any(database, "timeline where event = 'phase' and name = ? and state = ?", name, state)


def _any(database: duckdb.DuckDBPyConnection, rows: str, *values: str) -> bool:
    return database.execute(f"select 1 from {rows} limit 1", values).fetchone() is not None  # noqa: S608 the texts of this file
