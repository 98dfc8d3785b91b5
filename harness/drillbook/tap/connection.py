"""One AMQP connection, read from the bytes of its two directions: frames in, lines out.

The tap sees each chunk before its receiver does, so that a question is always read before its answer. Nothing is written of a
connection before the broker's ``connection.open-ok``: whoever only knocks leaves no line.
"""

from __future__ import annotations

from json.encoder import encode_basestring_ascii as quoted
from struct import Struct

from .capture import LARGEST_BODY, Capture
from .channel import DELIVER, FROM_BROKER, FROM_CLIENT, GET_OK, PUBLISH, Channel, method
from .content import Content
from .fields import short_string
from .frames import PREAMBLE, Frames
from .selector import Selector
from .transaction import LineSink

_code = Struct(">H").unpack_from
_CONNECTION_OPEN_OK, _CONNECTION_CLOSE = method(10, 41), method(10, 50)
_BLOCKED, _UNBLOCKED = method(10, 60), method(10, 61)
_CHANNEL_OPEN, _CHANNEL_CLOSE = method(20, 10), method(20, 40)


class Connection:
    """What passes on one connection.

    Args:
        prefix: of each of its lines: link, peer, version and connection, as JSON that begins with a comma.
        lines: where they go.
        selector: where a message carries its task's id.
        capture: who wants the messages that the broker delivers.
    """

    def __init__(self, prefix: str, lines: LineSink, selector: Selector, capture: Capture | None = None) -> None:
        self._prefix, self._lines, self._selector, self._capture = prefix, lines, selector, capture
        arriving = max(selector.keep, LARGEST_BODY if capture else 0)
        self.client = Frames(self._client_method, self._client_header, self._client_body, PREAMBLE, selector.keep)
        self.broker = Frames(self._broker_method, self._broker_header, self._broker_body, keep=arriving)
        self.channels: dict[int, Channel] = {}
        self._opened = self._ended = False
        self.incomplete = False
        """It cannot be read any further."""

    def from_client(self, data: bytes) -> None:
        """Read the next bytes that the client sent; never raises."""
        self._scan(self.client, data, "client")

    def from_broker(self, data: bytes) -> None:
        """Read the next bytes that the broker sent; never raises."""
        self._scan(self.broker, data, "broker")

    def lost(self, who: str) -> None:
        """Its TCP connection was ended by ``who``, client, broker or tap; says nothing where a close frame had said it."""
        self._end(f"connection lost ({who})")

    def refused(self, why: str) -> None:
        """The broker could not be reached for it."""
        self._lines.write(f'refused"{self._prefix},"reason":{quoted(why)}')

    def fault(self, rule: str, reason: str, number: int = 0, task: str = "") -> None:
        """A rule of a fault did something here.

        Args:
            rule: the fault's name.
            reason: what was done.
            number: the channel; 0: to the connection.
            task: the task as JSON that begins with a comma.
        """
        channel = f',"channel":{number}' if number else ""
        self._lines.write(f'fault"{self._prefix}{channel}{task},"rule":{quoted(rule)},"reason":{quoted(reason)}')

    def _scan(self, frames: Frames, data: bytes, who: str) -> None:
        if self.incomplete:
            return
        try:
            frames.feed(data)
        except Exception as error:  # whatever it is, the drill goes on and the judge learns that this connection is not watched
            self.incomplete = True
            why = f"cannot read what the {who} sends: {error or type(error).__name__}"
            self._lines.write(f'incomplete"{self._prefix},"reason":{quoted(why)}')

    def _end(self, reason: str) -> None:
        for channel in self.channels.values():
            channel.end(reason)
        if self._opened and not self._ended:
            self._lines.write(f'close"{self._prefix},"reason":{quoted(reason)}')
        self._ended = True

    def _client_method(self, number: int, data: bytes, start: int, end: int) -> int:
        name, channel = data[start : start + 4], self.channels.get(number)
        if channel is not None:
            if name == PUBLISH:
                return channel.publishing.publish(data, start, end)
            handler = FROM_CLIENT.get(name)
            if handler is not None:
                handler(channel, data[start:end])
                return end + 1
        if name == _CHANNEL_OPEN:
            self.channels[number] = Channel(number, self._prefix, self._lines, self._selector, self._capture)
        elif name in (_CONNECTION_CLOSE, _CHANNEL_CLOSE):
            self._closing(name, number, data[start:end], "client")
        return end + 1

    def _broker_method(self, number: int, data: bytes, start: int, end: int) -> int:
        name, channel = data[start : start + 4], self.channels.get(number)
        if channel is not None:
            if name == DELIVER:
                return channel.consuming.deliver(data, start, end)
            if name == GET_OK:
                return channel.consuming.get_ok(data, start, end)
            handler = FROM_BROKER.get(name)
            if handler is not None:
                handler(channel, data[start:end])
                return end + 1
        if name in (_CONNECTION_CLOSE, _CHANNEL_CLOSE):
            self._closing(name, number, data[start:end], "broker")
        elif not number:
            self._own(name, data[start:end])
        return end + 1

    def _own(self, name: bytes, payload: bytes) -> None:
        """A method of the connection itself."""
        if name == _CONNECTION_OPEN_OK:
            self._opened = True
            self._lines.write(f'open"{self._prefix}')
        elif name == _BLOCKED:
            self._lines.write(f'blocked"{self._prefix},"reason":{quoted(short_string(payload, 4)[0])}')
        elif name == _UNBLOCKED:
            self._lines.write(f'unblocked"{self._prefix}')

    def _closing(self, name: bytes, number: int, payload: bytes, who: str) -> None:
        reason = f"{_code(payload, 4)[0]} {short_string(payload, 6)[0]} ({who})"
        if name == _CONNECTION_CLOSE:
            self._end(reason)
        elif number in self.channels:
            self.channels[number].end(reason)

    def _client_header(self, number: int, payload: bytes) -> None:
        content = self._content(number, sent=True)
        if content:
            content.header(payload)

    def _client_body(self, number: int, size: int, octets: bytes) -> None:
        content = self._content(number, sent=True)
        if content:
            content.body(size, octets)

    def _broker_header(self, number: int, payload: bytes) -> None:
        content = self._content(number, sent=False)
        if content:
            content.header(payload)

    def _broker_body(self, number: int, size: int, octets: bytes) -> None:
        content = self._content(number, sent=False)
        if content:
            content.body(size, octets)

    def _content(self, number: int, sent: bool) -> Content | None:
        channel = self.channels.get(number)
        return None if channel is None else channel.sent if sent else channel.arriving
