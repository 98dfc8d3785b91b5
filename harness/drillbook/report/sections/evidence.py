"""What the verdict is based on: of every kind of evidence whether it is complete, how much there is, and which invariants need it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from drillbook.evidence.kinds import KINDS
from drillbook.judge.catalogue import catalogue
from drillbook.report.section import Facts, Reported, Section
from drillbook.report.source import ReportSource


@dataclass(frozen=True)
class EvidenceRow:
    """One kind of evidence."""

    name: str
    line: str
    """What it holds."""
    state: str
    """complete, incomplete or missing."""
    why: str
    """Empty: it is complete."""
    lines: int | None
    """None: it is missing."""
    size_bytes: int | None
    needed_by: tuple[str, ...]
    """Of the drill's invariants."""


def kinds(source: ReportSource, needs: Mapping[str, Collection[str]]) -> list[EvidenceRow]:
    """Every kind, in the order of the run directory's page.

    Args:
        source: the run's evidence.
        needs: of each invariant of the drill the kinds that it needs.
    """
    found = []
    for name, state, why in source.run.evidence:
        missing = state == "missing"
        lines = None if missing else int(source.rows(f"select count(*) from {name}")[0][0])  # noqa: S608 names of the kinds
        size = None if missing else (source.path / f"{name}.jsonl").stat().st_size
        if missing and KINDS[name].section and not getattr(source.scenario, KINDS[name].section):
            why = f"the scenario has no {KINDS[name].section}"
        needed_by = tuple(invariant for invariant, needed in needs.items() if name in needed)
        found.append(EvidenceRow(name, KINDS[name].about, state, why, lines, size, needed_by))
    return found


def _needs(run: Reported) -> dict[str, Collection[str]]:
    known = catalogue(run.source.path, run.source.path / "invariants")
    return {result.name: known[result.name].needs for result in run.judgement.results if result.name in known}


def _facts(run: Reported) -> Facts:
    return {"kinds": kinds(run.source, _needs(run))}


section = Section(
    "What the verdict is based on",
    place=105,
    facts=_facts,
    link="Evidence",
    about="every kind of evidence: whether it is complete, incomplete or missing and why, its lines and bytes, and which of the drill's "
    "invariants need it.",
)
