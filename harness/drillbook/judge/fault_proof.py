"""What proves that the drill's faults happened: each began, took effect on every victim where the plan pins it, met somebody, and cleared.

A fault that came with a message is proven by the wire as well: the tap hit as many messages as were asked for, it counted them from the
moment that the plan pins, and a message whose end the fault was to be (the acknowledgement of a worker that it killed) did not go on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import duckdb

from drillbook.evidence.documents import PlanDocument, PlannedFaultRecord
from drillbook.evidence.wire_tail import HIT
from drillbook.faults import WireFault
from drillbook.judge import met
from drillbook.scenario import FaultEntry


class _Victim(NamedTuple):
    target: str | None
    begin_at: int | None
    took_effect_at: int | None
    end_at: int | None
    cleared_at: int | None
    not_cleared: bool
    skipped: str | None


class _Run(NamedTuple):
    """One run of a step of the playbook."""

    step: str
    begin_at: int
    end_at: int | None
    until_at: int | None
    """As ``end_at``; of a step that never ended, when the playbook did."""


def missing(database: duckdb.DuckDBPyConnection, faults: Iterable[FaultEntry], plan: PlanDocument, strict: bool = True) -> list[str]:
    """What is not proven, each the end of a sentence.

    Args:
        database: the evidence with its views.
        faults: those that the scenario declares.
        plan: of the run; where it says nothing of a fault, nobody asks where that fault took effect.
        strict: whether a wire that is not there is a reason, where it would show whom a fault met.
    """
    runs = [
        _Run(*row)
        for row in database.execute(
            "select name, begin_at, end_at, until_at from steps where program = 'playbook' order by begin_at, name"
        ).fetchall()
    ]
    planned = {fault.name: fault for fault in plan.faults}
    reasons = []
    for entry in faults:
        victims = _victims(database, entry.name)
        stays = entry.fault.stays and entry.lasting is None
        reasons += _without_effect(database, entry.name, victims) or [
            *_unseen(database, entry, victims),
            *_unmet(database, entry, victims, strict),
            *_misplaced(_began(database, entry, victims), planned.get(entry.name), runs),
            *_standing(entry.name, victims, stays),
        ]
    return reasons


def _victims(database: duckdb.DuckDBPyConnection, name: str) -> list[_Victim]:
    """Those that it began with, if it began: one of several whose message it was is known only then."""
    columns = ", ".join(_Victim._fields)
    rows = database.execute(f"select {columns} from faults where name = ? order by target nulls first", [name])  # noqa: S608
    victims = [_Victim(*row) for row in rows.fetchall()]
    return [victim for victim in victims if victim.begin_at] or victims


def _without_effect(database: duckdb.DuckDBPyConnection, name: str, victims: Sequence[_Victim]) -> list[str]:
    if not any(victim.begin_at for victim in victims):
        skipped = next((victim.skipped for victim in victims if victim.skipped), None)
        return [f'the fault "{name}" never began{f": {skipped}" if skipped else ""}']
    if not any(victim.took_effect_at for victim in victims):
        query = "select any_value(detail) from timeline where event = 'fault' and name = ? and state = 'no_effect'"
        (why,) = database.execute(query, [name]).fetchone() or (None,)
        return [f'the fault "{name}" never took effect{f": {why}" if why else ""}']
    return [f'the fault "{name}" never took effect on {victim.target}' for victim in victims if victim.target and not victim.took_effect_at]


def _unseen(database: duckdb.DuckDBPyConnection, entry: FaultEntry, victims: Sequence[_Victim]) -> list[str]:
    """What the wire does not show of a fault that came with a message."""
    if entry.on is None:
        return []
    query = "select reason, link, peer from wire where event = 'fault' and rule = ?"
    acts = database.execute(query, [entry.name]).fetchall()
    action = entry.fault.action if isinstance(entry.fault, WireFault) else "hold"
    hit = sum(reason.endswith(HIT[action]) for reason, _, _ in acts)
    if not hit:
        return [f'the wire does not show the message that the fault "{entry.name}" came with']
    if hit < entry.on.count:
        return [f'the fault "{entry.name}" hit only {hit} of {entry.on.count} messages']
    own = {name for victim in victims for name in (victim.target or "").split(", ")}
    if entry.fault.severs and any(reason.endswith("let go") and {link, peer} & own for reason, link, peer in acts):
        return [f'the fault "{entry.name}" took effect, but the message that it came with went on']
    return []


def _unmet(database: duckdb.DuckDBPyConnection, entry: FaultEntry, victims: Sequence[_Victim], strict: bool) -> list[str]:
    """Whether it met nobody; a fault that acts on messages has met those."""
    names = [name for victim in victims for name in (victim.target or "").split(", ") if name]
    if isinstance(entry.fault, WireFault) or not names:
        return []
    began = min(victim.begin_at for victim in victims if victim.begin_at)
    if "->" not in names[0]:
        return met.not_running(database, entry.name, names, began)
    ends = [victim.end_at or victim.cleared_at for victim in victims]
    end_at = max((end for end in ends if end is not None), default=None) if None not in ends else None
    return met.nobody(database, met.Stood(entry.name, names, began, end_at, entry.fault.blocks), strict)


def _standing(name: str, victims: Sequence[_Victim], stays: bool) -> list[str]:
    stood = any(victim.not_cleared or (victim.begin_at and not victim.cleared_at and not stays) for victim in victims)
    return [f'the fault "{name}" was not seen to clear'] if stood else []


class _Begun(NamedTuple):
    """When a fault was at work, and what to say of it."""

    words: str
    times: tuple[int, ...]


def _began(database: duckdb.DuckDBPyConnection, entry: FaultEntry, victims: Sequence[_Victim]) -> _Begun:
    """A fault that comes with a message is in its place when the tap counts from there on."""
    if entry.on is None:
        return _Begun(f'the fault "{entry.name}" took effect', tuple(victim.took_effect_at for victim in victims if victim.took_effect_at))
    query = "select min(\"at\") from wire where event = 'fault' and rule = ? and reason = 'armed'"
    (armed_at,) = database.execute(query, [entry.name]).fetchone() or (None,)
    return _Begun(f'the messages for the fault "{entry.name}" were counted', (armed_at,) if armed_at else ())


def _misplaced(begun: _Begun, planned: PlannedFaultRecord | None, runs: Sequence[_Run]) -> list[str]:
    places = {"before": _not_before, "during": _not_during, "after": _not_after}
    place = places.get(planned.trigger) if planned is not None else None
    if planned is None or place is None:
        return []
    step = str(planned.moment)
    if step not in (run.step for run in runs):
        return [f'{begun.words}, but the step "{step}" never ran']
    where = next(filter(None, (place(step, at, runs) for at in begun.times)), "")
    return [f"{begun.words} {where}"] if where else []


def _not_before(step: str, at: int, runs: Sequence[_Run]) -> str:
    """A fault begins at the first run of its step, however often the step runs."""
    first = next(run for run in runs if run.step == step)
    return f'only after the step "{step}" had begun' if at > first.begin_at else ""


def _not_during(step: str, at: int, runs: Sequence[_Run]) -> str:
    own = [run for run in runs if run.step == step]
    if at < own[0].begin_at:
        return f'before the step "{step}" had begun'
    within = any(run.begin_at <= at and (run.until_at is None or at <= run.until_at) for run in own)
    return "" if within else f'only after the step "{step}" had ended'


def _not_after(step: str, at: int, runs: Sequence[_Run]) -> str:
    end_at = max((run.end_at for run in runs if run.step == step and run.end_at is not None and run.end_at <= at), default=None)
    if end_at is None:
        return f'before the step "{step}" had ended'
    following = next((run.step for run in runs if end_at <= run.begin_at < at), None)
    return f'only after the step "{following}" had begun' if following else ""
