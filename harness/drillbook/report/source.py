"""A run directory as reports read it: tolerant, because a report is wanted most of runs that died half-way.

A file that is absent counts as no evidence, and an unreadable line (the last one of a killed run) is left out; nothing raises for either.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path
from tempfile import TemporaryDirectory
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import duckdb
from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from drillbook.evidence.records import FILES, Event
from drillbook.judge.database import Database
from drillbook.judge.tables import LARGE, MEMORY, ONE_SOURCE, SMALL, describe_sources
from drillbook.judge.wholeness import sources
from drillbook.scenario import Scenario

TRANSCRIPT_BYTES = 100_000
"""Longer transcripts are shown by their first and last half of this."""


_OF_TASKS = ("published", "effects", "leftovers", "states")
"""Files whose lines are about one task each; the others' are about a moment."""
_IN_ORDER = ("timeline", "metrics")
"""Files whose lines of one moment are shown in the order they stand in."""


@dataclass(frozen=True)
class Transcript:
    """What a program of the drill wrote."""

    name: str
    text: str
    left_out: int
    """Bytes left out of its middle."""


@dataclass(frozen=True)
class Source:
    """The evidence of one run, readable."""

    path: Path
    scratch: TemporaryDirectory[str]
    """Where a large run's tables are, for as long as this is."""
    tables: Database
    """One table a kind of line, named by the stem of its file, empty where the file is absent; and the judge's views of what was done."""
    present: frozenset[str]
    """Stems of the files that are there."""
    events: tuple[Event, ...]
    """The timeline, in time order."""
    scenario: Scenario | None
    environment: dict[str, Any]
    transcripts: tuple[Transcript, ...]

    def rows(self, query: str, **parameters: Any) -> list[tuple[Any, ...]]:
        """The rows of a query on the tables."""
        return self.tables.execute(query, parameters or None).fetchall()

    def phase(self, name: str, state: str) -> Event | None:
        """The first event of a phase's begin or end."""
        return next((event for event in self.events if (event.event, event.name, event.state) == ("phase", name, state)), None)

    @property
    def name(self) -> str:
        """The scenario's name: that of the folder which holds its runs."""
        return self.path.resolve().parent.name or self.path.resolve().name

    @property
    def label(self) -> str:
        """The run directory without the folders above its project's: ``reports/<scenario>/<run>``."""
        return "/".join(self.path.resolve().parts[-3:]).lstrip("/")


def read(run_directory: Path) -> Source:
    """Read everything a report shows.

    Args:
        run_directory: any run directory, whole or not.
    """
    present = frozenset(stem for stem in FILES if (run_directory / f"{stem}.jsonl").is_file())
    scratch = TemporaryDirectory(prefix="drillbook-report-")
    size = sum((run_directory / f"{stem}.jsonl").stat().st_size for stem in present)
    tables = Database(_database(Path(scratch.name), size))
    for stem, record in FILES.items():
        _load(tables, stem, record, run_directory / f"{stem}.jsonl" if stem in present else None)
    scenario = _scenario(run_directory / "scenario.yaml")
    describe_sources(tables, sources(scenario) if scenario else [ONE_SOURCE])  # so that the report counts as the judge does
    return Source(
        path=run_directory,
        scratch=scratch,
        tables=tables,
        present=present,
        events=_events(tables),
        scenario=scenario,
        environment=_document(run_directory / "environment.json"),
        transcripts=tuple(_transcript(path) for path in sorted((run_directory / "playbook").glob("*")) if path.is_file()),
    )


def _database(folder: Path, size: int) -> duckdb.DuckDBPyConnection:
    settings: dict[str, str | bool | int | float | list[str]] = {"memory_limit": MEMORY, "temp_directory": str(folder / "spilled")}
    if size <= SMALL:
        settings["threads"] = 1
    return duckdb.connect(folder / "evidence.db" if size > LARGE else ":memory:", config=settings)


def _load(tables: Database, stem: str, record: type, path: Path | None) -> None:
    columns = {name: _sql_type(hint) for name, hint in get_type_hints(record).items()}
    if path is None or path.stat().st_size == 0:
        declared = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
        tables.execute(f"create table {stem} ({declared})")
        return
    tables.execute(f"set preserve_insertion_order = {stem in _IN_ORDER}")  # it costs memory
    tables.execute(
        f"create table {stem} as select * from read_json($path, format='newline_delimited', columns=$columns, ignore_errors=true) "  # noqa: S608
        f'where "{"task" if stem in _OF_TASKS else "at"}" is not null',
        {"path": str(path), "columns": columns},
    )


def _sql_type(hint: Any) -> str:
    inner = [one for one in get_args(hint) if one is not type(None)] if get_origin(hint) in (Union, UnionType) else [hint]
    if get_origin(inner[0]) is Literal:
        return "VARCHAR"
    return {str: "VARCHAR", int: "BIGINT", float: "DOUBLE", bool: "BOOLEAN"}[inner[0]]


def _events(tables: Database) -> tuple[Event, ...]:
    names = [field.name for field in fields(Event)]
    wanted = ", ".join(f'"{name}"' for name in names)
    complete = '"at" is not null and event is not null and name is not null and state is not null'
    rows = tables.execute(f'select {wanted} from timeline where {complete} order by "at", rowid').fetchall()  # noqa: S608
    return tuple(Event(**dict(zip(names, row, strict=True))) for row in rows)


def _scenario(path: Path) -> Scenario | None:
    try:
        return Scenario.model_validate(YAML(typ="safe").load(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, YAMLError, ValidationError):
        return None


def _document(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _transcript(path: Path) -> Transcript:
    content = path.read_bytes()
    left_out = max(0, len(content) - TRANSCRIPT_BYTES)
    if left_out:
        half = TRANSCRIPT_BYTES // 2
        content = content[:half] + f"\n… {left_out:,} bytes left out; the whole is in playbook/{path.name} …\n".encode() + content[-half:]
    return Transcript(path.name, content.decode("utf-8", "replace"), left_out)
