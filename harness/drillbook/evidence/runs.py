"""The runs under a folder of reports, each with its verdict; reads a few small files a run and judges nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from drillbook.core.errors import UsageError
from drillbook.evidence.documents import D, PlanDocument, VerdictHead, read

NO_VERDICT = "no verdict"


@dataclass(frozen=True)
class RunSummary:
    """One run directory."""

    path: Path
    scenario: str
    time: str
    """When it began, as its directory's name has it (UTC)."""
    seed: str
    verdict: str
    """``held``, ``broken``, ``inconclusive``, or ``no verdict`` where it was never judged."""


def runs(root: Path) -> list[RunSummary]:
    """Every run under ``root/<scenario>/<time>-<seed>/``, by scenario and time; none where there is no such folder."""
    return [_run(path) for path in sorted(Path(root).glob("*/*/")) if is_run(path)]


def rows(root: Path) -> list[tuple[str, str, str, str]]:
    """The runs as `drillbook list runs` prints them: scenario, time, seed, verdict."""
    return [(run.scenario, run.time, run.seed, run.verdict) for run in runs(root)]


def is_run(path: Path) -> bool:
    """Whether a folder is a run directory, a whole one, one cut short, or one made by hand; what it leads to where it is a link."""
    return path.is_dir() and any((path / name).is_file() for name in ("scenario.yaml", "plan.json", "timeline.jsonl"))


def _run(path: Path) -> RunSummary:
    time, _, seed = path.name.partition("-")
    drawn, verdict = _told(path, PlanDocument).seed, _told(path, VerdictHead).verdict
    return RunSummary(path, path.parent.name, time, seed if drawn is None else str(drawn), verdict or NO_VERDICT)


def _told(path: Path, kind: type[D]) -> D:
    """A document; one that says nothing where it was cut short."""
    try:
        return read(path, kind)
    except UsageError:
        return kind()
