"""PostgreSQL as the harness uses it: over a link that no fault touches, one short connection a question."""

from __future__ import annotations

import math
import socket
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Timer
from typing import Any

import psycopg
from psycopg.rows import dict_row

from drillbook.core.errors import UsageError

PORT = 5432
NAME = "drill"


class DatabaseClient:
    """Asks the drill's database.

    Args:
        url: ``postgresql://user:password@127.0.0.1:port/drill``.
    """

    def __init__(self, url: str) -> None:
        self.url = url

    def answers(self) -> bool:
        """Whether it takes connections and answers a query."""
        try:
            return self.rows("select 1 as one") == [{"one": 1}]
        except OSError:
            return False

    def run_file(self, path: Path) -> None:
        """Run an SQL file in one transaction.

        Raises:
            UsageError: the database refuses it; the message names file and line.
        """
        text = path.read_text(encoding="utf-8")
        try:
            with psycopg.connect(self.url, connect_timeout=10) as connection:
                connection.execute(text)
        except psycopg.Error as error:
            position = int(error.diag.statement_position or 0)
            line = text.count("\n", 0, position) + 1
            raise UsageError(f"{path}:{line}: the database refuses it: {error.diag.message_primary or error}.") from error

    def rows(self, query: str, timeout_seconds: float = 10.0) -> Sequence[dict[str, Any]]:
        """The rows of a query.

        Raises:
            ConnectionError: the database does not answer now.
            UsageError: it refuses the query.
        """
        with self._asked(query, timeout_seconds) as connection:
            return connection.execute(query).fetchall()

    def stream(self, query: str, timeout_seconds: float) -> Iterator[dict[str, Any]]:
        """The rows of a query one by one, so that their number does not count in memory.

        Args:
            timeout_seconds: for the whole query.

        Raises:
            ConnectionError: the database does not answer now.
            UsageError: it refuses the query.
        """
        with self._asked(query, timeout_seconds) as connection, connection.cursor() as cursor:
            yield from cursor.stream(query)

    def columns(self, query: str) -> list[str]:
        """The names of the columns that a query gives; its rows are not read.

        Raises:
            ConnectionError: the database does not answer now.
            UsageError: it refuses the query.
        """
        with self._asked(query, 10.0) as connection:
            described = connection.execute(f"select * from {_nested(query)} limit 0").description  # noqa: S608
            return [column.name for column in described or []]

    def count(self, query: str, without: Collection[str] = ()) -> int:
        """How many rows a query gives now.

        Args:
            query: has a column ``task`` where some do not count.
            without: tasks whose rows do not count.

        Raises:
            ConnectionError: the database does not answer now.
            UsageError: it refuses the query.
        """
        with self._asked(query, 10.0) as connection:
            counted = f"select count(*) as rows from {_nested(query)}"  # noqa: S608
            if not without:
                (row,) = connection.execute(counted).fetchall()
            else:
                others = counted.replace("%", "%%") + " where task is null or not task::text = any(%s::text[])"
                (row,) = connection.execute(others, [list(without)]).fetchall()
            return int(row["rows"])

    def number(self, query: str) -> float | None:
        """The one number a query gives; None when it gives none.

        Raises:
            ConnectionError: the database does not answer now.
            UsageError: it refuses the query, or the answer is no number.
        """
        rows = self.rows(query, timeout_seconds=3.0)
        value = next(iter(rows[0].values())) if rows else None
        try:
            return None if value is None else float(value)
        except (TypeError, ValueError):
            raise UsageError(f"the query {query!r} must give one number, not {value!r}.") from None

    def echo_seconds(self, size: int, within: float) -> float:
        """How long so many bytes take there and, once all have come, back.

        Raises:
            OSError: it did not answer within so many seconds.
        """
        try:
            with psycopg.connect(self.url, connect_timeout=max(2, math.ceil(within)), autocommit=True) as connection:
                given_up = Timer(within, lambda: _shut(connection.fileno()))  # psycopg waits for an answer for ever
                given_up.start()
                try:
                    begin = time.monotonic()
                    connection.execute("select %s::text", ["x" * size]).fetchone()
                    return time.monotonic() - begin
                finally:
                    given_up.cancel()
                    given_up.join()
        except psycopg.Error as error:
            raise ConnectionError(f"the database does not answer: {error}") from error

    @contextmanager
    def _asked(self, query: str, timeout_seconds: float) -> Iterator[psycopg.Connection[dict[str, Any]]]:
        """A connection for one question, with what goes wrong on it as a sentence."""
        try:
            with psycopg.connect(self.url, connect_timeout=5, row_factory=dict_row, autocommit=True) as connection:
                connection.execute(f"set statement_timeout = {round(timeout_seconds * 1000)}")
                yield connection
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            raise ConnectionError(f"the database does not answer: {error}") from error
        except psycopg.Error as error:
            raise UsageError(f"the database refuses the query {query!r}: {error.diag.message_primary or error}.") from error


def _shut(number: int) -> None:
    with socket.fromfd(number, socket.AF_INET, socket.SOCK_STREAM) as connection:
        connection.shutdown(socket.SHUT_RDWR)


def _nested(query: str) -> str:
    """A query as a table; it may end with a semicolon or with a comment."""
    return f"(\n{query.strip().rstrip(';')}\n) as asked"
