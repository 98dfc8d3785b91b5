"""Carry TCP connections between clients and the broker, and show every chunk to the scanner after it has been sent on.

asyncio sets TCP_NODELAY on both sockets. A side whose receiver does not keep up is not read from; a side that ends is ended on the
other side as well, after what it sent has been carried over. No byte waits for the scanner or for the disk, unless a rule is armed for
its link: then the interceptors of ``TapSession`` decide.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from .armed_rules import ArmedRules
from .capture import Capture
from .config import TapLink, TapSettings
from .echo import EchoRequest, asked
from .session import TapSession
from .wire_file import WireFile

DIAL_SECONDS = 10.0
"""The longest wait for the broker to take a connection."""
BACKLOG = 1024
"""Connections that may wait on one link to be taken."""


class Side(asyncio.Protocol):
    """One of the two TCP connections of a session.

    Args:
        session: the connection it is of.
        who: is at its other end, client or broker.
        sides: the open ones; this one adds and removes itself.
    """

    def __init__(self, session: TapSession, who: str, sides: set[Side]) -> None:
        self.session, self._who, self._sides = session, who, sides
        self._read = session.connection.from_client if who == "client" else session.connection.from_broker
        self._tick = session.tick
        self.transport: asyncio.Transport
        self.other: Side | None = None
        self.done = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = self.session.ends[self._who] = transport
        self._sides.add(self)

    def data_received(self, data: bytes) -> None:
        self._tick()
        if self.session.interceptors:
            self.session.arrived(self._who, data)
            return
        assert self.other is not None
        if not self.other.transport.is_closing():
            self.other.transport.write(data)
        self._read(data)

    def eof_received(self) -> bool:
        """This side will send no more; what the other sends is still carried. True keeps the connection open."""
        assert self.other is not None
        self._end()
        if not self.other.done and not self.other.transport.is_closing():
            self.other.transport.write_eof()
            return True
        self.other.transport.close()
        return False

    def connection_lost(self, _: Exception | None) -> None:
        self._sides.discard(self)
        self._end()
        severed = self.session.severed and self._who == "client"  # the broker has been sent the end, and reads up to it
        if self.other is not None and not severed:
            self.other.transport.close()

    def _end(self) -> None:
        if not self.done:
            self.done = True
            self._tick()
            self.session.ended(self._who)

    def pause_writing(self) -> None:
        if self.other is not None:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other is not None:
            self.other.transport.resume_reading()


class ClientSide(Side):
    """The side that dialled the tap; it is read from when the broker has answered."""

    def __init__(self, session: TapSession, sides: set[Side], dial: Callable[[ClientSide], None]) -> None:
        super().__init__(session, "client", sides)
        self._dial = dial
        self._said = False
        self._echo: EchoRequest | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.transport.pause_reading()
        self._dial(self)

    def data_received(self, data: bytes) -> None:
        if not self._said:
            self._said = True
            self._echo = asked(data)
            if self._echo is not None:
                self._leave_broker()
        if self._echo is None:
            super().data_received(data)
        elif answer := self._echo.read(data):
            self.transport.write(answer)

    def _leave_broker(self) -> None:
        assert isinstance(self.other, Side)
        self.other.other = None
        self.other.transport.abort()


class Proxy:
    """All links of a tap.

    Args:
        settings: where to listen and where to dial.
        lines: where the scanners write.
        capture: who wants the messages that the broker delivers.
    """

    def __init__(self, settings: TapSettings, lines: WireFile, capture: Capture | None = None) -> None:
        self._settings, self._lines, self._capture = settings, lines, capture
        self.rules = ArmedRules(settings.rules, (link.name for link in settings.links), lines, self._rules_changed)
        self._connections = lines.connections
        self._sides: set[Side] = set()
        self._dialling: set[asyncio.Task[None]] = set()
        self._servers: list[asyncio.Server] = []

    async def serve(self, sockets: list[socket.socket]) -> None:
        """Take connections on listening sockets, one a link, in the order of the settings."""
        loop = asyncio.get_running_loop()
        for link, listening in zip(self._settings.links, sockets, strict=True):
            self._servers.append(await loop.create_server(lambda link=link: self._accepted(link), sock=listening, backlog=BACKLOG))  # type: ignore[misc]

    def stop(self) -> None:
        """End every connection at once; what was read has been shown to the scanner."""
        for server in self._servers:
            server.close()
        for task in self._dialling:
            task.cancel()
        for side in list(self._sides):
            side.session.drop_held()
            side.transport.abort()

    def _rules_changed(self) -> None:
        for session in {side.session for side in self._sides}:
            session.rule_by(self.rules.of(session.link.name))

    def _accepted(self, link: TapLink) -> ClientSide:
        self._connections += 1
        session = TapSession(link, self._connections, self._lines, self._settings.selector, self.rules.of(link.name), self._capture)
        return ClientSide(session, self._sides, self._dial)

    def _dial(self, client: ClientSide) -> None:
        task = asyncio.get_running_loop().create_task(self._join(client))
        self._dialling.add(task)
        task.add_done_callback(self._dialling.discard)

    async def _join(self, client: ClientSide) -> None:
        """Dial the broker for a client, by name each time: after a restart it may live elsewhere."""
        host, port = self._settings.upstream
        broker = Side(client.session, "broker", self._sides)
        broker.other = client
        try:
            async with asyncio.timeout(DIAL_SECONDS):
                await asyncio.get_running_loop().create_connection(lambda: broker, host, port)
        except OSError as error:
            self._lines.tick()
            client.session.connection.refused(f"cannot reach {host}:{port}: {error or type(error).__name__}")
            client.transport.abort()
            return
        client.other = broker
        client.transport.resume_reading()
