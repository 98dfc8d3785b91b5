"""What is asked through a link, of real servers on loopback that answer, fall silent, end or reset."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from threading import Event, Thread

import pytest

from drillbook.core.wait import until
from drillbook.sink.record import Record
from drillbook.sink.server import Server
from drillbook.stage.probes import echo_of_sink, echo_of_tap, knock, stand
from drillbook.tap.echo import question

SECONDS, SHORT = 20.0, 0.3
Does = Callable[[socket.socket], object]
Serve = Callable[[Does], int]


@pytest.fixture
def over() -> Iterator[Event]:
    """Set when the test is over, for servers that do nothing until then."""
    event = Event()
    yield event
    event.set()


@pytest.fixture
def serve(over: Event) -> Iterator[Serve]:
    """Starts servers, each for one connection; gives the port."""
    with ExitStack() as stack:

        def start(does: Does) -> int:
            listening = stack.enter_context(socket.create_server(("127.0.0.1", 0)))

            def accept() -> None:
                with suppress(OSError), listening.accept()[0] as connection:
                    does(connection)

            Thread(target=accept, daemon=True).start()
            return int(listening.getsockname()[1])

        yield start
        over.set()


def heard(connection: socket.socket, size: int) -> None:
    """All that is sent first."""
    while size > 0:
        size -= len(connection.recv(size))


def resets(connection: socket.socket) -> None:
    """End it by a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def resets_when_told(connection: socket.socket) -> None:
    """End it by a reset once something was said."""
    connection.recv(1)
    resets(connection)


def unused() -> int:
    """A port at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


# The tap's echo

SIZE = 1000


def test_an_echo_takes_as_long_as_its_bytes_need_to_come_back(serve: Serve) -> None:
    def late(connection: socket.socket) -> None:
        heard(connection, len(question(SIZE)) + SIZE)
        time.sleep(0.05)
        connection.sendall(bytes(SIZE))

    assert 0.05 <= echo_of_tap(serve(late), SIZE, SECONDS) < SECONDS


def test_an_echo_that_ends_half_way_is_no_answer(serve: Serve) -> None:
    def half(connection: socket.socket) -> None:
        heard(connection, len(question(SIZE)) + SIZE)
        connection.sendall(bytes(SIZE // 2))

    with pytest.raises(ConnectionError, match="it ended before all had come back"):
        echo_of_tap(serve(half), SIZE, SECONDS)


def test_an_echo_that_drips_has_no_more_time_for_that(serve: Serve, over: Event) -> None:
    def drips(connection: socket.socket) -> None:
        heard(connection, len(question(SIZE)) + SIZE)
        while not over.wait(SHORT / 10):
            connection.sendall(b"x")

    with pytest.raises(TimeoutError):
        echo_of_tap(serve(drips), SIZE, SHORT)


# The sink's echo


def test_the_sink_gives_back_what_it_is_sent_and_records_nothing(tmp_path: Path) -> None:
    with Server(("127.0.0.1", 0), Record(str(tmp_path / "sink.jsonl")), ("calls",)) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        assert 0.0 < echo_of_sink(server.server_port, SIZE, SECONDS) < SECONDS
        server.shutdown()
    assert (tmp_path / "sink.jsonl").read_text() == ""


ANSWERS = {
    "too short": (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", "it ended before all had come back"),
    "cut short": (b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nab", "the sink said no HTTP"),
    "another language": (b"AMQP\r\n\r\n", "the sink said no HTTP"),
    "nothing": (b"", "the sink said no HTTP"),
}


@pytest.mark.parametrize(("answer", "said"), ANSWERS.values(), ids=ANSWERS)
def test_another_answer_than_what_was_sent_is_none(serve: Serve, answer: bytes, said: str) -> None:
    def answers(connection: socket.socket) -> None:
        heard = b""
        while len(heard.partition(b"\r\n\r\n")[2]) < SIZE:
            heard += connection.recv(65536)
        connection.sendall(answer)

    with pytest.raises(ConnectionError, match=said):
        echo_of_sink(serve(answers), SIZE, SECONDS)


def test_a_sink_that_is_silent_is_not_waited_for_longer(serve: Serve, over: Event) -> None:
    with pytest.raises(TimeoutError):
        echo_of_sink(serve(lambda _: over.wait()), SIZE, SHORT)


# A hello

COMES = {"answered": lambda one: one.sendall(one.recv(1)), "ended": lambda one: one.recv(5), "reset": resets_when_told}


@pytest.mark.parametrize(("comes", "does"), COMES.items(), ids=COMES)
def test_a_knock_tells_what_comes_of_it(serve: Serve, comes: str, does: Does) -> None:
    assert knock(("127.0.0.1", serve(does)), b"hello", SECONDS) == comes


def test_a_knock_that_nobody_answers_is_silence(serve: Serve, over: Event) -> None:
    assert knock(("127.0.0.1", serve(lambda _: over.wait())), b"hello", SHORT) == "silent"
    assert knock(("127.0.0.1", unused()), b"hello", SHORT) == "silent"


NOBODY = {"it ends": lambda one: one.recv(5), "it resets": resets_when_told}


@pytest.mark.parametrize("does", NOBODY.values(), ids=NOBODY)
def test_a_connection_stands_only_where_its_hello_is_answered(serve: Serve, does: Does) -> None:
    assert stand(("127.0.0.1", serve(does)), b"hello", SECONDS) is None


def test_no_connection_stands_where_nobody_listens_or_answers(serve: Serve, over: Event) -> None:
    assert stand(("127.0.0.1", unused()), b"hello", SHORT) is None
    assert stand(("127.0.0.1", serve(lambda _: over.wait())), b"hello", SHORT) is None


ENDINGS: dict[str, Does] = {"it ends": lambda _: None, "it resets": resets}


@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS)
def test_a_connection_stands_until_the_other_side_ends_it(serve: Serve, ending: Does) -> None:
    go = Event()

    def answers(connection: socket.socket) -> None:
        heard(connection, 5)
        connection.sendall(b"welcome" * 20_000 + b"!")
        go.wait()
        ending(connection)

    standing = stand(("127.0.0.1", serve(answers)), b"hello", SECONDS)
    assert standing is not None
    assert not standing.ended()
    go.set()
    assert until(standing.ended, SECONDS)
    standing.close()
