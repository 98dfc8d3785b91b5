"""The evidence of a run directory as DuckDB tables, for the views that the invariants read.

Every ``.jsonl`` file is a table of its own name with the columns of its record: an absent field is NULL, an absent file an empty table.
A last line that a dying process left half-written is put aside, and noted in ``evidence``; anything else that is not a record is an error
with its file and line. After loading nothing can leave the database: no file, no network, no setting.

Memory is bounded: what does not fit goes to a private folder of temporary files, which is gone when the database is closed. Of a large run
the tables themselves are there, compressed.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import MISSING, dataclass, fields
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import duckdb

from drillbook.core.errors import UsageError
from drillbook.evidence.kinds import FILES, KINDS
from drillbook.judge.database import EvidenceDatabase

Source = tuple[str | None, str, list[str] | None]
"""Of effects: its name, ``query`` or ``http``, and the task types that leave an effect there; None: all of them."""
ONE_SOURCE: Source = (None, "query", None)
"""Where the scenario names none."""
LONGEST_LINE = 1 << 24
"""Bytes. A reading thread takes twice as much memory."""
MEMORY = "500MB"
"""What the database takes before it uses temporary files; reading the files and Python come on top."""
THREADS = 4
"""At most: each takes memory of its own."""
SMALL = 1 << 20
"""Bytes of evidence up to which one thread does it all: there is nothing to share, and others cost to start."""
LARGE = 256 << 20
"""Bytes of evidence above which the tables are on disk: making them takes longer, and they take a tenth of the room."""
_TYPES = {
    str: ("VARCHAR", "text"),
    int: ("BIGINT", "a whole number"),
    float: ("DOUBLE", "a number"),
    bool: ("BOOLEAN", "true or false"),
}
_OTHER = {
    str: r'[^"\sn]',
    int: r"-?\d+[.eE]|[^-\d\sn]",
    float: r"[^-\d\sn]",
    bool: r"[^tf\sn]",
}
"""How a value begins that is not of the type."""


@dataclass(frozen=True)
class _Field:
    kind: type
    required: bool
    words: tuple[str, ...]
    """What it may be, where that is few words."""
    older: Mapping[str, str]
    """Words of earlier formats, and what each is called now."""

    @property
    def sql(self) -> str:
        return _TYPES[self.kind][0]


NOT_FOR_SMALL = (
    "build_side_probe_side,column_lifetime,common_aggregate,common_subexpressions,common_subplan,compressed_materialization,"
    "cte_filter_pusher,cte_inlining,duplicate_groups,empty_result_pullup,expression_rewriter,filter_pullup,in_clause,join_elimination,"
    "join_filter_pushdown,join_order,late_materialization,limit_pushdown,materialized_cte,regex_range,reorder_filter,sampling_pushdown,"
    "statistics_propagation,top_n,top_n_window_elimination,unused_columns,window_self_join"
)
"""Steps of planning that cost more than they save where there is little to go through (``benchmarks/tiny.py``): a quarter of judging
next to nothing. What makes joins of conditions stays."""


class EvidenceError(UsageError):
    """A file of the run directory holds something that is no evidence; the message names file and line."""


@contextmanager
def open_tables(run_directory: Path | None) -> Iterator[tuple[EvidenceDatabase, set[str]]]:
    """Load the evidence files, for as long as the block lasts.

    Args:
        run_directory: where the files are; None: empty tables, to try SQL on.

    Yields:
        The database, and the stems of the files whose last line was half-written.

    Raises:
        EvidenceError: a line is not a record of its file's kind.
    """
    with TemporaryDirectory(prefix="drillbook-judge-") as folder, _database(Path(folder), _size(run_directory)) as connection:
        cut = {stem for stem in FILES if _load(connection, stem, run_directory and run_directory / f"{stem}.jsonl")}
        yield EvidenceDatabase(connection), cut


def describe(
    database: EvidenceDatabase,
    states: Iterable[tuple[str, str, str]],
    sections: Iterable[str],
    sources: Sequence[Source] = (ONE_SOURCE,),
) -> None:
    """Fill in what is known about the evidence, offer the views, and lock the database.

    Args:
        database: from ``open_tables``.
        states: of each evidence its name, ``complete``, ``incomplete`` or ``missing``, and why.
        sections: the sections the scenario declares.
        sources: where effects are read from.
    """
    describe_sources(database, sources)
    _table(database, "evidence (name varchar, state varchar, reason varchar)", states)
    _table(database, "sections (name varchar)", [(section,) for section in sections])
    database.execute("set enable_external_access = false")
    database.execute("set lock_configuration = true")


def describe_sources(database: EvidenceDatabase, sources: Sequence[Source] = (ONE_SOURCE,)) -> None:
    """Fill in where effects are read from, and offer the views."""
    _table(database, "sources (name varchar, kind varchar, types varchar[])", sources)
    database.offer(several=tuple(sources) != (ONE_SOURCE,))


def _table(database: EvidenceDatabase, table: str, rows: Iterable[Sequence[Any]]) -> None:
    """Make a table of these rows."""
    database.execute(f"create table {table}")
    filled = list(rows)
    if filled:
        values = ", ".join(f"({', '.join('?' * len(row))})" for row in filled)
        database.execute(f"insert into {table.split()[0]} values {values}", [value for row in filled for value in row])  # noqa: S608 names of this file


def _size(run_directory: Path | None) -> int:
    files = [run_directory / f"{stem}.jsonl" for stem in FILES] if run_directory else []
    return sum(file.stat().st_size for file in files if file.exists())


def _database(folder: Path, size: int) -> duckdb.DuckDBPyConnection:
    settings: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": MEMORY,
        "threads": 1 if size <= SMALL else min(THREADS, os.cpu_count() or 1),
        "temp_directory": str(folder / "spilled"),
        "preserve_insertion_order": False,  # no evidence has a meaning in the order of its lines
    }
    if size <= SMALL:
        settings["disabled_optimizers"] = NOT_FOR_SMALL
    return duckdb.connect(folder / "evidence.db" if size > LARGE else ":memory:", config=settings)


def _load(database: duckdb.DuckDBPyConnection, stem: str, path: Path | None) -> bool:
    """Load one file; True when its last line was half-written and left out."""
    if path is None or not path.exists() or path.stat().st_size == 0:
        columns = ", ".join(f'"{name}" {kind}' for name, kind in _columns(stem).items())
        database.execute(f"create table {stem} ({columns})")
        return False
    try:
        _read(database, stem, path)
        if _looks_mistyped(database, stem, path):
            _check(path, stem)
        return False
    except (duckdb.Error, OSError) as error:
        whole = _check(path, stem)
        if whole is None:
            raise EvidenceError(f"{path} cannot be read: {str(error).splitlines()[0]}.") from error
    with TemporaryDirectory() as folder:
        copy = Path(folder) / path.name
        with path.open("rb") as source, copy.open("wb") as target:
            target.writelines(line for line in source if line.endswith(b"\n"))
        _read(database, stem, copy)
    return True


def _read(database: duckdb.DuckDBPyConnection, stem: str, path: Path) -> None:
    columns = ", ".join(f"'{name}': '{kind}'" for name, kind in _columns(stem).items())
    options = f"format = 'newline_delimited', maximum_object_size = {LONGEST_LINE}, columns = {{{columns}}}"
    table = f"create or replace table {stem} as select * {_renamed(stem)} from read_json($file, {options})"  # noqa: S608 names and types of records.py
    database.execute(table, {"file": _as_it_is(path)})
    if database.execute(f"select 1 from {stem} where {_impossible(stem)} limit 1").fetchone():  # noqa: S608
        raise duckdb.InvalidInputException(f"a line is no {FILES[stem].__name__}")


def _looks_mistyped(database: duckdb.DuckDBPyConnection, stem: str, path: Path) -> bool:
    """Whether the text of some line looks as if a field had a value of another type, which DuckDB silently makes one that fits.

    What looks so may be within an object that no record has; what does not look so is none.
    """
    lines = f"read_ndjson_objects($file, maximum_object_size = {LONGEST_LINE})"
    query = f"select 1 from {lines} where regexp_matches(json::varchar, $pattern) limit 1"  # noqa: S608 one of our own numbers
    return database.execute(query, {"file": _as_it_is(path), "pattern": _mistyped(stem)}).fetchone() is not None


@cache
def _mistyped(stem: str) -> str:
    """A pattern of a field and the beginning of a value that is not of its type; ``null`` is of each."""
    names = {kind: "|".join(re.escape(name) for name, field in _fields(stem).items() if field.kind is kind) for kind in _OTHER}
    return "|".join(f'"(?:{names[kind]})"\\s*:\\s*(?:{other})' for kind, other in _OTHER.items() if names[kind])


def _as_it_is(path: Path) -> str:
    """A path for DuckDB, which takes some letters for a pattern."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in str(path))


