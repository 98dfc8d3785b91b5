"""One AMQP channel, followed from both its ends: its publisher, its consumers, its queues and its transaction, and which method is whose.

Facts of the protocol: AMQP 0-9-1 with RabbitMQ's extensions (https://www.rabbitmq.com/docs/specification).
"""

from __future__ import annotations

from collections.abc import Callable
from json.encoder import encode_basestring_ascii as quoted

from .capture import Capture
from .consuming import Consuming
from .content import Content
from .publishing import Publishing
from .queues import Queues
from .selector import Selector
from .transaction import ClientLines, LineSink


class Channel:
    """One channel of one connection.

    Args:
        number: the channel's.
        prefix: of each line of its connection: link, peer, version, connection, as JSON that begins with a comma.
        lines: where they go.
        selector: where a message carries its task's id.
        capture: who wants the messages that the broker delivers.
    """

    def __init__(self, number: int, prefix: str, lines: LineSink, selector: Selector, capture: Capture | None = None) -> None:
        self.prefix, self._lines = f'{prefix},"channel":{number}', lines
        self.sent, self.arriving = Content(number, selector), Content(number, selector, capture)
        self._told = ClientLines(lines)
        self.queues = Queues(self.prefix, lines)
        self.publishing = Publishing(self.prefix, lines, self._told, self.sent, self.arriving)
        self.consuming = Consuming(self.prefix, lines, self._told, self.arriving, self.queues, capture)
        self._opened = False
        self.ended = False
        """One of its two ends has closed it."""

    def _write(self, event: str, rest: str = "") -> None:
        self._lines.write(f'{event}"{self.prefix}{rest}')

    def open_ok(self, _: bytes) -> None:
        self._opened = True
        self._write("open")

    def end(self, reason: str) -> None:
        """It closes, or its connection does: what it had unacknowledged goes back to the queues, and its transaction is void."""
        self._told.discard()
        self.consuming.end()
        if self._opened and not self.ended:
            self._write("close", f',"reason":{quoted(reason)}')
        self.ended = True

    def flow(self, payload: bytes) -> None:
        """The broker stops or starts the publisher."""
        self._write("flow", f',"ok":{"true" if payload[4] & 1 else "false"}')

    def flow_ok(self, payload: bytes) -> None:
        """The broker stops or starts the deliveries, as the client wanted."""
        self._write("flow", f',"ok":{"true" if payload[4] & 1 else "false"},"reason":"asked for by the client"')

    def select(self, _: bytes) -> None:
        self._told.select()

    def select_ok(self, _: bytes) -> None:
        self._write("select")

    def commit(self, _: bytes) -> None:
        self.consuming.commit()
        self._told.commit()

    def commit_ok(self, _: bytes) -> None:
        self._write("commit")

    def rollback(self, _: bytes) -> None:
        self.consuming.rollback()
        self._told.discard()

    def rollback_ok(self, _: bytes) -> None:
        self._write("rollback")

    def covers(self, event: str, payload: bytes) -> list[str]:
        """What a method that has not passed yet is about: texts that each hold a task as JSON; ``""`` stands for one without an id.

        Args:
            event: ``ack``, ``nack``, ``reject`` or ``commit`` of the client, ``confirm`` of the broker.
            payload: the method's.
        """
        match event:
            case "confirm":
                return self.publishing.confirmed(payload)
            case "commit":
                return (self._told.waiting or [""]) if self._told.in_transaction else []
            case _:
                return self.consuming.settles(payload, payload[12] & 1 if event != "reject" else 0)


def method(class_id: int, method_id: int) -> bytes:
    """The first octets of a method frame's payload."""
    return bytes([0, class_id, 0, method_id])


PUBLISH, DELIVER, GET_OK = method(60, 40), method(60, 60), method(60, 71)
"""The methods that a task follows, read by ``Publishing`` and ``Consuming`` where they lie."""
COMMIT = method(90, 20)

MethodHandler = Callable[[Channel, bytes], None]
FROM_CLIENT: dict[bytes, MethodHandler] = {
    method(50, 10): lambda channel, payload: channel.queues.declare(payload),
    method(50, 30): lambda channel, payload: channel.queues.purge(payload),
    method(50, 40): lambda channel, payload: channel.queues.delete(payload),
    method(60, 20): lambda channel, payload: channel.consuming.consume(payload),
    method(60, 30): lambda channel, payload: channel.consuming.cancel(payload),
    method(60, 70): lambda channel, payload: channel.consuming.get(payload),
    method(60, 80): lambda channel, payload: channel.consuming.ack(payload),
    method(60, 90): lambda channel, payload: channel.consuming.reject(payload),
    method(60, 100): lambda channel, payload: channel.consuming.recover(payload),
    method(60, 110): lambda channel, payload: channel.consuming.recover(payload),
    method(60, 120): lambda channel, payload: channel.consuming.nack(payload),
    method(85, 10): lambda channel, payload: channel.publishing.confirm_select(payload),
    method(90, 10): Channel.select,
    COMMIT: Channel.commit,
    method(90, 30): Channel.rollback,
}
FROM_BROKER: dict[bytes, MethodHandler] = {
    method(20, 11): Channel.open_ok,
    method(20, 20): Channel.flow,
    method(20, 21): Channel.flow_ok,
    method(50, 11): lambda channel, payload: channel.queues.declare_ok(payload),
    method(50, 31): lambda channel, payload: channel.queues.purge_ok(payload),
    method(50, 41): lambda channel, payload: channel.queues.delete_ok(payload),
    method(60, 21): lambda channel, payload: channel.consuming.consume_ok(payload),
    method(60, 30): lambda channel, payload: channel.consuming.cancel_by_broker(payload),
    method(60, 31): lambda channel, payload: channel.consuming.cancel_ok(payload),
    method(60, 50): lambda channel, payload: channel.publishing.returned(payload),
    method(60, 72): lambda channel, payload: channel.consuming.get_empty(payload),
    method(60, 80): lambda channel, payload: channel.publishing.confirm_ack(payload),
    method(60, 111): lambda channel, payload: channel.consuming.recovered(payload),
    method(60, 120): lambda channel, payload: channel.publishing.confirm_nack(payload),
    method(90, 11): Channel.select_ok,
    method(90, 21): Channel.commit_ok,
    method(90, 31): Channel.rollback_ok,
}
