"""One AMQP channel, followed from both its ends: which task a delivery tag or a confirm stands for, and which queue a consumer reads.

Terms. *Unconfirmed*: published after ``confirm.select``, not yet acknowledged by the broker; tags count those publishes from 1.
*Unacked*: delivered to a consumer that has to acknowledge, by the broker's delivery tag. The two maps are as large as what is in
flight, and nothing else is remembered. Facts of the protocol: class ``basic`` of AMQP 0-9-1 with RabbitMQ's extensions
(https://www.rabbitmq.com/docs/specification).

What the judge may rely on:

- Every ``deliver`` ends in exactly one ``ack``, ``nack`` or ``reject``, or in the ``close`` of its channel.
- A delivery that needs no acknowledgement gets its ``ack`` at once, with the reason ``no_ack``.
- A delivery on its way to a channel that is already closing goes back to its queue: a ``nack`` with that reason follows it.
- ``publish``, ``deliver`` and ``return`` are written when the whole body has passed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from json.encoder import encode_basestring_ascii as quoted
from struct import Struct
from typing import NamedTuple, Protocol

from .content import Content
from .fields import TaskOf, short_string

_tag = Struct(">Q").unpack_from
_code = Struct(">H").unpack_from
_MOST_ROUTES = 4096


class Lines(Protocol):
    """Where lines go: an event, and the rest of the line as JSON that begins with a comma."""

    def write(self, event: str, rest: str) -> None: ...


class Reading(NamedTuple):
    """What a consumer, or one ``basic.get``, reads."""

    queue: str
    """As JSON that begins with a comma."""
    no_ack: bool
    cancelled: bool = False


_UNKNOWN = Reading("", no_ack=False, cancelled=True)


class Channel:
    """One channel of one connection.

    Args:
        prefix: of each of its lines: link, peer, version, connection and channel, as JSON that begins with a comma.
        lines: where they go.
        task_of: reads a task's id from a content header.
    """

    def __init__(self, prefix: str, lines: Lines, task_of: TaskOf) -> None:
        self._prefix, self._write = prefix, lines.write
        self.sent, self.arriving = Content(task_of), Content(task_of)
        self._opened = self._ended = self._confirming = False
        self._routes: dict[bytes, str] = {}
        self._publishes = 0
        self._unconfirmed: dict[int, str] = {}
        self._unacked: dict[int, str] = {}
        self._consumers: dict[bytes, Reading] = {}
        self._consuming: deque[Reading] = deque()
        self._getting: deque[Reading] = deque()
        self._declared = ""

    def open_ok(self, _: bytes) -> None:
        self._opened = True
        self._write("open", self._prefix)

    def end(self, reason: str) -> None:
        """It closes, or its connection does: what it held unacknowledged goes back to the queues."""
        self._unacked.clear()
        if self._opened and not self._ended:
            self._write("close", f'{self._prefix},"reason":{quoted(reason)}')
        self._ended = True

    # What publishers do

    def confirm_select(self, _: bytes) -> None:
        self._confirming = True

    def publish(self, payload: bytes) -> None:
        key = payload[6:-1]
        self.sent.announce(partial(self._published, self._routes.get(key) or self._route(payload, key)))

    def _route(self, payload: bytes, key: bytes) -> str:
        exchange, position = short_string(payload, 6)
        routing_key, _ = short_string(payload, position)
        if len(self._routes) >= _MOST_ROUTES:
            self._routes.clear()
        route = self._routes[key] = f',"exchange":{quoted(exchange)},"routing_key":{quoted(routing_key)}'
        return route

    def _published(self, route: str, task: str) -> None:
        if self._confirming:
            self._publishes += 1
            self._unconfirmed[self._publishes] = task
        self._write("publish", f"{self._prefix}{task}{route}")

    def confirm_ack(self, payload: bytes) -> None:
        self._confirm(payload, "true")

    def confirm_nack(self, payload: bytes) -> None:
        self._confirm(payload, "false")

    def _confirm(self, payload: bytes, ok: str) -> None:
        for task in _take(self._unconfirmed, _tag(payload, 4)[0], payload[12] & 1):
            self._write("confirm", f'{self._prefix}{task},"ok":{ok}')

    def returned(self, payload: bytes) -> None:
        why = f"{_code(payload, 4)[0]} {short_string(payload, 6)[0]}"
        self.arriving.announce(lambda task: self._write("return", f'{self._prefix}{task},"reason":{quoted(why)}'))

    # What consumers do

    def declare(self, payload: bytes) -> None:
        self._declared = short_string(payload, 6)[0] or self._declared

    def declare_ok(self, payload: bytes) -> None:
        self._declared = short_string(payload, 4)[0]

    def _queue(self, name: str) -> str:
        """An empty name stands for the queue last declared on the channel."""
        return f',"queue":{quoted(name or self._declared)}'

    def consume(self, payload: bytes) -> None:
        queue, position = short_string(payload, 6)
        end = position + 1 + payload[position]
        flags = payload[end]
        reading = Reading(self._queue(queue), bool(flags & 2))
        if flags & 8:
            self._reads(payload[position + 1 : end], reading)
        else:
            self._consuming.append(reading)

    def consume_ok(self, payload: bytes) -> None:
        self._reads(payload[5 : 5 + payload[4]], self._consuming.popleft())

    def _reads(self, consumer: bytes, reading: Reading) -> None:
        self._consumers[consumer] = reading
        self._write("consume", f"{self._prefix}{reading.queue}")

    def cancel(self, payload: bytes) -> None:
        """By the client: done when the broker answers, or at once where no answer is wanted; deliveries may still be on their way."""
        end = 5 + payload[4]
        if payload[end] & 1:
            consumer = payload[5:end]
            reading = self._cancelled(consumer)
            self._consumers[consumer] = reading._replace(cancelled=True)

    def cancel_ok(self, payload: bytes) -> None:
        self._cancelled(payload[5 : 5 + payload[4]])

    def cancel_by_broker(self, payload: bytes) -> None:
        self._cancelled(payload[5 : 5 + payload[4]], ',"reason":"by the broker"')

    def _cancelled(self, consumer: bytes, reason: str = "") -> Reading:
        reading = self._consumers.pop(consumer, _UNKNOWN)
        if not reading.cancelled:
            self._write("cancel", f"{self._prefix}{reading.queue}{reason}")
        return reading

    def deliver(self, payload: bytes) -> None:
        end = 5 + payload[4]
        self._arrives(self._consumers.get(payload[5:end], _UNKNOWN), payload, end)

    def get(self, payload: bytes) -> None:
        queue, position = short_string(payload, 6)
        self._getting.append(Reading(self._queue(queue), bool(payload[position] & 1)))

    def get_ok(self, payload: bytes) -> None:
        self._arrives(self._getting.popleft(), payload, 4)

    def get_empty(self, _: bytes) -> None:
        self._getting.popleft()

    def _arrives(self, reading: Reading, payload: bytes, position: int) -> None:
        """A delivery tag and whether it is redelivered, at ``position``."""
        self.arriving.announce(partial(self._delivered, reading, _tag(payload, position)[0], payload[position + 8] & 1))

    def _delivered(self, reading: Reading, tag: int, redelivered: int, task: str) -> None:
        task += reading.queue
        self._write("deliver", f'{self._prefix}{task},"redelivered":{"true" if redelivered else "false"}')
        if reading.no_ack:
            self._write("ack", f'{self._prefix}{task},"reason":"no_ack"')
        elif self._ended:
            self._refuse("nack", [task], 1, ',"reason":"its channel was closing"')
        else:
            self._unacked[tag] = task

    def ack(self, payload: bytes) -> None:
        for task in self._settled(payload, payload[12] & 1):
            self._write("ack", f"{self._prefix}{task}")

    def nack(self, payload: bytes) -> None:
        self._refuse("nack", self._settled(payload, payload[12] & 1), payload[12] & 2)

    def reject(self, payload: bytes) -> None:
        self._refuse("reject", self._settled(payload, 0), payload[12] & 1)

    def recovered(self, _: bytes) -> None:
        """``basic.recover``: the broker takes back every unacknowledged delivery of the channel."""
        self._refuse("nack", _take(self._unacked, 0, 1), 1, ',"reason":"basic.recover"')

    def _settled(self, payload: bytes, multiple: int) -> list[str]:
        """The tasks that a consumer's answer settles: none by a tag the broker does not wait for, since it closes the channel for it."""
        tag = _tag(payload, 4)[0]
        return [] if tag and tag not in self._unacked else _take(self._unacked, tag, multiple)

    def _refuse(self, event: str, tasks: list[str], requeue: int, reason: str = "") -> None:
        for task in tasks:
            self._write(event, f'{self._prefix}{task},"requeue":{"true" if requeue else "false"}{reason}')


