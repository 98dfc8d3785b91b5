"""What is asked through a link, of real services on loopback: echoes of the tap and of the sink, connections that stand, and knocks."""

from __future__ import annotations

import socket
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from select import select
from struct import pack
from threading import Event, Thread

import pytest
from tap_process import SECONDS, TapProcess

from drillbook.core.wait import until
from drillbook.sink.record import Record
from drillbook.sink.server import Server
from drillbook.stage.probes import Echo, IdleConnection, echo_of_sink, echo_of_tap, knock, stand

LOOPBACK = "127.0.0.1"
SHORT = 0.3
"""Seconds that are waited for what does not come."""
Serve = Callable[[socket.socket], None]
"""What a service does with one connection."""


@contextmanager
def service(serve: Serve) -> Iterator[tuple[str, int]]:
    """A service for one connection on loopback; the test ends when it has."""
    with closing(socket.create_server((LOOPBACK, 0))) as listening:
        listening.settimeout(SECONDS)

        def accept() -> None:
            connection, _ = listening.accept()
            connection.settimeout(SECONDS)
            with connection, suppress(ConnectionError):
                serve(connection)

        thread = Thread(target=accept, daemon=True)
        thread.start()
        yield listening.getsockname()
        thread.join(SECONDS)
        assert not thread.is_alive(), "the connection was left open"


def nobody() -> tuple[str, int]:
    """An address at which nothing listens."""
    with socket.create_server((LOOPBACK, 0)) as closed:
        address: tuple[str, int] = closed.getsockname()
        return address


def to_its_end(connection: socket.socket) -> bytes:
    """All that still comes, until the other side has ended the connection."""
    return b"".join(iter(lambda: connection.recv(65536), b""))


