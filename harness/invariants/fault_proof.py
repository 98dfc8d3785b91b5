"""What proves that the drill's faults happened: each began, bit every victim where the plan pins it, and lifted unless it stays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import duckdb

from harness.scenario.model import FaultEntry


class _Victim(NamedTuple):
    target: str | None
    begin_at: int | None
    bit_at: int | None
    lifted_at: int | None
    not_lifted: bool
    skipped: str | None


class _Run(NamedTuple):
    """One run of a step of the playbook."""

    step: str
    begin_at: int
    end_at: int | None
    until_at: int | None
    """As ``end_at``; of a step that never ended, when the playbook did."""


def missing(database: duckdb.DuckDBPyConnection, faults: Iterable[FaultEntry], plan: Mapping[str, Any]) -> list[str]:
    """What is not proven, each the end of a sentence.

    Args:
        database: the evidence with its views.
        faults: those that the scenario declares.
        plan: the content of ``plan.json``; where it says nothing of a fault, nobody asks where that fault bit.
    """
    runs = [
        _Run(*row)
        for row in database.execute(
            "select name, begin_at, end_at, until_at from steps where program = 'playbook' order by begin_at, name"
        ).fetchall()
    ]
    planned = {fault["name"]: fault for fault in plan.get("faults", ())}
    reasons = []
    for entry in faults:
        victims = _victims(database, entry.name)
        stays = entry.fault.stays and entry.lasting is None
        reasons += _unbitten(entry.name, victims) or [
            *_misplaced(entry.name, victims, planned.get(entry.name, {}), runs),
            *_standing(entry.name, victims, stays),
        ]
    return reasons


def _victims(database: duckdb.DuckDBPyConnection, name: str) -> list[_Victim]:
    columns = ", ".join(_Victim._fields)
    rows = database.execute(f"select {columns} from faults where name = ? order by target nulls first", [name])  # noqa: S608
    return [_Victim(*row) for row in rows.fetchall()]


def _unbitten(name: str, victims: Sequence[_Victim]) -> list[str]:
    if not any(victim.begin_at for victim in victims):
        skipped = next((victim.skipped for victim in victims if victim.skipped), None)
        return [f'the fault "{name}" never began{f": {skipped}" if skipped else ""}']
    if not any(victim.bit_at for victim in victims):
        return [f'the fault "{name}" never bit']
    return [f'the fault "{name}" never bit {victim.target}' for victim in victims if victim.target and not victim.bit_at]


def _standing(name: str, victims: Sequence[_Victim], stays: bool) -> list[str]:
    stood = any(victim.not_lifted or (victim.begin_at and not victim.lifted_at and not stays) for victim in victims)
    return [f'the fault "{name}" was not seen to lift'] if stood else []


def _misplaced(name: str, victims: Sequence[_Victim], planned: Mapping[str, Any], runs: Sequence[_Run]) -> list[str]:
    places = {"before": _not_before, "during": _not_during, "after": _not_after}
    place = places.get(planned.get("trigger", ""))
    if place is None:
        return []
    step = planned["moment"]
    if step not in (run.step for run in runs):
        return [f'the fault "{name}" bit, but the step "{step}" never ran']
    where = next(filter(None, (place(step, victim.bit_at, runs) for victim in victims if victim.bit_at)), "")
    return [f'the fault "{name}" bit {where}'] if where else []


def _not_before(step: str, bit_at: int, runs: Sequence[_Run]) -> str:
    """A fault begins at the first run of its step, however often the step runs."""
    first = next(run for run in runs if run.step == step)
    return f'only after the step "{step}" had begun' if bit_at > first.begin_at else ""


def _not_during(step: str, bit_at: int, runs: Sequence[_Run]) -> str:
    own = [run for run in runs if run.step == step]
    if bit_at < own[0].begin_at:
        return f'before the step "{step}" had begun'
    within = any(run.begin_at <= bit_at and (run.until_at is None or bit_at <= run.until_at) for run in own)
    return "" if within else f'only after the step "{step}" had ended'


def _not_after(step: str, bit_at: int, runs: Sequence[_Run]) -> str:
    end_at = max((run.end_at for run in runs if run.step == step and run.end_at is not None and run.end_at <= bit_at), default=None)
    if end_at is None:
        return f'before the step "{step}" had ended'
    following = next((run.step for run in runs if end_at <= run.begin_at < bit_at), None)
    return f'only after the step "{following}" had begun' if following else ""
