"""Every message that remains in a queue after settling, read and given back.

What is read stays unacknowledged until everything has been read. So a queue that delays cannot pass its tasks on meanwhile, and a task
that has used up its deliveries is not dead-lettered into a queue that is still to be read: each is found once. Queues are gone through
again until nothing new is found, because a task may have moved on into a queue that was read already.

A stream keeps what was consumed from it, and the broker gives no message of it singly (it closes the connection: 540). It is read by a
consumer from its first offset on (rabbitmq.com/docs/streams#consuming); as nothing says where it ends, it has ended when nothing comes
for two seconds and no less came than the broker counts.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import ChannelClosedByBroker
from pika.spec import BasicProperties

from drillbook.core.errors import HarnessError
from drillbook.evidence.kinds.leftovers import Leftover
from drillbook.evidence.task_id import TaskOf
from drillbook.rabbitmq.broker import BrokerClient
from drillbook.rabbitmq.queue_roles import dead_letter_queues, delay_queues, running
from drillbook.scenario import Broker

MOST_PASSES = 20
"""Times that the queues are gone through; with everything at rest, two do."""
VANISHES_WITHIN_SECONDS = 5.0
"""For a queue that belongs to a connection which has just ended."""
ASK_EVERY_SECONDS = 0.1
STREAM_SILENT_SECONDS = 2.0
STREAM_LATE_SECONDS = 30.0
"""For what the broker has counted in a stream and not given yet."""
GONE, REFUSED, LOCKED = 404, 403, 405
"""AMQP 0-9-1, 1.2: not-found; access-refused and resource-locked, as a client has the queue to itself."""

T = TypeVar("T")
Message = tuple[BasicProperties, bytes]
Remaining = Literal["dead", "delayed", "ready"]


SeeRemaining = Callable[[Leftover, BasicProperties, bytes], object]
"""Called with each message that remains."""


def leftovers(client: BrokerClient, declared: Broker, task_of: TaskOf, look: SeeRemaining | None = None) -> Iterator[Leftover]:
    """Every message in every queue of the broker, those that a program made included.

    Args:
        client: nobody else uses its connection meanwhile.
        declared: what the scenario declares: its queues are looked into even where the management API forgets to list one.
        task_of: reads a task's id.
        look: shown each message.

    Raises:
        HarnessError: a queue could not be read, or tasks kept arriving; raised after all else has been given.
        OSError, AMQPError: the broker does not answer any more.
    """
    reading = _Reading(client, task_of, look)
    try:
        for _ in range(MOST_PASSES):
            found = False
            now = running(client)
            dead, delayed = (roles(declared) | roles(now) for roles in (dead_letter_queues, delay_queues))
            for name, queue in sorted({**declared.queues, **now.queues}.items()):
                state: Remaining = "dead" if name in dead else "delayed" if name in delayed else "ready"
                for leftover in reading.read(name, queue.type == "stream", state):
                    found = True
                    yield leftover
            if not found:
                break
        else:
            raise HarnessError("tasks kept arriving in the queues while they were read, so that some may be missing.")
        if problems := reading.problems():
            raise HarnessError(f"{'; '.join(problems)}.")
    finally:
        reading.close()


@dataclass
class _Stream:
    """How far a stream was read."""

    next: Any = "first"
    """The offset to go on from."""
    came: int = 0
    counted: int = 0
    """Messages in it by the broker's count, which comes seconds late."""


