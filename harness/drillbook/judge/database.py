"""The evidence's database. A view is made when a statement first names it, and with it those that it names itself.

What names what is read from the SQL. In that of somebody else any word counts: one that only looks like a view's name costs the time to
make that view. Ours is read more closely: what is called, and what stands where a table may and is not a name that the SQL gives itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

if TYPE_CHECKING:
    _Connection = duckdb.DuckDBPyConnection
else:
    _Connection = object  # DuckDB's own class cannot be derived from

FOLDER = Path(__file__).parent / "views"
IN_EACH = "_in_each"
"""What the name of a file ends with whose views take the place of another's where effects have several sources."""

_BEGIN = re.compile(r"^create (?:view|table|macro) (\w+)", re.MULTILINE)
_COMMENT = re.compile(r"^\s*--.*$", re.MULTILINE)
_WORD = re.compile(r"\w+")
_READ = re.compile(r"(?:\b(?:from|join)\s+|,\s*)(\w+)")
_CALLED = re.compile(r"(\w+)\(")
_OWN = re.compile(r"(\w+) as (?:materialized )?\(")


@dataclass(frozen=True)
class View:
    """A view, table or macro of ``views/``."""

    name: str
    sql: str
    names: tuple[str, ...]
    """The others that its SQL names."""


class EvidenceDatabase(_Connection):
    """A connection to the evidence that makes views as they are named.

    Args:
        connection: to a database with a table of each kind of evidence.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._views: Mapping[str, View] = {}
        self._made: set[str] = set()

    def offer(self, several: bool) -> None:
        """From now on there are views. What they are about must be filled in.

        Args:
            several: effects are read from several sources, or from one that has a name.
        """
        self._views = views(several)

    def execute(self, query: duckdb.Statement | str, parameters: object = None) -> duckdb.DuckDBPyConnection:
        """Run a statement; the views that it names are there."""
        self.make(query if isinstance(query, str) else query.query)
        return self._connection.execute(query, parameters)

    def make(self, sql: str, ours: bool = False) -> None:
        """Make the views that some SQL names, in so far as they are not there yet.

        Args:
            sql: any number of statements.
            ours: it is of this package, and can be read closely.
        """
        if self._views:
            for name in (named_closely if ours else named)(sql, frozenset(self._views)):
                self._make(name)

    @contextmanager
    def undone(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Undo at the end of the block what is done in it with the connection given, which makes no views."""
        self._connection.execute("begin")
        try:
            yield self._connection
        finally:
            self._connection.execute("rollback")

    def extract_statements(self, query: str) -> list[duckdb.Statement]:
        """Parse SQL."""
        return self._connection.extract_statements(query)

    def close(self) -> None:
        """End the connection."""
        self._connection.close()

    def _make(self, name: str) -> None:
        if name in self._made:
            return
        self._made.add(name)
        for other in self._views[name].names:
            self._make(other)
        self._connection.execute(self._views[name].sql)


@cache
def named(sql: str, known: frozenset[str]) -> tuple[str, ...]:
    """The known names among the words of some SQL, whole lines of comment left out; capitals are small letters to DuckDB."""
    return tuple(sorted(known.intersection(_WORD.findall(_COMMENT.sub("", sql).lower()))))


@cache
def named_closely(sql: str, known: frozenset[str]) -> tuple[str, ...]:
    """The known names that some SQL of ours reads or calls."""
    text = _COMMENT.sub("", sql)
    read = set(_READ.findall(text)).difference(_OWN.findall(text))
    return tuple(sorted(known.intersection(read.union(_CALLED.findall(text)))))


@cache
def views(several: bool) -> Mapping[str, View]:
    """Every view by name; of those that depend on it, the ones for effects of several sources or of one."""
    texts: dict[str, str] = {}
    for path in sorted(FOLDER.glob("*.sql"), key=lambda path: path.stem.endswith(IN_EACH)):
        if several or not path.stem.endswith(IN_EACH):
            texts.update(_statements(path.read_text(encoding="utf-8")))
    known = frozenset(texts)
    return {name: View(name, sql, tuple(other for other in named_closely(sql, known) if other != name)) for name, sql in texts.items()}


def _statements(text: str) -> Iterator[tuple[str, str]]:
    """Name and SQL of each view of a file."""
    begins = list(_BEGIN.finditer(text))
    ends = [following.start() for following in begins[1:]] + [len(text)]
    for begin, end in zip(begins, ends, strict=True):
        yield begin[1], text[begin.start() : end]
