"""The judge: a run directory in, a judgement out. Pure: no Docker, no network, no clock.

An invariant is ``broken`` when its SQL returns a counterexample that no missing evidence could explain away; else ``inconclusive`` when
evidence it needs is missing or incomplete, when its SQL says so, or when the drill proves nothing (hardly any load, a fault that did not
take effect where it is pinned or did not clear, a playbook that never ran, a stage that never came to rest); else ``held``. The whole is as
its worst invariant, broken over inconclusive over held.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from drillbook.judge.catalogue import Invariant, catalogue
from drillbook.judge.completeness import EvidenceState
from drillbook.judge.database import EvidenceDatabase
from drillbook.judge.preconditions import preconditions
from drillbook.judge.query import QueryAnswer, ResultRow, ask
from drillbook.judge.run import Run
from drillbook.judge.summary import sentence
from drillbook.judge.task_story import step_moments, stories
from drillbook.judge.verdict import Compatibility, Equation, Finding, Judgement, Result, StoryMoment, Verdict, worst
from drillbook.scenario import Scenario


def judge(run: Run) -> Judgement:
    """Judge a run, a stored one or one made by hand.

    Args:
        run: open; the user's own invariants are in ``invariants/`` of its directory, or in it.

    Raises:
        UsageError: an invariant cannot be used.
    """
    database, scenario = run.database, run.scenario
    known = catalogue(run.path, run.path / "invariants")
    wanted = [known[name] for name in scenario.invariants]  # they were checked when it was loaded
    reasons, notes = preconditions(database, run.path, scenario, run.plan)
    answers = [ask(database, invariant, invariant.bindings(scenario.invariants[invariant.name])) for invariant in wanted]
    judged = [_judged(*pair, scenario, run.evidence, reasons) for pair in zip(wanted, answers, strict=True)]
    results = _with_stories(database, judged, answers)
    equation = _equation(database, run.evidence, run.plan.tasks or 0)
    verdict = worst([result.verdict for result in results])
    broken = [
        (invariant, answer) for invariant, answer, result in zip(wanted, answers, results, strict=True) if result.verdict is Verdict.BROKEN
    ]
    return Judgement(
        title=scenario.title,
        verdict=verdict,
        sentence=sentence(verdict, results, broken, reasons, equation),
        results=tuple(results),
        equation=equation,
        preconditions=tuple(reasons),
        notes=tuple(notes),
        expected_broken=tuple(scenario.expect.broken) if scenario.expect else None,
        seed=run.plan.seed if run.environment.seed is None else run.environment.seed,
        replay=run.environment.replay,
        compatibility=_compatibility(database),
    )


def _judged(
    invariant: Invariant, answer: QueryAnswer, scenario: Scenario, evidence: Sequence[EvidenceState], reasons: Sequence[str]
) -> Result:
    """The verdict on one invariant, its findings still without stories."""
    doubts = {name: reason for name, state, reason in evidence if state != "complete"}
    excused = [doubts[name] for name in invariant.needs_complete if name in doubts]
    reason = next(iter([*excused, *(doubts[name] for name in invariant.needs if name in doubts), *answer.undecided, *reasons]), "")
    broken = answer.count > 0 and not excused
    return Result(
        name=invariant.name,
        sentence=invariant.sentence,
        verdict=Verdict.BROKEN if broken else Verdict.INCONCLUSIVE if reason else Verdict.HELD,
        count=answer.count if broken else 0,
        reason="" if broken else reason,
        parameters=invariant.values(scenario.invariants[invariant.name]),
    )


def _with_stories(database: EvidenceDatabase, results: Sequence[Result], answers: Sequence[QueryAnswer]) -> list[Result]:
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


def _finding(
    row: ResultRow, result: Result, told: Mapping[str, Sequence[StoryMoment]], steps: Mapping[str, Sequence[StoryMoment]]
) -> Finding:
    moments = [*told.get(row.task or "", ()), *steps.get(row.step or "", ())]
    why = row.why or f"Not so here: {result.sentence}"
    return Finding(task=row.task, why=why, step=row.step, story=tuple(sorted(moments, key=lambda moment: moment.at)))


def _equation(database: EvidenceDatabase, evidence: Sequence[EvidenceState], planned: int) -> Equation | None:
    """Where every task ended; None where what it takes is not there."""
    if any(state == "missing" and name in ("published", "effects", "leftovers") for name, state, _ in evidence):
        return None
    row = database.execute("select * from equation").fetchone()
    assert row is not None
    tasks, *rest = row
    return Equation(max(planned, tasks), *rest)


def _compatibility(database: EvidenceDatabase) -> tuple[Compatibility, ...]:
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
