"""The drill's database as the harness asks it, by a connection in memory: what is sent, and what each refusal means.

An echo is asked of a service on loopback that speaks as much of PostgreSQL's protocol as it takes.
"""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from struct import pack, unpack
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


# Echoes

SECONDS = 20.0
SHORT = 0.3


def message(kind: bytes, content: bytes) -> bytes:
    """One message of the protocol: type, length, content."""
    return kind + pack("!i", 4 + len(content)) + content


READY = message(b"Z", b"I")
TAKEN = message(b"R", pack("!i", 0)) + READY
COLUMN = pack("!h", 1) + b"text\0" + pack("!ihihih", 0, 0, 25, -1, -1, 0)


def row(text: bytes) -> bytes:
    """The answer to a query that gives one text."""
    cell = message(b"D", pack("!hi", 1, len(text)) + text)
    return message(b"1", b"") + message(b"2", b"") + message(b"T", COLUMN) + cell + message(b"C", b"SELECT 1\0") + READY


def heard(connection: socket.socket) -> bytes:
    """What the client sends up to its question's end, which is a Sync."""
    told = b""
    while not told.endswith(message(b"S", b"")):
        came = connection.recv(65536)
        assert came, "it ended amid its question"
        told += came
    return told


def gives_back(connection: socket.socket) -> None:
    """Answers some time after it was asked."""
    text = max(re.findall(rb"x+", heard(connection)), key=len)
    threading.Event().wait(SHORT)
    connection.sendall(row(text))


def refuses(connection: socket.socket) -> None:
    """Answers with an error."""
    heard(connection)
    connection.sendall(message(b"E", b"SERROR\0C53200\0Mout of memory\0\0") + READY)


def says_nothing(connection: socket.socket) -> None:
    """Takes the question."""
    heard(connection)


def ends(connection: socket.socket) -> None:
    """Ends at the question."""
    heard(connection)
    connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def database(serve: Callable[[socket.socket], None]) -> Iterator[DatabaseClient]:
    """A database for one connection, which it takes; the test ends when the client has ended it."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:

        def accept() -> None:
            connection, _ = listening.accept()
            connection.settimeout(SECONDS)
            with connection, suppress(ConnectionError):
                (size,) = unpack("!i", connection.recv(4, socket.MSG_WAITALL))
                connection.recv(size - 4, socket.MSG_WAITALL)
                connection.sendall(TAKEN)
                serve(connection)
                while connection.recv(65536):
                    pass

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        port = listening.getsockname()[1]
        yield DatabaseClient(f"postgresql://drill:drill@127.0.0.1:{port}/drill?sslmode=disable&gssencmode=disable")
        thread.join(SECONDS)
        assert not thread.is_alive(), "the connection was left open"


@pytest.mark.parametrize("size", [0, 1, 100_000])
def test_an_echo_takes_as_long_as_its_answer(size: int) -> None:
    with database(gives_back) as client:
        assert SHORT <= client.echo_seconds(size, SECONDS) < SECONDS


def test_what_gives_an_echo_up_does_not_outlive_it() -> None:
    begin = time.monotonic()
    with database(gives_back) as client:
        client.echo_seconds(1, SECONDS)
        assert not [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]
    assert time.monotonic() - begin < SECONDS


def test_an_echo_that_does_not_come_is_given_up() -> None:
    begin = time.monotonic()
    with database(says_nothing) as client, pytest.raises(ConnectionError, match="the database does not answer: "):
        client.echo_seconds(1, SHORT)
    assert SHORT <= time.monotonic() - begin < SECONDS


@pytest.mark.parametrize(("serve", "said"), [(refuses, "out of memory"), (ends, "closed")])
def test_an_echo_that_fails_is_no_answer(serve: Callable[[socket.socket], None], said: str) -> None:
    with database(serve) as client, pytest.raises(ConnectionError, match=rf"the database does not answer: [^$]*{said}"):
        client.echo_seconds(1, SECONDS)


def test_of_nobody_there_is_no_echo() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(ConnectionError, match="the database does not answer: "):
        DatabaseClient(f"postgresql://drill@127.0.0.1:{port}/drill").echo_seconds(1, SECONDS)
