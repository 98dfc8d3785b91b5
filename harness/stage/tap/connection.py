"""One AMQP connection, read from the bytes of its two directions: frames in, lines out.

The tap sees each chunk before its receiver does, so that a question is always read before its answer. Nothing is written of a
connection before the broker's ``connection.open-ok``: whoever only knocks leaves no line.
"""

from __future__ import annotations

from json.encoder import encode_basestring_ascii as quoted
from struct import Struct

from .channel import FROM_BROKER, FROM_CLIENT, Channel, Lines
from .content import Content
from .fields import TaskOf, short_string
from .frames import PREAMBLE, Frames

_long = Struct(">I").unpack_from
_code = Struct(">H").unpack_from
_CONNECTION_OPEN_OK, _CONNECTION_CLOSE = 10 << 16 | 41, 10 << 16 | 50
_CHANNEL_OPEN, _CHANNEL_CLOSE = 20 << 16 | 10, 20 << 16 | 40


class Connection:
    """What passes on one connection.

    Args:
        prefix: of each of its lines: link, peer, version and connection, as JSON that begins with a comma.
        lines: where they go.
        task_of: reads a task's id from a content header.
    """

    def __init__(self, prefix: str, lines: Lines, task_of: TaskOf) -> None:
        self._prefix, self._lines, self._task_of = prefix, lines, task_of
        self._client = Frames(self._client_method, self._client_header, self._client_body, PREAMBLE)
        self._broker = Frames(self._broker_method, self._broker_header, self._broker_body)
        self._channels: dict[int, Channel] = {}
        self._opened = self._ended = self._blind = False

    def from_client(self, data: bytes) -> None:
        """Read the next bytes that the client sent; never raises."""
        self._scan(self._client, data, "client")

    def from_broker(self, data: bytes) -> None:
        """Read the next bytes that the broker sent; never raises."""
        self._scan(self._broker, data, "broker")

    def lost(self, who: str) -> None:
        """Its TCP connection was ended by ``who``, client or broker; says nothing where a close frame had said it."""
        self._end(f"connection lost ({who})")

    def refused(self, why: str) -> None:
        """The broker could not be reached for it."""
        self._lines.write("refused", f'{self._prefix},"reason":{quoted(why)}')

    def _scan(self, frames: Frames, data: bytes, who: str) -> None:
        if self._blind:
            return
        try:
            frames.feed(data)
        except Exception as error:  # whatever it is, the drill goes on and the judge learns that this connection is not watched
            self._blind = True
            why = f"cannot read what the {who} sends: {error or type(error).__name__}"
            self._lines.write("blind", f'{self._prefix},"reason":{quoted(why)}')

    def _end(self, reason: str) -> None:
        for channel in self._channels.values():
            channel.end(reason)
        if self._opened and not self._ended:
            self._lines.write("close", f'{self._prefix},"reason":{quoted(reason)}')
        self._ended = True

    def _client_method(self, number: int, payload: bytes) -> None:
        method = _long(payload)[0]
        handler = FROM_CLIENT.get(method)
        if handler is not None:
            if number in self._channels:
                handler(self._channels[number], payload)
        elif method == _CHANNEL_OPEN:
            self._channels[number] = Channel(f'{self._prefix},"channel":{number}', self._lines, self._task_of)
        else:
            self._closing(method, number, payload, "client")

    def _broker_method(self, number: int, payload: bytes) -> None:
        method = _long(payload)[0]
        handler = FROM_BROKER.get(method)
        if handler is not None:
            if number in self._channels:
                handler(self._channels[number], payload)
        elif method == _CONNECTION_OPEN_OK:
            self._opened = True
            self._lines.write("open", self._prefix)
        else:
            self._closing(method, number, payload, "broker")

    def _closing(self, method: int, number: int, payload: bytes, who: str) -> None:
        if method not in (_CONNECTION_CLOSE, _CHANNEL_CLOSE):
            return
        reason = f"{_code(payload, 4)[0]} {short_string(payload, 6)[0]} ({who})"
        if method == _CONNECTION_CLOSE:
            self._end(reason)
        elif number in self._channels:
            self._channels[number].end(reason)

    def _client_header(self, number: int, payload: bytes) -> None:
        content = self._content(number, sent=True)
        if content:
            content.header(payload)

    def _client_body(self, number: int, size: int) -> None:
        content = self._content(number, sent=True)
        if content:
            content.body(size)

    def _broker_header(self, number: int, payload: bytes) -> None:
        content = self._content(number, sent=False)
        if content:
            content.header(payload)

    def _broker_body(self, number: int, size: int) -> None:
        content = self._content(number, sent=False)
        if content:
            content.body(size)

    def _content(self, number: int, sent: bool) -> Content | None:
        channel = self._channels.get(number)
        return None if channel is None else channel.sent if sent else channel.arriving
