"""What must have happened for a drill to prove anything: load, faults that bit in place, programs that ran, a stage at rest.

Only what the scenario declares is demanded. Each reason is a sentence's end, ready for "Unknown: …".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import duckdb

from harness.invariants import fault_proof
from harness.invariants.wholeness import not_at_rest
from harness.scenario.model import Scenario

_NOT_RUNNABLE = (126, 127)
"""What a shell ends with when it cannot run, or cannot find, the program."""


def preconditions(database: duckdb.DuckDBPyConnection, run_directory: Path, scenario: Scenario, plan: Mapping[str, Any]) -> list[str]:
    """Why the drill proves nothing, most basic reason first; nothing wrong, an empty list.

    Args:
        database: the loaded evidence with its views.
        run_directory: where its files are.
        scenario: what was declared.
        plan: the content of ``plan.json``; empty where there is none.
    """
    reasons = _load(database, run_directory, scenario) + _sources(database) + _rest(database)
    if not (scenario.deployment or scenario.faults or scenario.playbook):
        return reasons
    if not (run_directory / "timeline.jsonl").exists():
        return [*reasons, "there is no timeline.jsonl to say what happened"]
    if scenario.deployment:
        reasons += _deployment(database)
    reasons += fault_proof.missing(database, scenario.faults, plan)
    return reasons + (_playbook(database, scenario.invariants) if scenario.playbook else [])


def _load(database: duckdb.DuckDBPyConnection, run_directory: Path, scenario: Scenario) -> list[str]:
    if not (run_directory / "published.jsonl").exists():
        return ["there is no published.jsonl to say what was sent"] if scenario.load else []
    row = database.execute("select count(*), count(*) filter (outcome = 'ok') from tasks").fetchone()
    assert row is not None
    tasks, confirmed = row
    if not confirmed:
        return ["no task's publish was confirmed"]
    if 2 * confirmed >= tasks:
        return []
    return [
        f"only {confirmed:,} of {tasks:,} tasks {'was' if confirmed == 1 else 'were'} confirmed, so the drill hardly touched the playbook"
    ]


def _sources(database: duckdb.DuckDBPyConnection) -> list[str]:
    rows = database.execute(
        "select distinct type from published anti join sources on types is null or list_contains(types, type) order by type"
    ).fetchall()
    return [f"no source of effects takes the task type {kind}, so nothing tells whether such a task was done" for (kind,) in rows]


def _rest(database: duckdb.DuckDBPyConnection) -> list[str]:
    restless = not_at_rest(database)
    return [restless] if restless else []


def _deployment(database: duckdb.DuckDBPyConnection) -> list[str]:
    phase = _phase(database, "deployment")
    if phase is None:
        return ["the deployment never started"]
    _, ended, exit_code = phase
    if ended is None:
        return ["the deployment was not seen to end"]
    return _failure("deployment", ended, exit_code)


def _failure(program: str, ended: str, exit_code: int | None) -> list[str]:
    if ended == "timeout":
        return [f"the {program} was still running at its timeout and was killed"]
    return [] if exit_code == 0 else [f"the {program} failed with exit code {'unknown' if exit_code is None else exit_code}"]


def _playbook(database: duckdb.DuckDBPyConnection, judged: Iterable[str]) -> list[str]:
    phase = _phase(database, "playbook")
    if phase is None:
        return ["the playbook never started"]
    _, ended, exit_code = phase
    if ended is None:
        return ["the playbook was not seen to end"]
    stepped = database.execute("select 1 from steps where program = 'playbook' limit 1").fetchone()
    if exit_code in _NOT_RUNNABLE and not stepped:
        return [f"the playbook never ran: it ended with exit code {exit_code} before its first step"]
    return [] if "playbook_succeeded" in judged else _failure("playbook", ended, exit_code)


def _phase(database: duckdb.DuckDBPyConnection, name: str) -> tuple[Any, ...] | None:
    return database.execute("select begin_at, ended, exit_code from phases where name = ?", [name]).fetchone()
