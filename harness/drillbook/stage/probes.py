"""What is asked through a link, by connections of the harness's own, to see from outside what the link does to them.

A link's first proxy is asked, the one that clients use. An *echo* carries so many bytes there and, once all have come, as many back; who
gives them back knows that it is asked: the tap, the sink, the database by a query. A *knock* says hello and waits for one byte. It is made
on the run's own network: the engine's forwarding of loopback ports makes an ordinary end of a reset.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException

from drillbook.faults.base import Knock
from drillbook.tap.echo import question

Echo = Callable[[int, int, float], float]
"""Port, bytes and seconds to wait; gives the seconds it took, or raises an OSError."""


def echo_of_tap(port: int, size: int, within: float) -> float:
    """By a word of its own before any AMQP."""
    deadline = time.monotonic() + within
    with socket.create_connection(("127.0.0.1", port), timeout=within) as connection:
        begin = time.monotonic()
        connection.sendall(question(size))
        connection.sendall(bytes(size))
        while size > 0:
            connection.settimeout(max(0.001, deadline - time.monotonic()))
            came = len(connection.recv(65536))
            if came == 0:
                raise ConnectionError("it ended before all had come back")
            size -= came
        return time.monotonic() - begin


def echo_of_sink(port: int, size: int, within: float) -> float:
    """By a call that it does not record."""
    connection = HTTPConnection("127.0.0.1", port, timeout=within)
    try:
        begin = time.monotonic()
        connection.request("PUT", "/echo", body=bytes(size))
        if len(connection.getresponse().read()) < size:
            raise ConnectionError("it ended before all had come back")
        return time.monotonic() - begin
    except HTTPException as error:
        raise ConnectionError(f"the sink said no HTTP: {error}") from error
    finally:
        connection.close()


def round_trip(port: int, hello: bytes, within: float) -> float | None:
    """Seconds until a hello is answered; None when it is not."""
    begin = time.monotonic()
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=within) as connection:
            connection.sendall(hello)
            return time.monotonic() - begin if connection.recv(1) else None
    except OSError:
        return None


class IdleConnection:
    """A connection that says nothing after its hello.

    Args:
        connection: it was answered.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        connection.setblocking(False)

    def ended(self) -> bool:
        """Whether the other side has ended it, by now."""
        try:
            while self._connection.recv(65536):
                pass
        except BlockingIOError:
            return False
        except OSError:
            return True
        return True

    def close(self) -> None:
        """End it."""
        self._connection.close()


def stand(address: tuple[str, int], hello: bytes, within: float) -> IdleConnection | None:
    """Open one; None when nothing answered its hello."""
    try:
        connection = socket.create_connection(address, timeout=within)
    except OSError:
        return None
    try:
        connection.sendall(hello)
        if connection.recv(1):
            return IdleConnection(connection)
    except OSError:
        pass
    connection.close()
    return None


def knock(address: tuple[str, int], hello: bytes, within: float) -> Knock:
    """Say hello, and see what comes of it."""
    try:
        with socket.create_connection(address, timeout=within) as connection:
            connection.sendall(hello)
            return "answered" if connection.recv(1) else "ended"
    except ConnectionResetError:
        return "reset"
    except OSError:
        return "silent"