class _Reading:
    """One reading of all queues: the channels that hold what was read, and how far each stream was read."""

    def __init__(self, client: BrokerClient, task_of: TaskOf, look: SeeRemaining | None) -> None:
        self._client, self._task_of, self._look = client, task_of, look
        self._channels: dict[str, BlockingChannel] = {}
        self._holding: set[str] = set()
        self._locked: set[str] = set()
        self._streams: dict[str, _Stream] = {}

    def read(self, queue: str, stream: bool, state: Remaining) -> Iterator[Leftover]:
        """What has come into a queue since it was last read."""
        for properties, body in self._stream(queue) if stream else self._queue(queue):
            task = self._task_of(properties, body) or f"(a message without an id, {len(body)} bytes)"
            deaths = _deaths(properties)
            found = Leftover(
                task=task,
                queue=queue,
                state=state,
                deaths=sum(count for _, _, count in deaths),
                reason=deaths[0][0] if deaths else None,
                history=_history(deaths),
            )
            if self._look is not None:
                self._look(found, properties, body)
            yield found

    def problems(self) -> list[str]:
        """What could not be read."""
        return [f"nobody can read {queue}: a client that is still connected has it to itself" for queue in sorted(self._locked)] + [
            f"the stream {queue} gave {stream.came} messages of {stream.counted}"
            for queue, stream in self._streams.items()
            if stream.came < stream.counted
        ]

    def close(self) -> None:
        """Give back what was read."""
        for channel in self._channels.values():
            self._close(channel)

    @staticmethod
    def _close(channel: BlockingChannel) -> None:
        if channel.is_open:
            channel.close()

    def _queue(self, queue: str) -> Iterator[Message]:
        depth = self._ask(queue, lambda channel: channel.queue_declare(queue, passive=True).method.message_count)
        for _ in range(depth + 1 if depth is not None else 0):  # no more, as one that fills up while it is read has no end
            method, properties, body = self._ask(queue, lambda channel: channel.basic_get(queue)) or (None, None, None)
            if method is None or properties is None:
                break
            self._holding.add(queue)
            yield properties, body or b""
        if queue not in self._holding and queue in self._channels:
            self._close(self._channels.pop(queue))

    def _ask(self, queue: str, question: Callable[[BlockingChannel], T]) -> T | None:
        """The answer to a question about a queue, on the queue's own channel; None where there is no queue, or no way to it."""
        deadline = time.monotonic() + (0.0 if queue in self._locked else VANISHES_WITHIN_SECONDS)
        self._locked.discard(queue)
        while True:
            channel = self._channels.get(queue) or self._client.channel()
            self._channels[queue] = channel
            try:
                return question(channel)
            except ChannelClosedByBroker as error:
                del self._channels[queue]
                self._holding.discard(queue)
                if error.reply_code == GONE:
                    return None
                if error.reply_code not in (REFUSED, LOCKED):
                    raise
            if time.monotonic() >= deadline:
                self._locked.add(queue)
                return None
            channel.connection.sleep(ASK_EVERY_SECONDS)

    def _stream(self, queue: str) -> Iterator[Message]:
        stream = self._streams.setdefault(queue, _Stream())
        channel = self._client.channel()
        try:
            stream.counted = channel.queue_declare(queue, passive=True).method.message_count
            channel.basic_qos(prefetch_count=500)
            start = {"x-stream-offset": stream.next}
            last = time.monotonic()
            coming: Iterator[Any] = channel.consume(queue, arguments=start, inactivity_timeout=STREAM_SILENT_SECONDS)
            for method, properties, body in coming:
                if method is None:
                    if stream.came >= stream.counted or time.monotonic() >= last + STREAM_LATE_SECONDS:
                        return
                    continue
                last = time.monotonic()
                channel.basic_ack(method.delivery_tag)
                stream.came, stream.next = stream.came + 1, int(properties.headers["x-stream-offset"]) + 1
                yield properties, body or b""
        except ChannelClosedByBroker as error:
            if error.reply_code != GONE:
                raise
            del self._streams[queue]
        finally:
            self._close(channel)


def _deaths(properties: BasicProperties) -> list[tuple[str, str, int]]:
    """Why, where and how often a message died, the first death first; the broker puts the newest first (rabbitmq.com/docs/dlx#effects)."""
    history: Any = (properties.headers or {}).get("x-death") or []
    return [(str(entry.get("reason")), str(entry.get("queue")), int(entry.get("count", 0))) for entry in reversed(history)]


def _history(deaths: list[tuple[str, str, int]]) -> str | None:
    """Deaths in words: ``rejected in tasks.v2, 2 times; expired in tasks.retry``."""
    return "; ".join(f"{reason} in {queue}{f', {count} times' if count > 1 else ''}" for reason, queue, count in deaths) or None
