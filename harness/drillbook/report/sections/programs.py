"""How deployment and playbook ran, step by step, and what they wrote."""

from __future__ import annotations

from dataclasses import dataclass

from drillbook.core.units import NANOSECONDS
from drillbook.report.section import Facts, Reported, Section
from drillbook.report.series import Axis
from drillbook.report.source import ReportSource


@dataclass(frozen=True)
class StepRow:
    """One step of a program."""

    name: str
    begin: float
    seconds: float | None
    exit_code: int | None


@dataclass(frozen=True)
class ProgramRow:
    """The deployment or the playbook, as it ran."""

    name: str
    begin: float
    seconds: float | None
    exit_code: int | None
    state: str
    """begin (never ended), end or timeout."""
    steps: tuple[StepRow, ...]


def programs(source: ReportSource, time: Axis) -> list[ProgramRow]:
    """The deployment and the playbook, as far as they ran."""
    return [row for name in ("deployment", "playbook") if (row := _program(source, time, name))]


def _program(source: ReportSource, time: Axis, name: str) -> ProgramRow | None:
    steps = source.rows("select name, begin_at, end_at, exit_code from steps where program = $name order by begin_at", name=name)
    phase = source.rows("select begin_at, end_at, ended, exit_code from phases where name = $name", name=name)
    if not phase and not steps:
        return None
    begin, end, state, exit_code = phase[0] if phase else (steps[0][1], None, None, None)
    return ProgramRow(
        name=name,
        begin=time.seconds(begin),
        seconds=_between(begin, end),
        exit_code=exit_code,
        state=state or "begin",
        steps=tuple(StepRow(step, time.seconds(began), _between(began, ended), code) for step, began, ended, code in steps),
    )


def _between(begin: int, end: int | None) -> float | None:
    return None if end is None else (end - begin) / NANOSECONDS


def _facts(run: Reported) -> Facts:
    return {"programs": programs(run.source, run.time) if run.time else []}


section = Section(
    "Deployment and playbook",
    place=80,
    facts=_facts,
    link="Deployment and playbook",
    about="how each went, with steps, exit codes and transcripts.",
)
