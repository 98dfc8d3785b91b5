"""The judge: a run directory in, a judgement out. Pure: no Docker, no network, no clock.

An invariant is ``broken`` when its SQL returns a counterexample that no missing evidence could explain away; else ``unknown`` when evidence
it needs is missing or blind, when its SQL says so, or when the drill proves nothing (hardly any load, a fault that did not bite where it is
pinned or did not lift, a playbook that never ran, a stage that never came to rest); else ``held``. The whole is as its worst invariant,
broken over unknown over held.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from drillbook.core.errors import UsageError
from drillbook.judge.catalogue import Invariant, catalogue
from drillbook.judge.database import Database
from drillbook.judge.preconditions import preconditions
from drillbook.judge.query import Answer, Row, ask
from drillbook.judge.sentence import sentence
from drillbook.judge.stories import step_moments, stories
from drillbook.judge.tables import describe, open_tables
from drillbook.judge.verdict import Compatibility, Equation, Finding, Judgement, Moment, Result, Verdict, worst
from drillbook.judge.wholeness import State, declared, sources, states
from drillbook.scenario import Scenario

Look = Callable[[Database, Scenario, Sequence[Invariant], Sequence[State]], None]
"""Reads the evidence while it is loaded: the database with its views, the scenario, its invariants, and the state of each evidence."""


def judge(run_directory: Path, scenario: Scenario, look: Look | None = None) -> Judgement:
    """Judge a run, a stored one or one made by hand.

    Args:
        run_directory: holds the evidence; the user's own invariants in ``invariants/``.
        scenario: the run's.
        look: called once, to ask the loaded evidence for more.

    Raises:
        UsageError: an invariant cannot be used, or a file holds something that is no evidence.
    """
    known = catalogue(run_directory, run_directory / "invariants")
    wanted = [known[name] for name in scenario.invariants]  # they were checked when it was loaded
    plan = _document(run_directory, "plan.json")
    with open_tables(run_directory) as (database, cut):
        evidence = states(database, run_directory, cut, scenario)
        describe(database, evidence, declared(scenario), sources(scenario))
        reasons, notes = preconditions(database, run_directory, scenario, plan)
        answers = [ask(database, invariant, invariant.bindings(scenario.invariants[invariant.name])) for invariant in wanted]
        judged = [_judged(*pair, scenario, evidence, reasons) for pair in zip(wanted, answers, strict=True)]
        results = _with_stories(database, judged, answers)
        equation = _equation(database, evidence, plan)
        compatibility = _compatibility(database)
        if look is not None:
            look(database, scenario, wanted, evidence)
    verdict = worst([result.verdict for result in results])
    broken = [
        (invariant, answer) for invariant, answer, result in zip(wanted, answers, results, strict=True) if result.verdict is Verdict.BROKEN
    ]
    environment = _document(run_directory, "environment.json")
    return Judgement(
        title=scenario.title,
        verdict=verdict,
        sentence=sentence(verdict, results, broken, reasons, equation),
        results=tuple(results),
        equation=equation,
        preconditions=tuple(reasons),
        notes=tuple(notes),
        expected_broken=tuple(scenario.expect.broken) if scenario.expect else None,
        seed=environment.get("seed", plan.get("seed")),
        replay=environment.get("replay"),
        compatibility=compatibility,
    )


def _judged(invariant: Invariant, answer: Answer, scenario: Scenario, evidence: Sequence[State], reasons: Sequence[str]) -> Result:
    """The verdict on one invariant, its findings still without stories."""
    doubts = {name: reason for name, state, reason in evidence if state != "whole"}
    excused = [doubts[name] for name in invariant.excused_by if name in doubts]
    reason = next(iter([*excused, *(doubts[name] for name in invariant.needs if name in doubts), *answer.undecided, *reasons]), "")
    broken = answer.count > 0 and not excused
    return Result(
        name=invariant.name,
        sentence=invariant.sentence,
        verdict=Verdict.BROKEN if broken else Verdict.UNKNOWN if reason else Verdict.HELD,
        count=answer.count if broken else 0,
        reason="" if broken else reason,
        parameters=invariant.values(scenario.invariants[invariant.name]),
    )


def _with_stories(database: Database, results: Sequence[Result], answers: Sequence[Answer]) -> list[Result]:
    """The results, those that are broken with their findings and the stories of these."""
    rows = {result.name: answer.rows for result, answer in zip(results, answers, strict=True) if result.verdict is Verdict.BROKEN}
    if not rows:
        return list(results)
    told = stories(database, (row.task for found in rows.values() for row in found if row.task is not None))
    steps = step_moments(database)
    return [
        Result(**{**vars(result), "findings": tuple(_finding(row, result, told, steps) for row in rows.get(result.name, ()))})
        for result in results
    ]


def _finding(row: Row, result: Result, told: Mapping[str, Sequence[Moment]], steps: Mapping[str, Sequence[Moment]]) -> Finding:
    moments = [*told.get(row.task or "", ()), *steps.get(row.step or "", ())]
    why = row.why or f"Not so here: {result.sentence}"
    return Finding(task=row.task, why=why, step=row.step, story=tuple(sorted(moments, key=lambda moment: moment.at)))


def _equation(database: Database, evidence: Sequence[State], plan: Mapping[str, Any]) -> Equation | None:
    """Where every task ended; None where what it takes is not there."""
    if any(state == "missing" and name in ("published", "effects", "leftovers") for name, state, _ in evidence):
        return None
    row = database.execute("select * from equation").fetchone()
    assert row is not None
    tasks, *rest = row
    planned = plan.get("tasks")
    return Equation(max(planned, tasks) if isinstance(planned, int) else tasks, *rest)


def _compatibility(database: Database) -> tuple[Compatibility, ...]:
    rows = database.execute("""
        with told as (select *, coalesce(task, 'message ' || message) as id from left_messages)
        select "by", kind, version, count(distinct id), count(distinct id) filter (ok), count(distinct id) filter (not ok),
               count(distinct id) filter (not ok and for_it),
               list_sort(coalesce(list(distinct reason) filter (not ok and reason is not null), []))[:3]
        from told group by "by", kind, version order by "by", kind nulls last, version nulls first
    """).fetchall()
    return tuple(
        Compatibility(by, kind, version, messages, decoded, failed, reached, tuple(reasons))
        for by, kind, version, messages, decoded, failed, reached, reasons in rows
    )


def _document(run_directory: Path, name: str) -> dict[str, Any]:
    """A JSON document of the run; empty where there is none."""
    path = run_directory / name
    if not path.exists():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read: {error}.") from error
    return content if isinstance(content, dict) else {}