@cache
def _columns(stem: str) -> dict[str, str]:
    return {name: field.sql for name, field in _fields(stem).items()}


@cache
def _fields(stem: str) -> dict[str, _Field]:
    hints = get_type_hints(FILES[stem])
    described = {}
    for field in fields(FILES[stem]):
        hint = hints[field.name]
        optional = NoneType in get_args(hint)
        kind = next(part for part in get_args(hint) if part is not NoneType) if optional else hint
        words = get_args(kind) if get_origin(kind) is Literal else ()
        older = KINDS[stem].older.get(field.name, {})
        described[field.name] = _Field(str if words else kind, not optional and field.default is MISSING, words, older)
    return described


def _renamed(stem: str) -> str:
    """SQL that calls things by their present words."""
    fields = {name: field.older for name, field in _fields(stem).items() if field.older}
    cases = [
        f"""case "{name}" {" ".join(f"when '{old}' then '{new}'" for old, new in older.items())} else "{name}" end as "{name}\""""
        for name, older in fields.items()
    ]
    return f"replace ({', '.join(cases)})" if cases else ""


def _impossible(stem: str) -> str:
    """SQL that is true of a row that no record can give."""
    tests = []
    for name, field in _fields(stem).items():
        if field.required:
            tests.append(f'"{name}" is null')
        if field.words:
            tests.append(f""""{name}" not in ({", ".join(f"'{word}'" for word in field.words)})""")
    return " or ".join(tests)


