"""A run as reports show it: what the judge has read of it, in time order, and what programs wrote."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from drillbook.evidence.documents import EnvironmentDocument
from drillbook.evidence.kinds.timeline import Event
from drillbook.judge.run import Run
from drillbook.scenario import Scenario

TRANSCRIPT_BYTES = 100_000
"""Longer transcripts are shown by their first and last half of this."""


@dataclass(frozen=True)
class TranscriptText:
    """What a program of the drill wrote."""

    name: str
    text: str
    left_out: int
    """Bytes left out of its middle."""


@dataclass(frozen=True)
class ReportSource:
    """The evidence of one run, for as long as the run is open."""

    run: Run
    events: tuple[Event, ...]
    """The timeline, in time order."""
    transcripts: tuple[TranscriptText, ...]

    @property
    def path(self) -> Path:
        """The run directory."""
        return self.run.path

    @property
    def scenario(self) -> Scenario:
        """The run's."""
        return self.run.scenario

    @property
    def environment(self) -> EnvironmentDocument:
        """What the run ran on."""
        return self.run.environment

    def rows(self, query: str, **parameters: Any) -> list[tuple[Any, ...]]:
        """The rows of a query on the judge's tables and views."""
        return self.run.rows(query, **parameters)

    def has(self, *names: str) -> bool:
        """Whether there is evidence of all these kinds."""
        return all(map(self.run.has, names))

    @property
    def name(self) -> str:
        """The scenario's name: that of the folder which holds its runs."""
        return self.path.resolve().parent.name or self.path.resolve().name

    @property
    def label(self) -> str:
        """The run directory without the folders above its project's: ``reports/<scenario>/<run>``."""
        return "/".join(self.path.resolve().parts[-3:]).lstrip("/")


def read(run: Run) -> ReportSource:
    """Read everything a report shows.

    Args:
        run: open, its evidence complete or not.
    """
    transcripts = tuple(_transcript(path) for path in sorted((run.path / "playbook").glob("*")) if path.is_file())
    return ReportSource(run, _events(run), transcripts)


def _events(run: Run) -> tuple[Event, ...]:
    names = [field.name for field in fields(Event)]
    wanted = ", ".join(f'"{name}"' for name in names)
    rows = run.rows(f'select {wanted} from timeline order by "at", rowid')  # noqa: S608 names of records.py
    return tuple(Event(**dict(zip(names, row, strict=True))) for row in rows)


def _transcript(path: Path) -> TranscriptText:
    content = path.read_bytes()
    left_out = max(0, len(content) - TRANSCRIPT_BYTES)
    if left_out:
        half = TRANSCRIPT_BYTES // 2
        content = content[:half] + f"\n… {left_out:,} bytes left out; the whole is in playbook/{path.name} …\n".encode() + content[-half:]
    return TranscriptText(path.name, content.decode("utf-8", "replace"), left_out)
