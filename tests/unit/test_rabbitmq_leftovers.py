"""What remains in queues, read from a broker in memory: each message once, whatever moves meanwhile, and what could not be read."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from pika.exceptions import ChannelClosedByBroker
from pika.spec import BasicProperties

from drillbook.core.errors import HarnessError
from drillbook.evidence.kinds.leftovers import Leftover
from drillbook.evidence.task_id import task_of
from drillbook.rabbitmq import leftovers as module
from drillbook.rabbitmq.leftovers import leftovers
from drillbook.scenario import Broker

Message = tuple[BasicProperties, bytes]
DECLARED = Broker.model_validate({"queues": {"tasks": {"dead_letter_to": "dead"}, "dead": {}}})


def message(task: str | None, **more: Any) -> Message:
    return BasicProperties(message_id=task, **more), b"body"


class Channel:
    """A channel that holds what it was given until it is closed."""

    def __init__(self, broker: BrokerOf) -> None:
        self._broker, self.is_open = broker, True
        self.held: list[tuple[str, Message]] = []
        self.acked: list[int] = []
        self.connection = SimpleNamespace(sleep=broker.slept.append)

    def queue_declare(self, queue: str, passive: bool) -> Any:
        self._refuse(queue)
        if queue in self._broker.streams:
            return SimpleNamespace(method=SimpleNamespace(message_count=self._broker.counted.get(queue, len(self._broker.streams[queue]))))
        return SimpleNamespace(method=SimpleNamespace(message_count=len(self._broker.queues[queue])))

    def basic_get(self, queue: str) -> tuple[Any, Any, Any]:
        self._refuse(queue)
        self._broker.moves(queue)
        if not self._broker.queues[queue]:
            return None, None, None
        found = self._broker.queues[queue].pop(0)
        self.held.append((queue, found))
        return SimpleNamespace(), *found

    def basic_qos(self, prefetch_count: int) -> None:
        self._broker.prefetch = prefetch_count

    def basic_ack(self, tag: int) -> None:
        self.acked.append(tag)

    def consume(self, queue: str, arguments: dict[str, Any], inactivity_timeout: float) -> Iterator[tuple[Any, Any, Any]]:
        first = 0 if arguments["x-stream-offset"] == "first" else arguments["x-stream-offset"]
        for offset, (properties, body) in enumerate(self._broker.streams[queue][first:], first):
            yield (
                SimpleNamespace(delivery_tag=offset),
                BasicProperties(properties.content_type, headers={"x-stream-offset": offset}, message_id=properties.message_id),
                body,
            )
        for _ in range(self._broker.silences):
            yield None, None, None
        raise AssertionError("it is waited for too long")

    def close(self) -> None:
        self.is_open = False
        for queue, found in self.held:
            self._broker.queues[queue].insert(0, found)
        self._broker.given_back += len(self.held)

    def _refuse(self, queue: str) -> None:
        code = self._broker.refuses.get(queue)
        if code is None and queue not in self._broker.queues and queue not in self._broker.streams:
            code = 404
        if code is not None:
            self.is_open = False
            raise ChannelClosedByBroker(code, "no")


class BrokerOf:
    """A broker that has these queues, and its client."""

    def __init__(self, **queues: list[Message]) -> None:
        self.queues, self.streams, self.counted = queues, {}, {}
        self.refuses: dict[str, int] = {}
        self.arguments: dict[str, dict[str, Any]] = {}
        self.unlisted: set[str] = set()
        self.given_back = self.prefetch = 0
        self.silences = 1
        """How often nothing comes from a stream before it must have been left."""
        self.moves: Any = lambda _: None
        self.slept: list[float] = []

    def channel(self) -> Channel:
        return Channel(self)

    def api(self, _: str, path: str) -> Any:
        names = [*self.queues, *self.streams] if path.startswith("queues") else []
        listed = [
            {"name": name, "type": "stream" if name in self.streams else "classic", "arguments": self.arguments.get(name, {})}
            for name in names
            if name not in self.unlisted
        ]
        return SimpleNamespace(json=lambda: listed)

    def read(self, declared: Broker = DECLARED, look: Any = None) -> list[Leftover]:
        return list(leftovers(self, declared, task_of("message_id"), look))  # type: ignore[arg-type]

    def tasks(self) -> list[tuple[str, str | None, str]]:
        return [(found.task, found.queue, found.state) for found in self.read()]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "VANISHES_WITHIN_SECONDS", 0.0)
    monkeypatch.setattr(module, "STREAM_LATE_SECONDS", 0.0)


def test_every_message_is_found_once_with_its_queue_and_state() -> None:
    broker = BrokerOf(tasks=[message("a"), message("b")], dead=[message("c")])
    assert broker.tasks() == [("c", "dead", "dead"), ("a", "tasks", "ready"), ("b", "tasks", "ready")]


def test_what_was_read_is_given_back() -> None:
    broker = BrokerOf(tasks=[message("a"), message("b")], dead=[])
    broker.read()
    assert (broker.given_back, len(broker.queues["tasks"])) == (2, 2)


def test_a_queue_that_a_program_made_is_read_too() -> None:
    assert BrokerOf(tasks=[], dead=[], parked=[message("a")]).tasks() == [("a", "parked", "ready")]


def test_a_declared_queue_that_the_listing_forgets_is_read_all_the_same() -> None:
    broker = BrokerOf(tasks=[message("a")], dead=[])
    broker.unlisted = {"tasks"}
    assert broker.tasks() == [("a", "tasks", "ready")]


def test_a_declared_queue_that_is_gone_holds_nothing() -> None:
    assert BrokerOf(dead=[]).tasks() == []


def test_a_queue_that_delays_has_delayed_tasks() -> None:
    broker = BrokerOf(tasks=[], dead=[], later=[message("a")])
    broker.arguments["later"] = {"x-message-ttl": 1000, "x-dead-letter-exchange": ""}
    assert broker.tasks() == [("a", "later", "delayed")]


def test_a_task_that_moves_into_a_queue_that_was_read_already_is_found() -> None:
    broker = BrokerOf(tasks=[message("a")], dead=[])
    moved: list[str] = []

    def moves(queue: str) -> None:
        if queue == "tasks" and not moved:
            moved.append(queue)
            broker.queues["dead"].append(message("b"))

    broker.moves = moves
    assert sorted(task for task, *_ in broker.tasks()) == ["a", "b"]


def test_a_queue_that_fills_up_while_it_is_read_is_given_up_and_told() -> None:
    broker = BrokerOf(tasks=[message("a")], dead=[])
    broker.moves = lambda queue: broker.queues[queue].append(message("more"))
    with pytest.raises(HarnessError, match="tasks kept arriving in the queues while they were read"):
        broker.read()


def test_a_message_without_an_id_is_told_by_its_size() -> None:
    assert BrokerOf(tasks=[message(None)], dead=[]).tasks() == [("(a message without an id, 4 bytes)", "tasks", "ready")]


def test_each_message_is_shown_as_it_is_found() -> None:
    shown: list[tuple[str, bytes]] = []
    BrokerOf(tasks=[message("a")], dead=[]).read(look=lambda found, _, body: shown.append((found.task, body)))
    assert shown == [("a", b"body")]


DEATHS = [
    {"reason": "expired", "queue": "tasks.retry", "count": 1},
    {"reason": "rejected", "queue": "tasks", "count": 2},
]


def test_a_dead_letter_tells_how_it_died() -> None:
    (found,) = BrokerOf(tasks=[], dead=[message("a", headers={"x-death": DEATHS})]).read()
    assert (found.deaths, found.reason, found.history) == (3, "rejected", "rejected in tasks, 2 times; expired in tasks.retry")


def test_a_message_that_never_died_tells_nothing() -> None:
    (found,) = BrokerOf(tasks=[message("a")], dead=[]).read()
    assert (found.deaths, found.reason, found.history) == (0, None, None)


@pytest.mark.parametrize("code", [403, 405])
def test_a_queue_that_somebody_has_to_himself_is_told_after_all_else(code: int) -> None:
    broker = BrokerOf(tasks=[message("a")], dead=[], mine=[message("b")])
    broker.refuses["mine"] = code
    found = []
    with pytest.raises(HarnessError, match="nobody can read mine: a client that is still connected has it to itself"):
        found.extend(leftovers(broker, DECLARED, task_of("message_id")))  # type: ignore[arg-type]
    assert broker.given_back == 1


def test_a_queue_that_is_free_again_is_read() -> None:
    broker = BrokerOf(tasks=[message("a")], dead=[], mine=[message("b")])
    broker.refuses["mine"] = 405
    broker.moves = lambda queue: broker.refuses.clear() if queue == "tasks" else None
    assert [task for task, *_ in broker.tasks()] == ["a", "b"]


def test_a_queue_that_was_locked_is_not_waited_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "VANISHES_WITHIN_SECONDS", 0.05)
    waits: list[float] = []
    monkeypatch.setattr(module.time, "monotonic", lambda: 0.02 * len(waits))
    broker = BrokerOf(tasks=[message("a")], dead=[], mine=[message("b")])
    broker.refuses["mine"] = 405
    broker.slept = waits
    with pytest.raises(HarnessError, match="nobody can read mine"):
        broker.read()
    assert waits == [module.ASK_EVERY_SECONDS] * 3


def test_another_refusal_of_the_broker_is_raised() -> None:
    broker = BrokerOf(tasks=[message("a")], dead=[])
    broker.refuses["tasks"] = 406
    with pytest.raises(ChannelClosedByBroker):
        broker.read()


# Streams


def test_a_stream_is_read_from_its_first_message_and_once() -> None:
    broker = BrokerOf(tasks=[], dead=[])
    broker.streams = {"log": [message("a"), message("b")]}
    assert broker.tasks() == [("a", "log", "ready"), ("b", "log", "ready")]
    assert broker.prefetch == 500


def test_a_stream_that_gives_less_than_the_broker_counts_is_told() -> None:
    broker = BrokerOf(tasks=[], dead=[])
    broker.streams, broker.counted = {"log": [message("a")]}, {"log": 3}
    with pytest.raises(HarnessError, match="the stream log gave 1 messages of 3"):
        broker.read()


def test_a_stream_that_gave_all_that_is_counted_is_left_at_the_first_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STREAM_LATE_SECONDS", 3600.0)
    broker = BrokerOf(tasks=[], dead=[])
    broker.streams = {"log": [message("a")]}
    assert broker.tasks() == [("a", "log", "ready")]


def test_a_stream_that_gave_less_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STREAM_LATE_SECONDS", 3600.0)
    broker = BrokerOf(tasks=[], dead=[])
    broker.streams, broker.counted = {"log": [message("a")]}, {"log": 2}
    with pytest.raises(AssertionError, match="waited for too long"):
        broker.read()


def test_a_message_of_a_stream_is_shown_with_its_body() -> None:
    broker, shown = BrokerOf(tasks=[], dead=[]), []
    broker.streams = {"log": [message("a")]}
    broker.read(look=lambda found, _, body: shown.append((found.task, body)))
    assert shown == [("a", b"body")]


def test_a_stream_that_is_gone_when_it_is_read_holds_nothing() -> None:
    broker = BrokerOf(tasks=[], dead=[])
    broker.streams, broker.refuses = {"log": [message("a")]}, {"log": 404}
    assert broker.tasks() == []


def test_a_stream_that_may_not_be_read_is_raised() -> None:
    broker = BrokerOf(tasks=[], dead=[])
    broker.streams, broker.refuses = {"log": [message("a")]}, {"log": 403}
    with pytest.raises(ChannelClosedByBroker):
        broker.read()