def reset(connection: socket.socket) -> None:
    """End it as a process does that is killed."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, pack("ii", 1, 0))
    connection.close()


def says_nothing(connection: socket.socket) -> None:
    """Take what comes, and answer nothing."""
    to_its_end(connection)


def answers(connection: socket.socket) -> None:
    """Answer the first word, and no other."""
    assert connection.recv(64) == b"hello"
    connection.sendall(b"!")
    to_its_end(connection)


def ends(connection: socket.socket) -> None:
    """End at the first word."""
    connection.recv(64)


def resets(connection: socket.socket) -> None:
    """Reset at the first word."""
    connection.recv(64)
    reset(connection)


# Echoes


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[int]:
    """The port of a sink."""
    with Server((LOOPBACK, 0), Record(str(tmp_path / "sink.jsonl")), ("calls",)) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.mark.parametrize("size", [0, 1, 300_000])
def test_a_tap_gives_back_as_many_bytes(tap: TapProcess, size: int) -> None:
    assert 0.0 <= echo_of_tap(tap.ports["load"], size, SECONDS) < SECONDS


@pytest.mark.parametrize("size", [0, 1, 300_000])
def test_a_sink_gives_back_as_many_bytes(sink: int, size: int) -> None:
    assert 0.0 <= echo_of_sink(sink, size, SECONDS) < SECONDS


def late(answer: bytes) -> Serve:
    """Answers some time after it was asked."""

    def serve(connection: socket.socket) -> None:
        connection.recv(65536)
        Event().wait(SHORT)
        connection.sendall(answer)
        to_its_end(connection)

    return serve


def at_once(answer: bytes) -> Serve:
    """Answers, and ends."""

    def serve(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(answer)
        connection.shutdown(socket.SHUT_WR)
        to_its_end(connection)

    return serve


def drips(connection: socket.socket) -> None:
    """Answers byte by byte, each in time and all of them never."""
    connection.recv(65536)
    for _ in range(40):
        connection.sendall(b"x")
        Event().wait(SHORT / 4)


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"
LATE: dict[str, tuple[Echo, Serve]] = {"tap": (echo_of_tap, late(b"xyz")), "sink": (echo_of_sink, late(HEAD + b"xyz"))}
SHORT_OF_IT: dict[str, tuple[Echo, Serve, str]] = {
    "a tap that gives back too few": (echo_of_tap, at_once(b"xy"), "it ended before all had come back"),
    "a sink that gives back too few": (echo_of_sink, at_once(HEAD.replace(b"3", b"2") + b"xy"), "it ended before all had come back"),
    "a sink that ends amid its answer": (echo_of_sink, at_once(HEAD + b"xy"), "the sink said no HTTP: IncompleteRead"),
    "a sink that is none": (echo_of_sink, at_once(b"+PONG\r\n"), "the sink said no HTTP: +PONG"),
}


@pytest.mark.parametrize(("echo", "serve"), LATE.values(), ids=LATE)
def test_an_echo_takes_as_long_as_its_answer(echo: Echo, serve: Serve) -> None:
    with service(serve) as (_, port):
        assert SHORT <= echo(port, 3, SECONDS) < SECONDS


@pytest.mark.parametrize(("echo", "serve", "said"), SHORT_OF_IT.values(), ids=SHORT_OF_IT)
def test_an_echo_that_is_cut_short_is_no_answer(echo: Echo, serve: Serve, said: str) -> None:
    with service(serve) as (_, port), pytest.raises(ConnectionError) as raised:
        echo(port, 3, SECONDS)
    assert said in str(raised.value)


@pytest.mark.parametrize("echo", [echo_of_tap, echo_of_sink])
def test_an_echo_that_does_not_come_is_given_up(echo: Echo) -> None:
    with service(says_nothing) as (_, port), pytest.raises(TimeoutError):
        echo(port, 3, SHORT)


def test_an_echo_that_comes_byte_by_byte_is_given_up_in_the_same_time() -> None:
    with service(drips) as (_, port), pytest.raises(TimeoutError):
        echo_of_tap(port, 1000, SHORT)


@pytest.mark.parametrize("echo", [echo_of_tap, echo_of_sink])
def test_of_nobody_there_is_no_echo(echo: Echo) -> None:
    with pytest.raises(ConnectionRefusedError):
        echo(nobody()[1], 3, SECONDS)


# Connections that stand


@contextmanager
def standing(serve: Serve) -> Iterator[IdleConnection]:
    """A connection that stands, to such a service."""
    with service(serve) as address:
        connection = stand(address, b"hello", SECONDS)
        assert connection is not None
        try:
            yield connection
        finally:
            connection.close()


def after_its_answer(then: Serve) -> tuple[Event, Serve]:
    """Answers, and goes on when it is told to."""
    told = Event()

    def serve(connection: socket.socket) -> None:
        connection.recv(64)
        connection.sendall(b"!")
        assert told.wait(SECONDS)
        then(connection)

    return told, serve


THEN: dict[str, Serve] = {"ends": socket.socket.close, "resets": reset, "says more and ends": lambda one: one.sendall(bytes(100_000))}


@pytest.mark.parametrize("then", THEN.values(), ids=THEN)
def test_a_connection_has_ended_when_the_other_side_has_ended_it(then: Serve) -> None:
    told, serve = after_its_answer(then)
    with standing(serve) as connection:
        assert not connection.ended()
        told.set()
        assert until(connection.ended, SECONDS)


def test_a_connection_that_was_reset_has_ended_at_the_first_look() -> None:
    connected = Event()

    def serve(connection: socket.socket) -> None:
        assert connected.wait(SECONDS)
        reset(connection)

    with service(serve) as address, socket.create_connection(address, SECONDS) as ours:
        connected.set()
        connection = IdleConnection(ours)
        assert select([ours], [], [], SECONDS)[0] == [ours]
        assert connection.ended()


def test_a_connection_that_says_something_has_not_ended() -> None:
    told, said = Event(), Event()

    def serve(connection: socket.socket) -> None:
        connection.sendall(b"!")
        assert told.wait(SECONDS)
        connection.sendall(b"more")
        said.set()
        to_its_end(connection)

    with standing(serve) as connection:
        told.set()
        assert said.wait(SECONDS)
        assert [connection.ended() for _ in range(3)] == [False, False, False]


def test_a_connection_that_stands_can_be_closed() -> None:
    with service(answers) as address:
        connection = stand(address, b"hello", SECONDS)
        assert connection is not None
        connection.close()


SPEECHLESS: dict[str, Serve] = {"says nothing": says_nothing, "ends": ends, "resets": resets}


@pytest.mark.parametrize("serve", SPEECHLESS.values(), ids=SPEECHLESS)
def test_what_does_not_answer_its_hello_does_not_stand(serve: Serve) -> None:
    with service(serve) as address, warnings.catch_warnings(record=True, category=ResourceWarning) as left_open:
        warnings.simplefilter("always", ResourceWarning)
        assert stand(address, b"hello", SHORT) is None
    assert left_open == []


def test_nothing_stands_where_nobody_is() -> None:
    assert stand(nobody(), b"hello", SECONDS) is None


# Knocks

KNOCKS: dict[str, Serve] = {"answered": answers, "ended": ends, "reset": resets, "silent": says_nothing}


@pytest.mark.parametrize(("heard", "serve"), KNOCKS.items(), ids=KNOCKS)
def test_a_knock_tells_what_came_of_it(heard: str, serve: Serve) -> None:
    with service(serve) as address:
        assert knock(address, b"hello", SHORT if heard == "silent" else SECONDS) == heard


def test_a_knock_where_nobody_is_hears_nothing() -> None:
    assert knock(nobody(), b"hello", SECONDS) == "silent"
