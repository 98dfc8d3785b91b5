"""The drill's database as the harness asks it, by a connection in memory: what is sent, and what each refusal means."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from drillbook.core.errors import UsageError
from drillbook.stage.database_client import DatabaseClient


class Connection:
    """One connection: what it was asked, and the rows it gives to every query."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.parameters: Any = None
        self.rows: list[dict[str, Any]] = []
        self.error: Exception | None = None
        self.settings: dict[str, Any] = {}

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        """It is closed."""

    def execute(self, query: str, parameters: Any = None) -> Connection:
        self.asked.append(query)
        self.parameters = parameters
        if self.error is not None and not query.startswith("set "):
            raise self.error
        return self

    def fetchall(self) -> list[dict[str, Any]]:
        return self.rows

    @property
    def description(self) -> list[Any]:
        return [SimpleNamespace(name=name) for name in (self.rows[0] if self.rows else {})]

    def cursor(self) -> Connection:
        return self

    def stream(self, query: str) -> Iterator[dict[str, Any]]:
        self.asked.append(query)
        yield from self.rows


@pytest.fixture
def connection(monkeypatch: pytest.MonkeyPatch) -> Connection:
    made = Connection()

    def connect(url: str, **settings: Any) -> Connection:
        made.settings = {"url": url, **settings}
        return made

    monkeypatch.setattr(psycopg, "connect", connect)
    return made


@pytest.fixture
def client(connection: Connection) -> DatabaseClient:
    return DatabaseClient("postgresql://here")


def test_rows_are_what_the_query_gives(client: DatabaseClient, connection: Connection) -> None:
    connection.rows = [{"a": 1}]
    assert client.rows("select 1 as a", 2.5) == [{"a": 1}]
    assert connection.asked == ["set statement_timeout = 2500", "select 1 as a"]
    assert (connection.settings["url"], connection.settings["connect_timeout"], connection.settings["autocommit"]) == (
        "postgresql://here",
        5,
        True,
    )


def test_rows_can_come_one_by_one(client: DatabaseClient, connection: Connection) -> None:
    connection.rows = [{"a": 1}, {"a": 2}]
    assert list(client.stream("select a", 120.0)) == [{"a": 1}, {"a": 2}]
    assert connection.asked[0] == "set statement_timeout = 120000"


def test_the_columns_of_a_query_are_asked_without_its_rows(client: DatabaseClient, connection: Connection) -> None:
    connection.rows = [{"task": 1, "at": 2}]
    assert client.columns("select task, at from effects;") == ["task", "at"]
    assert connection.asked[-1] == "select * from (\nselect task, at from effects\n) as asked limit 0"


def test_what_gives_no_rows_at_all_has_no_columns(client: DatabaseClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Connection, "description", None)
    assert client.columns("select") == []


def test_rows_are_counted_by_the_database(client: DatabaseClient, connection: Connection) -> None:
    connection.rows = [{"rows": 5}]
    assert client.count("select 1") == 5
    assert connection.asked[-1] == "select count(*) as rows from (\nselect 1\n) as asked"


def test_rows_of_tasks_that_do_not_count_are_left_out_by_the_database(client: DatabaseClient, connection: Connection) -> None:
    connection.rows = [{"rows": 5}]
    assert client.count("select 1 where a like '%'", ["x"]) == 5
    assert connection.asked[-1].endswith("'%%'\n) as asked where task is null or not task::text = any(%s::text[])")
    assert connection.parameters == [["x"]]


NUMBERS: dict[str, tuple[list[dict[str, Any]], float | None]] = {
    "a number": ([{"a": "4.5", "b": 1}], 4.5),
    "no row": ([], None),
    "nothing": ([{"a": None}], None),
}


@pytest.mark.parametrize(("rows", "number"), NUMBERS.values(), ids=NUMBERS)
def test_the_one_number_of_a_query_is_taken(
    client: DatabaseClient, connection: Connection, rows: list[dict[str, Any]], number: float | None
) -> None:
    connection.rows = rows
    assert client.number("select a") == number


def test_what_is_no_number_is_told(client: DatabaseClient, connection: Connection) -> None:
    connection.rows = [{"a": "many"}]
    with pytest.raises(UsageError, match="the query 'select a' must give one number, not 'many'"):
        client.number("select a")


