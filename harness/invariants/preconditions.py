"""What must have happened for a drill to prove anything: load, faults that bit, a deployment and a playbook that ran.

Only what the scenario declares is demanded. Each reason is a sentence's end, ready for "Unknown: …".
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

from harness.scenario.model import Scenario

_NOT_RUNNABLE = (126, 127)
"""What a shell ends with when it cannot run, or cannot find, the program."""


def preconditions(database: duckdb.DuckDBPyConnection, run_directory: Path, scenario: Scenario) -> list[str]:
    """Why the drill proves nothing, most basic reason first; nothing wrong, an empty list.

    Args:
        database: the loaded evidence with its views.
        run_directory: where its files are.
        scenario: what was declared.
    """
    reasons = _load(database, run_directory, scenario)
    if not (scenario.deployment or scenario.faults or scenario.playbook):
        return reasons
    if not (run_directory / "timeline.jsonl").exists():
        return [*reasons, "there is no timeline.jsonl to say what happened"]
    if scenario.deployment:
        reasons += _deployment(database)
    for entry in scenario.faults:
        reasons += _fault(database, entry.name)
    return reasons + (_playbook(database) if scenario.playbook else [])


def _load(database: duckdb.DuckDBPyConnection, run_directory: Path, scenario: Scenario) -> list[str]:
    if not (run_directory / "published.jsonl").exists():
        return ["there is no published.jsonl to say what was sent"] if scenario.load else []
    confirmed = database.execute("select 1 from published where outcome = 'ok' limit 1").fetchone()
    return [] if confirmed else ["no task's publish was confirmed"]


def _deployment(database: duckdb.DuckDBPyConnection) -> list[str]:
    phase = _phase(database, "deployment")
    if phase is None:
        return ["the deployment never started"]
    _, ended, exit_code = phase
    if ended is None:
        return ["the deployment was not seen to end"]
    if ended == "timeout":
        return ["the deployment was still running at its timeout and was killed"]
    return [] if exit_code == 0 else [f"the deployment failed with exit code {'unknown' if exit_code is None else exit_code}"]


def _fault(database: duckdb.DuckDBPyConnection, name: str) -> list[str]:
    rows = database.execute(
        "select target, begin_at, bit_at, skipped from faults where name = ? order by target nulls first", [name]
    ).fetchall()
    if not any(begin_at for _, begin_at, _, _ in rows):
        skipped = next((skipped for *_, skipped in rows if skipped), None)
        return [f'the fault "{name}" never began{f": {skipped}" if skipped else ""}']
    if not any(bit_at for _, _, bit_at, _ in rows):
        return [f'the fault "{name}" never bit']
    return [f'the fault "{name}" never bit {target}' for target, _, bit_at, _ in rows if target and not bit_at]


def _playbook(database: duckdb.DuckDBPyConnection) -> list[str]:
    phase = _phase(database, "playbook")
    if phase is None:
        return ["the playbook never started"]
    _, ended, exit_code = phase
    if ended is None:
        return ["the playbook was not seen to end"]
    stepped = database.execute("select 1 from steps where program = 'playbook' limit 1").fetchone()
    if exit_code in _NOT_RUNNABLE and not stepped:
        return [f"the playbook never ran: it ended with exit code {exit_code} before its first step"]
    return []


def _phase(database: duckdb.DuckDBPyConnection, name: str) -> tuple[Any, ...] | None:
    return database.execute("select begin_at, ended, exit_code from phases where name = ?", [name]).fetchone()
