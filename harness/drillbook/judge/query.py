"""Running one invariant's SQL: what it returns, and what is wrong with it, in a sentence."""

from __future__ import annotations

import atexit
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import duckdb

from drillbook.core.errors import UsageError
from drillbook.judge.catalogue import Invariant
from drillbook.judge.database import EvidenceDatabase
from drillbook.judge.parameters import sample
from drillbook.judge.tables import describe, open_tables

SHOWN = 100
"""Findings of one invariant that are given with their stories; all are counted."""

_OPTIONAL = {"why": "varchar", "step": "varchar", "kind": "varchar", "inconclusive": "boolean"}


@dataclass(frozen=True)
class ResultRow:
    """One row of an invariant."""

    task: str | None
    why: str | None
    step: str | None


@dataclass(frozen=True)
class FindingKind:
    """The counterexamples of one kind."""

    name: str
    """Empty: the plain kind."""
    count: int
    step: str | None
    """The step that most of them are blamed on."""
    blamed: int
    """How many that is."""


@dataclass(frozen=True)
class QueryAnswer:
    """What an invariant's SQL returned."""

    rows: tuple[ResultRow, ...]
    """The first counterexamples, by task."""
    kinds: tuple[FindingKind, ...]
    undecided: tuple[str, ...]
    """Why it cannot be judged: the rows whose column ``inconclusive`` is true."""

    @property
    def count(self) -> int:
        """Counterexamples in all."""
        return sum(kind.count for kind in self.kinds)


def ask(database: EvidenceDatabase, invariant: Invariant, bindings: Mapping[str, Any], task: str | None = None) -> QueryAnswer:
    """Run an invariant. What its SQL does to the tables is undone.

    Args:
        database: the evidence with its views.
        invariant: whose SQL to run.
        bindings: values of its named parameters.
        task: only what it says of this task; None: of all.

    Raises:
        UsageError: the SQL is not one SELECT, fails, or returns no column ``task``.
    """
    with _found(database, invariant, bindings) as (connection, count):
        if task is not None:
            connection.execute("delete from found where task is distinct from ?", [task])
        return _answer(connection, invariant) if count else QueryAnswer((), (), ())


def sql_problems(invariant: Invariant) -> list[str]:
    """What is wrong with an invariant's SQL, found by running it on empty evidence."""
    bindings = {parameter.name: sample(parameter.kind) for parameter in invariant.parameters}
    try:
        with _found(_empty(), invariant, bindings) as (connection, _):
            _answer(connection, invariant)
    except UsageError as error:
        return [str(error)]
    return []


@cache
def _empty() -> EvidenceDatabase:
    """Empty evidence; loaded once, as it takes a moment."""
    kept = ExitStack()
    atexit.register(kept.close)
    database, _ = kept.enter_context(open_tables(None))
    describe(database, [], [])
    return database


@contextmanager
def _found(
    database: EvidenceDatabase, invariant: Invariant, bindings: Mapping[str, Any]
) -> Iterator[tuple[duckdb.DuckDBPyConnection, int]]:
    """Have what an invariant's SQL returns as a table, for as long as the block lasts; it has so many rows."""
    try:
        statement = _statement(database, invariant)
        database.make(invariant.sql, ours=invariant.built_in)
        given = {name: bindings[name] for name in statement.named_parameters if name in bindings}
        with database.undone() as connection:
            (count,) = connection.execute(statement, given).fetchone() or (0,)
            if not invariant.built_in and "task" not in _columns(connection):
                raise _failure(invariant, "it returns no column task")
            yield connection, count
    except duckdb.Error as error:
        raise _said_by_duckdb(invariant, error) from error


_PARSED: dict[str, duckdb.Statement] = {}
"""By an invariant's SQL the statement that makes ``found`` of it: parsing it takes a good part of a small judgement."""


def _statement(database: EvidenceDatabase, invariant: Invariant) -> duckdb.Statement:
    if invariant.sql not in _PARSED:
        if not invariant.built_in:
            _check(database, invariant)
        _PARSED[invariant.sql] = database.extract_statements(f"create temp table found as\n{invariant.sql}")[0]
    return _PARSED[invariant.sql]


def _check(database: EvidenceDatabase, invariant: Invariant) -> None:
    statements = database.extract_statements(invariant.sql)
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise _failure(invariant, "an invariant is one SELECT")
    unknown = sorted(statements[0].named_parameters - {parameter.name for parameter in invariant.parameters})
    if unknown:
        raise _failure(invariant, f"its header has no line `-- parameter {unknown[0]}: …` for ${unknown[0]}")


def _columns(database: duckdb.DuckDBPyConnection) -> set[str]:
    return {column[0] for column in database.execute("from found limit 0").description or ()}


def _answer(database: duckdb.DuckDBPyConnection, invariant: Invariant) -> QueryAnswer:
    columns = _columns(database)
    if "unknown" in columns and "inconclusive" not in columns:  # as invariants written for format 1 of the run directory call it
        database.execute("alter table found rename column unknown to inconclusive")
        columns = _columns(database)
    for name, kind in _OPTIONAL.items():
        if name not in columns:
            database.execute(f"alter table found add column {name} {kind}")
    database.execute("create temp view sound as select * from found where inconclusive is not true")
    kinds = database.execute("""
        select kind, sum(found)::bigint as total, arg_max(step, {found: found, step: step}) filter (step is not null),
               coalesce(max(found) filter (step is not null), 0)
        from (select coalesce(kind::varchar, '') as kind, step::varchar as step, count(*) as found from sound group by all)
        group by kind order by kind
    """).fetchall()
    first = database.execute(
        "select task::varchar, why::varchar, step::varchar from sound order by task nulls first, why, step limit ?", [SHOWN]
    ).fetchall()
    undecided = database.execute(
        "select distinct coalesce(nullif(why::varchar, ''), ?) from found where inconclusive order by 1 limit ?",
        [f"{invariant.path.name} cannot tell, and does not say why", SHOWN],
    ).fetchall()
    return QueryAnswer(
        tuple(ResultRow(*row) for row in first), tuple(FindingKind(*row) for row in kinds), tuple(why for (why,) in undecided)
    )


def _failure(invariant: Invariant, problem: str, line: str = "") -> UsageError:
    return UsageError(f"{invariant.path.name}{line}: {problem.rstrip('.!')}.")


def _said_by_duckdb(invariant: Invariant, error: duckdb.Error) -> UsageError:
    """DuckDB's own sentence, and the line where it gives one; the SQL stands one line lower than in its file when it runs."""
    message, line = str(error), re.search(r"^LINE (\d+):", str(error), re.MULTILINE)
    offset = 0 if isinstance(error, duckdb.ParserException) else 1
    return _failure(invariant, message.splitlines()[0], f":{int(line[1]) - offset}" if line else "")
