"""What must have happened for a drill to prove anything: load, faults that took effect in place, programs that ran, a stage at rest.

Only what the scenario declares is demanded. Each reason is a sentence's end, ready for "Inconclusive: …".
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import duckdb

from drillbook.evidence.documents import PlanDocument
from drillbook.evidence.kinds.timeline import SKIPPED
from drillbook.judge import fault_proof, outages
from drillbook.judge.completeness import not_at_rest
from drillbook.judge.deployed import idle
from drillbook.judge.identified import unidentified
from drillbook.judge.machine import starved
from drillbook.judge.outages import Interval
from drillbook.scenario import Deployment, Scenario

_NOT_RUNNABLE = (126, 127)
"""What a shell ends with when it cannot run, or cannot find, the program."""


_PHASES = "select name, begin_at, end_at, ended, exit_code from phases"


_RAN = """
select name, not coalesce(bool_and(detail is not distinct from $skipped) filter (state = 'end'), false)
from timeline where event = 'step' and coalesce(program, 'playbook') = 'playbook' group by name
"""
"""Steps of the playbook that ran, and whether something may have been done in them."""


class _Phase(NamedTuple):
    """The last run of a phase."""

    begin_at: int
    end_at: int | None
    ended: str | None
    """``end`` or ``timeout``; None: it was not seen to end."""
    exit_code: int | None


class Proof(NamedTuple):
    """What is to be said of whether a drill happened as it should."""

    reasons: list[str]
    """Why it proves nothing, the ends of sentences, most basic first; nothing wrong, an empty list."""
    notes: list[str]
    """Whole sentences that change no verdict."""


def preconditions(database: duckdb.DuckDBPyConnection, run_directory: Path, scenario: Scenario, plan: PlanDocument) -> Proof:
    """Whether the drill proves anything.

    Args:
        database: the loaded evidence with its views.
        run_directory: where its files are.
        scenario: what was declared.
        plan: of the run.
    """
    phases = {name: _Phase(*rest) for name, *rest in database.execute(_PHASES).fetchall()}
    playbook = phases.get("playbook")
    reasons = _load(database, run_directory, scenario, plan, playbook) + _sources(database) + _rest(database)
    if scenario.stage:
        reasons += unidentified(database, scenario.stage)
    if not (scenario.deployment or scenario.faults or scenario.playbook):
        return Proof(reasons, [])
    if not (run_directory / "timeline.jsonl").exists():
        return Proof([*reasons, "there is no timeline.jsonl to say what happened"], [])
    deployment = phases.get("deployment")
    abandoned = _abandoned(database) if scenario.playbook and playbook is None else []
    spec = scenario.deployment if not abandoned else None
    idling, notes = ([], []) if spec is None else _deployment(database, scenario, spec, deployment, playbook)
    reasons += [*idling, *fault_proof.missing(database, scenario.faults, plan, strict=scenario.stage is not None)]
    if scenario.playbook:
        reasons += abandoned or [
            *_playbook(database, scenario, playbook, plan),
            *_reached(database, scenario, playbook, phases.get("load")),
        ]
    return Proof(reasons, _early(deployment, playbook) + notes)


def _rest(database: duckdb.DuckDBPyConnection) -> list[str]:
    restless = not_at_rest(database)
    return [restless] if restless else []


def _load(
    database: duckdb.DuckDBPyConnection, run_directory: Path, scenario: Scenario, plan: PlanDocument, playbook: _Phase | None
) -> list[str]:
    if not (run_directory / "published.jsonl").exists():
        return ["there is no published.jsonl to say what was sent"] if scenario.load else []
    ran = Interval(playbook.begin_at, playbook.end_at or outages.ALWAYS) if playbook else None
    away = _own_outages(database, scenario, ran)
    row = database.execute(
        """select count(*), count(*) filter (outcome = 'ok'), count(*) filter (away), count(*) filter (away and outcome = 'ok')
           from (select outcome, list_bool_or(list_transform($away::struct(b bigint, e bigint)[],
                                                             lambda span: intended_at between span.b and span.e)) as away from tasks)""",
        {"away": [{"b": begin, "e": end} for begin, end in away]},
    ).fetchone()
    assert row is not None
    tasks, confirmed, missed, confirmed_late = row
    if not confirmed:
        return ["no task's publish was confirmed"]
    planned = max(tasks, plan.tasks or 0) - missed
    confirmed -= confirmed_late
    if 2 * confirmed >= planned:
        return []
    were = "was" if confirmed == 1 else "were"
    outside = " that were due while the broker could be reached" if missed else ""
    return [f"only {confirmed:,} of {planned:,} tasks{outside} {were} confirmed, so the drill hardly touched the playbook"]


def _sources(database: duckdb.DuckDBPyConnection) -> list[str]:
    rows = database.execute(
        "select distinct type from published anti join sources on types is null or list_contains(types, type) order by type"
    ).fetchall()
    return [f"no source of effects takes the task type {kind}, so nothing tells whether such a task was done" for (kind,) in rows]


def _abandoned(database: duckdb.DuckDBPyConnection) -> list[str]:
    """Why the drill gave up waiting for the moment of its playbook."""
    rows = database.execute(
        "select coalesce(detail, 'the playbook never began'), \"at\" from timeline where event = 'decision' and state = 'abandoned'"
    ).fetchall()
    return [f"{why.removesuffix('.')}{starved(database, at - 60_000_000_000, at)}" for why, at in rows[:1]]


def _deployment(
    database: duckdb.DuckDBPyConnection, scenario: Scenario, spec: Deployment, phase: _Phase | None, playbook: _Phase | None
) -> tuple[list[str], list[str]]:
    """Reasons and notes."""
    if phase is None:
        return ["the deployment never started"], []
    ended = ["the deployment was not seen to end"] if phase.ended is None else _failure(database, "deployment", phase)
    if playbook is None and scenario.playbook:
        return ended, []
    idling, notes = idle(database, scenario, spec, phase, playbook)
    return ended + idling, notes


def _failure(database: duckdb.DuckDBPyConnection, program: str, phase: _Phase) -> list[str]:
    if phase.ended == "timeout":
        blame = starved(database, phase.begin_at, phase.end_at)
        return [f"the {program} was still running at its timeout and was killed{blame}"]
    return (
        [] if phase.exit_code == 0 else [f"the {program} failed with exit code {'unknown' if phase.exit_code is None else phase.exit_code}"]
    )


def _playbook(database: duckdb.DuckDBPyConnection, scenario: Scenario, phase: _Phase | None, plan: PlanDocument) -> list[str]:
    if phase is None:
        return ["the playbook never started"]
    if phase.ended is None:
        return ["the playbook was not seen to end"]
    steps = dict(database.execute(_RAN, {"skipped": SKIPPED}).fetchall())
    ran = {name for name, acted in steps.items() if acted}
    if phase.exit_code in _NOT_RUNNABLE and not ran:
        return [f"the playbook never ran: it ended with exit code {phase.exit_code} before its first step"]
    unmet = _did_not_come(database) if scenario.playbook and scenario.playbook.hold else []
    return (
        unmet
        + _unstepped(steps, phase, plan)
        + ([] if "playbook_succeeded" in scenario.invariants else _failure(database, "playbook", phase))
    )


def _unstepped(steps: Mapping[str, bool], phase: _Phase, plan: PlanDocument) -> list[str]:
    """That a playbook did nothing of what its text says, as an Ansible play whose hosts match nothing, which succeeds.

    Args:
        steps: that ran, each with whether something may have been done in it.
        phase: the playbook's.
        plan: with the steps that its text has.
    """
    listed = plan.steps
    if not listed or phase.exit_code != 0 or any(steps.get(step) for step in listed):
        return []
    skipped = any(step in steps for step in listed)
    if len(listed) == 1:
        what = f'its only step "{listed[0]}" {"was skipped" if skipped else "never ran"}'
    else:
        what = f"none of its {len(listed)} steps {'did anything' if skipped else 'ran'}"
    return [f"the playbook ended without having done anything: {what}"]


def _did_not_come(database: duckdb.DuckDBPyConnection) -> list[str]:
    """Steps that waited for tasks which did not come."""
    rows = database.execute("""
        select missed.name, missed.detail, missed."at", max(begun."at")
        from timeline as missed join timeline as begun on begun.event = 'wait' and begun.name = missed.name and begun.state = 'begin'
          and begun."at" <= missed."at"
        where missed.event = 'wait' and missed.state = 'not_met' group by all order by missed."at"
    """).fetchall()
    return [
        f'the step "{step}" waited for {tasks}, which did not come in {(at - begun) / 1e9:.1f} s{starved(database, begun, at)}'
        for step, tasks, at, begun in rows
    ]


def _reached(database: duckdb.DuckDBPyConnection, scenario: Scenario, playbook: _Phase | None, load: _Phase | None) -> list[str]:
    """That for more than half of the playbook's time no task could have met it."""
    if playbook is None or playbook.end_at is None or playbook.end_at <= playbook.begin_at:
        return []
    during = Interval(playbook.begin_at, playbook.end_at)
    ended = [Interval(load.end_at, outages.ALWAYS)] if scenario.load and load and load.end_at and load.end_at < during.end else []
    silent = outages.silences(database, during)
    if not (ended or silent) or 2 * outages.seconds([*ended, *silent], during, []) <= outages.seconds([during], during, []):
        return []
    own = _own_outages(database, scenario, during)
    lost, whole = outages.seconds([*ended, *silent], during, own), outages.seconds([during], during, [])
    if 2 * lost <= whole:
        return []
    without = outages.seconds(ended, during, own)
    causes = [
        *([f"the load had ended{_at_its_most(scenario, load)}"] if without else []),
        *(["publishes were due and none was confirmed"] if without < lost else []),
    ]
    blame = starved(database, *during) if without < lost else ""
    return [f"{', or '.join(causes)}{',' if len(causes) > 1 else ''} for {lost:.1f} s of the playbook's {whole:.1f} s{blame}"]


def _at_its_most(scenario: Scenario, load: _Phase | None) -> str:
    most = scenario.load.most if scenario.load else 0.0
    lasted = (load.end_at - load.begin_at) / 1e9 if load and load.end_at else 0.0
    return f" (load.most is {most:g} s)" if lasted >= most > 0 else ""


def _own_outages(database: duckdb.DuckDBPyConnection, scenario: Scenario, playbook: Interval | None) -> list[Interval]:
    """While the drill or its playbook itself kept publishers from the broker."""
    of_faults = outages.of_faults(database, ["broker", "load -> broker"]) if scenario.faults else []
    return of_faults + ([*outages.of_playbook(database, playbook), *outages.of_refusals(database, playbook)] if playbook else [])


def _early(deployment: _Phase | None, playbook: _Phase | None) -> list[str]:
    if deployment is None or playbook is None or (deployment.end_at is not None and deployment.end_at <= playbook.begin_at):
        return []
    return ["The playbook began while the deployment still ran."] if deployment.begin_at <= playbook.begin_at else []
