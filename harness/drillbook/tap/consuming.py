"""A channel's consumers: which queue each reads, and which tasks an answer settles.

*Unacked*: delivered to a consumer that has to acknowledge, by the broker's delivery tag. The map of them is as large as what is in flight.
In a transaction an answer takes a delivery out of it until the commit or the rollback; a rollback puts it back, unacknowledged as before
and not delivered again. What the judge may rely on:

- Every ``deliver`` ends in exactly one ``ack``, ``nack`` or ``reject``, or in the ``close`` of its channel.
- A delivery that needs no acknowledgement gets its ``ack`` at once, with the reason ``no_ack``.
- A delivery on its way to a channel that is already closing goes back to its queue: a ``nack`` with that reason follows it.
- ``basic.recover`` is a ``nack`` of every delivery of its channel, with that reason, before any of them is delivered again.
- ``deliver`` is written when the whole body has passed.
"""

from __future__ import annotations

from collections import deque
from functools import partial
from struct import Struct
from typing import NamedTuple

from .capture import Capture
from .content import Content
from .fields import short_string
from .publishing import standing_for
from .queues import Queues
from .transaction import ClientLines, LineSink

_tag = Struct(">QB").unpack_from
_REQUEUE = {False: ',"requeue":false', True: ',"requeue":true'}


class Subscription(NamedTuple):
    """What a consumer, or one ``basic.get``, reads."""

    queue: str
    """As JSON that begins with a comma."""
    no_ack: bool
    cancelled: bool = False


_UNKNOWN = Subscription("", no_ack=False, cancelled=True)