@pytest.mark.parametrize("error", [psycopg.OperationalError("gone"), psycopg.InterfaceError("gone")])
def test_a_database_that_is_away_is_no_answer(client: DatabaseClient, connection: Connection, error: Exception) -> None:
    connection.error = error
    with pytest.raises(ConnectionError, match="the database does not answer: gone"):
        client.rows("select 1")
    assert not client.answers()


def test_a_query_that_is_refused_is_told(client: DatabaseClient, connection: Connection) -> None:
    connection.error = psycopg.ProgrammingError("no such table")
    with pytest.raises(UsageError, match="the database refuses the query 'select 1': no such table"):
        client.rows("select 1")


@pytest.mark.parametrize(("one", "answers"), [(1, True), (2, False)])
def test_a_database_answers_when_it_gives_what_it_is_asked(client: DatabaseClient, connection: Connection, one: int, answers: bool) -> None:
    connection.rows = [{"one": one}]
    assert client.answers() is answers


def test_a_file_is_run_whole(client: DatabaseClient, connection: Connection, tmp_path: Path) -> None:
    (tmp_path / "tables.sql").write_text("create table a ();\ncreate table b ();\n")
    client.run_file(tmp_path / "tables.sql")
    assert connection.asked == ["create table a ();\ncreate table b ();\n"]


SECONDS = 20.0


class Late(Connection):
    """A connection whose answer does not come: whoever waits for it waits until the connection is shut."""

    def __init__(self) -> None:
        super().__init__()
        self._ours, self._theirs = socket.socketpair()
        self._ours.settimeout(SECONDS)

    def fileno(self) -> int:
        return self._ours.fileno()

    def execute(self, query: str, parameters: Any = None) -> Connection:
        if self._ours.recv(1) == b"":
            raise psycopg.OperationalError("it was shut")
        return super().execute(query, parameters)

    def fetchone(self) -> None:
        """The answer is read."""

    def answers(self) -> None:
        """The answer comes."""
        self._theirs.send(b"x")

    def __exit__(self, *_: object) -> None:
        self._ours.close()
        self._theirs.close()


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> Late:
    made = Late()
    monkeypatch.setattr(psycopg, "connect", lambda _, **settings: made.settings.update(settings) or made)
    return made


def test_the_database_gives_back_as_many_bytes_as_it_is_sent(late: Late) -> None:
    late.answers()
    assert 0.0 <= DatabaseClient("postgresql://here").echo_seconds(7, SECONDS) < SECONDS
    assert (late.asked, late.parameters) == (["select %s::text"], ["xxxxxxx"])


def test_bytes_that_do_not_come_back_in_their_time_are_no_answer(late: Late) -> None:
    with pytest.raises(ConnectionError, match="the database does not answer: it was shut"):
        DatabaseClient("postgresql://here").echo_seconds(7, 0.05)


@pytest.mark.parametrize(("within", "connect"), [(0.05, 2), (2.5, 3)])
def test_an_echo_waits_for_its_connection_as_long_as_it_may_take_and_no_less_than_psycopg_can(
    late: Late, within: float, connect: int
) -> None:
    late.answers()
    DatabaseClient("postgresql://here").echo_seconds(7, within)
    assert late.settings["connect_timeout"] == connect


class PlacedError(psycopg.Error):
    """A refusal that says where."""

    def __init__(self, position: str | None, message: str | None = None) -> None:
        super().__init__("no more than this")
        self._diag = SimpleNamespace(statement_position=position, message_primary=message)

    @property
    def diag(self) -> Any:
        return self._diag


PLACES = {
    "in the second line": (PlacedError("22", "syntax error"), ":2: the database refuses it: syntax error."),
    "nowhere": (PlacedError(None), ":1: the database refuses it: no more than this."),
}


@pytest.mark.parametrize(("error", "said"), PLACES.values(), ids=PLACES)
def test_a_file_that_is_refused_is_told_with_its_line(
    client: DatabaseClient, connection: Connection, tmp_path: Path, error: Exception, said: str
) -> None:
    connection.error = error
    (tmp_path / "tables.sql").write_text("create table a ();\ncreate table b ();\n")
    with pytest.raises(UsageError) as raised:
        client.run_file(tmp_path / "tables.sql")
    assert raised.value.message == f"{tmp_path / 'tables.sql'}{said}"
