"""The runs under a folder of reports, each with its verdict; reads a few small files a run and judges nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NO_VERDICT = "no verdict"


@dataclass(frozen=True)
class Run:
    """One run directory."""

    path: Path
    scenario: str
    time: str
    """When it began, as its directory's name has it (UTC)."""
    seed: str
    verdict: str
    """``held``, ``broken``, ``unknown``, or ``no verdict`` where it was never judged."""


def runs(root: Path) -> list[Run]:
    """Every run under ``root/<scenario>/<time>-<seed>/``, by scenario and time; none where there is no such folder."""
    return [_run(path) for path in sorted(Path(root).glob("*/*/")) if _is_run(path)]


def rows(root: Path) -> list[tuple[str, str, str, str]]:
    """The runs as `drillbook list runs` prints them: scenario, time, seed, verdict."""
    return [(run.scenario, run.time, run.seed, run.verdict) for run in runs(root)]


def _is_run(path: Path) -> bool:
    return path.is_dir() and any((path / name).is_file() for name in ("scenario.yaml", "plan.json", "timeline.jsonl"))


def _run(path: Path) -> Run:
    time, _, seed = path.name.partition("-")
    drawn = _json(path / "plan.json").get("seed", seed)
    verdict = _json(path / "verdict.json").get("verdict")
    return Run(path=path, scenario=path.parent.name, time=time, seed=str(drawn), verdict=str(verdict or NO_VERDICT))


def _json(path: Path) -> dict[str, Any]:
    """A JSON document, empty where it is missing or was cut short."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