def _check(path: Path, stem: str) -> int | None:
    """Go through a file that did not load, line by line.

    Returns:
        How many whole lines stand before a half-written last one; None when every line is as it should be.

    Raises:
        EvidenceError: at the first line that is no record.
    """
    number = 0
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            problem = _problem(line, stem)
            if problem and not line.endswith(b"\n") and not _is_json(line):
                return number - 1
            if problem:
                raise EvidenceError(f"{path}:{number}: {problem}.")
    return None


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def _problem(line: bytes, stem: str) -> str | None:
    """What is wrong with one line, None when nothing is."""
    if not line.strip():
        return None
    try:
        content = json.loads(line)
    except ValueError:
        return f"not a line of JSON: {line[:60].decode(errors='replace').strip()}"
    if not isinstance(content, dict):
        return "not a JSON object"
    problems = (_field_problem(name, field, content.get(name)) for name, field in _fields(stem).items())
    return next(filter(None, problems), None)


def _field_problem(name: str, field: _Field, value: Any) -> str | None:
    if value is None:
        return f"{name} is missing" if field.required else None
    if field.words and field.older.get(value, value) not in field.words:
        return f"{name} is {value!r}, which is none of {', '.join(field.words)}"
    fits = type(value) is field.kind or (field.kind is float and type(value) is int)
    if not fits or (field.kind is int and not -(2**63) <= value < 2**63):
        return f"{name} is {value!r}, and should be {_TYPES[field.kind][1]}"
    return None