def _take(waiting: dict[int, str], tag: int, multiple: int) -> list[str]:
    """Remove and give the tasks that a tag stands for; with ``multiple`` every earlier one too, and by tag 0 all."""
    if not multiple:
        task = waiting.pop(tag, None)
        return [] if task is None else [task]
    settled = []
    for waiting_tag in waiting:
        if tag and waiting_tag > tag:
            break
        settled.append(waiting_tag)
    return [waiting.pop(each) for each in settled]


def _method(class_id: int, method_id: int) -> int:
    return class_id << 16 | method_id


Handler = Callable[[Channel, bytes], None]
FROM_CLIENT: dict[int, Handler] = {
    _method(50, 10): Channel.declare,
    _method(60, 20): Channel.consume,
    _method(60, 30): Channel.cancel,
    _method(60, 40): Channel.publish,
    _method(60, 70): Channel.get,
    _method(60, 80): Channel.ack,
    _method(60, 90): Channel.reject,
    _method(60, 100): Channel.recovered,
    _method(60, 120): Channel.nack,
    _method(85, 10): Channel.confirm_select,
}
FROM_BROKER: dict[int, Handler] = {
    _method(20, 11): Channel.open_ok,
    _method(50, 11): Channel.declare_ok,
    _method(60, 21): Channel.consume_ok,
    _method(60, 30): Channel.cancel_by_broker,
    _method(60, 31): Channel.cancel_ok,
    _method(60, 50): Channel.returned,
    _method(60, 60): Channel.deliver,
    _method(60, 71): Channel.get_ok,
    _method(60, 72): Channel.get_empty,
    _method(60, 80): Channel.confirm_ack,
    _method(60, 111): Channel.recovered,
    _method(60, 120): Channel.confirm_nack,
}