class Consuming:
    """The consumers of one channel.

    Args:
        prefix: of each of its lines, after the event's name.
        lines: where they go.
        told: where settlements go, which a transaction holds back.
        arriving: the content that the broker sends.
        queues: what an empty queue name stands for.
        capture: who wants the messages themselves.
    """

    def __init__(
        self, prefix: str, lines: LineSink, told: ClientLines, arriving: Content, queues: Queues, capture: Capture | None = None
    ) -> None:
        self._capture = capture
        self._lines, self._told, self._arriving, self._queues = lines, told, arriving, queues
        self._prefix, self._deliver, self._ack = prefix, f'deliver"{prefix}', f'ack"{prefix}'
        self._unacked: dict[int, str] = {}
        self._settled: dict[int, str] = {}
        """By answers in the transaction at hand."""
        self._consumers: dict[bytes, Subscription] = {}
        self._consuming: deque[Subscription] = deque()
        self._getting: deque[Subscription] = deque()
        self._ended = False

    def end(self) -> None:
        """The channel has ended: what it had unacknowledged goes back to the queues."""
        self._ended = True
        self._unacked.clear()
        self._settled.clear()

    def consume(self, payload: bytes) -> None:
        queue, position = short_string(payload, 6)
        end = position + 1 + payload[position]
        flags = payload[end]
        reading = Subscription(self._queues.named(queue), bool(flags & 2))
        if flags & 8:
            self._reads(payload[position + 1 : end], reading)
        else:
            self._consuming.append(reading)

    def consume_ok(self, payload: bytes) -> None:
        self._reads(payload[5 : 5 + payload[4]], self._consuming.popleft())

    def _reads(self, consumer: bytes, reading: Subscription) -> None:
        self._consumers[consumer] = reading
        self._lines.write(f'consume"{self._prefix}{reading.queue}')

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

    def _cancelled(self, consumer: bytes, reason: str = "") -> Subscription:
        reading = self._consumers.pop(consumer, _UNKNOWN)
        if not reading.cancelled:
            self._lines.write(f'cancel"{self._prefix}{reading.queue}{reason}')
        return reading

    def deliver(self, data: bytes, start: int, end: int) -> int:
        """A ``basic.deliver`` at hand; the position to go on from."""
        position = start + 5 + data[start + 4]
        return self._arrives(self._consumers.get(data[start + 5 : position], _UNKNOWN), data, position, end)

    def get(self, payload: bytes) -> None:
        queue, position = short_string(payload, 6)
        self._getting.append(Subscription(self._queues.named(queue), bool(payload[position] & 1)))

    def get_ok(self, data: bytes, start: int, end: int) -> int:
        """A ``basic.get-ok`` at hand; the position to go on from."""
        return self._arrives(self._getting.popleft(), data, start + 4, end)

    def get_empty(self, _: bytes) -> None:
        self._getting.popleft()

    def _arrives(self, reading: Subscription, data: bytes, position: int, end: int) -> int:
        """A delivery tag and whether it is redelivered, at ``position``."""
        tag, redelivered = _tag(data, position)
        if position + 9 > end:
            raise IndexError("a delivery is longer than its frame")
        after = self._arriving.whole(data, end + 1)
        if after:
            self._delivered(reading, tag, redelivered, self._arriving.task)
            return after
        self._arriving.announce(partial(self._delivered, reading, tag, redelivered))
        return end + 1

    def _delivered(self, reading: Subscription, tag: int, redelivered: int, task: str) -> None:
        elsewhere = "" if task else self._arriving.elsewhere(reading.queue)
        task += reading.queue
        if self._capture is not None and self._capture.on:
            self._capture.take(f"{self._prefix}{task}", self._arriving.header_payload, self._arriving.octets, self._arriving.size)
        self._lines.write(f'{self._deliver}{task},"redelivered":{"true" if redelivered & 1 else "false"}{elsewhere}')
        if reading.no_ack:
            self._lines.write(f'{self._ack}{task},"reason":"no_ack"')
        elif self._ended:
            self._lines.write(f'nack"{self._prefix}{task},"requeue":true,"reason":"its channel was closing"')
        else:
            self._unacked[tag] = task

    def settles(self, payload: bytes, multiple: int) -> list[str]:
        """The tasks that an answer stands for, as JSON that begins with a comma; it need not have passed yet."""
        waiting = self._unacked
        return [waiting[tag] for tag in self._tags(payload, multiple)]

    def ack(self, payload: bytes) -> None:
        says = self._ack
        self._told.extend([f"{says}{task}" for task in self._take(payload, payload[12] & 1)])

    def nack(self, payload: bytes) -> None:
        requeue = _REQUEUE[payload[12] & 2 > 0]
        self._told.extend([f'nack"{self._prefix}{task}{requeue}' for task in self._take(payload, payload[12] & 1)])

    def reject(self, payload: bytes) -> None:
        requeue = _REQUEUE[payload[12] & 1 > 0]
        self._told.extend([f'reject"{self._prefix}{task}{requeue}' for task in self._take(payload, 0)])

    def _take(self, payload: bytes, multiple: int) -> list[str]:
        tags, take = self._tags(payload, multiple), self._unacked.pop
        if self._told.in_transaction:
            self._settled.update({tag: self._unacked[tag] for tag in tags})
        return [take(tag) for tag in tags]

    def _tags(self, payload: bytes, multiple: int) -> list[int]:
        """None for a tag that the broker does not wait for, since it closes the channel for it."""
        tag = _tag(payload, 4)[0]
        return [] if tag and tag not in self._unacked else standing_for(self._unacked, tag, multiple)

    def commit(self) -> None:
        """What was settled in the transaction is settled."""
        self._settled.clear()

    def rollback(self) -> None:
        """What was settled in the transaction is unacknowledged again."""
        self._unacked = dict(sorted((self._unacked | self._settled).items()))
        self._settled.clear()

    def recover(self, payload: bytes) -> None:
        """The broker takes back every unacknowledged delivery; without requeue it refuses, and closes the connection for it."""
        if payload[4] & 1:
            self.recovered(payload)

    def recovered(self, _: bytes) -> None:
        """It has answered: what it had sent before it heard is taken back too."""
        tasks = list(self._unacked.values())
        self._unacked.clear()
        self._lines.extend([f'nack"{self._prefix}{task},"requeue":true,"reason":"basic.recover"' for task in tasks])
