"""Leftovers on a real broker: every place where a task can remain is looked into, and each task is found once."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Timer
from typing import Any
from uuid import uuid4

import pika
import pytest

from drillbook.core.errors import HarnessError
from drillbook.core.wait import until
from drillbook.evidence.kinds.leftovers import Leftover
from drillbook.evidence.task_id import task_of
from drillbook.rabbitmq.broker import BrokerClient
from drillbook.rabbitmq.leftovers import leftovers
from drillbook.scenario import Broker

PATIENCE = 30.0
NOTHING_DECLARED = Broker.model_construct(queues={}, bindings=[], policies={})
BY_MESSAGE_ID = task_of("message_id")


class Bench:
    """Queues of this test's own, all of one prefix, and a reading of them."""

    def __init__(self, url: str, api_url: str) -> None:
        self.url = url
        self.prefix = f"left-{uuid4().hex[:6]}."
        self.client = BrokerClient(url, api_url)
        self.connection = pika.BlockingConnection(pika.URLParameters(url))
        self.channel = self.connection.channel()
        self.channel.confirm_delivery()

    def queue(self, name: str, dead_to: str | None = None, kind: str = "quorum", **arguments: Any) -> str:
        more = {f"x-{key.replace('_', '-')}": value for key, value in arguments.items()}
        if dead_to is not None:
            more |= {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead_to}
        self.channel.queue_declare(self.prefix + name, durable=True, arguments={"x-queue-type": kind, **more})
        # Right after a broker's boot its management API may not list a queue for a moment.
        assert until(lambda: self.prefix + name in self.client.queues(), PATIENCE)
        return self.prefix + name

    def publish(self, queue: str, *tasks: str, **properties: Any) -> None:
        for task in tasks:
            self.channel.basic_publish("", queue, b"{}", pika.BasicProperties(message_id=task, **properties), mandatory=True)

    def refuse(self, queue: str) -> None:
        """Take one message and refuse it for good."""
        assert until(lambda: self.ready(queue) > 0, PATIENCE)
        method, _, _ = self.channel.basic_get(queue)
        self.channel.basic_reject(method.delivery_tag, requeue=False)

    def ready(self, queue: str) -> int:
        return self.channel.queue_declare(queue, passive=True).method.message_count

    def read(self, task_of: Any = BY_MESSAGE_ID) -> Iterator[Leftover]:
        """Leftovers in this test's queues."""
        for leftover in leftovers(self.client, NOTHING_DECLARED, task_of):
            if (leftover.queue or "").startswith(self.prefix):
                yield leftover

    def found(self) -> list[tuple[str, str, str]]:
        return [(left.task, (left.queue or "").removeprefix(self.prefix), left.state) for left in self.read()]


@pytest.fixture
def bench(broker: Any) -> Iterator[Bench]:
    made = Bench(broker.amqp_url, broker.api_url)
    yield made
    made.client.close()
    if made.connection.is_open:
        made.connection.close()
    with pika.BlockingConnection(pika.URLParameters(made.url)) as connection:
        for name in BrokerClient(broker.amqp_url, broker.api_url).queues():
            if name.startswith(made.prefix):
                connection.channel().queue_delete(name)


def test_what_waits_is_found_and_still_waits_afterwards(bench: Bench) -> None:
    queue = bench.queue("tasks")
    bench.publish(queue, "a", "b")
    assert bench.found() == [("a", "tasks", "ready"), ("b", "tasks", "ready")]
    assert until(lambda: bench.ready(queue) == 2, PATIENCE)


def test_a_dead_task_has_its_deaths_the_first_one_first(bench: Bench) -> None:
    dead = bench.queue("dead")
    again = bench.queue("again", dead_to=dead)
    retry = bench.queue("retry", dead_to=again, message_ttl=100)
    tasks = bench.queue("tasks", dead_to=retry)
    bench.publish(tasks, "a")
    bench.refuse(tasks)
    bench.refuse(again)
    assert until(lambda: bench.ready(dead) == 1, PATIENCE)
    (left,) = bench.read()
    assert (left.state, left.deaths, left.reason) == ("dead", 3, "rejected")
    assert left.history == f"rejected in {tasks}; expired in {retry}; rejected in {again}"


def test_a_task_that_died_of_the_same_twice_says_so(bench: Bench) -> None:
    tasks = bench.prefix + "tasks"
    bench.queue("tasks", dead_to=bench.queue("retry", dead_to=tasks, message_ttl=100))
    bench.publish(tasks, "a")
    bench.refuse(tasks)
    bench.refuse(tasks)
    assert until(lambda: bench.ready(tasks) == 1, PATIENCE)
    (left,) = bench.read()
    assert (left.state, left.deaths) == ("ready", 4)
    assert left.history == f"rejected in {tasks}, 2 times; expired in {bench.prefix}retry, 2 times"


def test_a_task_in_a_queue_that_passes_it_on_later_is_delayed(bench: Bench) -> None:
    tasks = bench.queue("tasks")
    bench.publish(bench.queue("retry", dead_to=tasks, message_ttl=600_000), "a")
    assert bench.found() == [("a", "retry", "delayed")]


def test_a_task_that_moves_on_into_a_queue_read_already_is_found_once(bench: Bench) -> None:
    tasks = bench.queue("a-tasks")
    retry = bench.queue("b-retry", dead_to=tasks, message_ttl=1500)
    bench.publish(retry, "a", "b")
    reading = bench.read()
    assert next(reading).task == "a"
    assert until(lambda: bench.ready(tasks) == 1, PATIENCE)
    assert [(left.task, left.queue) for left in reading] == [("b", tasks)]


def test_a_task_with_no_delivery_left_is_not_found_a_second_time_as_dead(bench: Bench) -> None:
    tasks = bench.queue("a-tasks", dead_to=bench.queue("b-dead"), delivery_limit=0)
    bench.publish(tasks, "a")
    assert bench.found() == [("a", "a-tasks", "ready")]


def test_a_stream_is_read_from_its_first_message_to_its_last(bench: Bench) -> None:
    stream = bench.queue("stream", kind="stream")
    bench.publish(stream, *(f"task-{number}" for number in range(1200)))
    assert [left.task for left in bench.read()] == [f"task-{number}" for number in range(1200)]


def test_an_empty_stream_is_no_obstacle(bench: Bench) -> None:
    bench.queue("stream", kind="stream")
    bench.publish(bench.queue("tasks"), "a")
    assert bench.found() == [("a", "tasks", "ready")]


def test_a_queue_that_a_client_has_to_itself_is_told_after_all_else_was_read(bench: Bench) -> None:
    bench.publish(bench.queue("z-tasks"), "a")
    mine = bench.prefix + "a-mine"
    bench.channel.queue_declare(mine, exclusive=True)
    reading = bench.read()
    assert next(reading).task == "a"
    with pytest.raises(HarnessError, match=f"nobody can read {mine}"):
        next(reading)


def test_a_queue_that_vanishes_with_its_client_is_no_error(bench: Bench) -> None:
    bench.publish(bench.queue("a-tasks"), "a")
    bench.publish(bench.queue("c-tasks"), "c")
    bench.channel.queue_declare(bench.prefix + "b-mine", exclusive=True)
    reading = bench.read()
    assert next(reading).task == "a"
    leaving = Timer(0.5, bench.connection.close)
    leaving.start()
    assert [left.task for left in reading] == ["c"]
    leaving.join()


def test_a_queue_that_is_deleted_while_it_is_read_is_no_error(bench: Bench) -> None:
    bench.publish(bench.queue("a-tasks"), "a")
    gone = bench.queue("b-gone")
    reading = bench.read()
    assert next(reading).task == "a"
    bench.channel.queue_delete(gone)
    assert list(reading) == []


def test_tasks_that_keep_coming_are_told(bench: Bench) -> None:
    queue = bench.queue("tasks")
    bench.publish(queue, "0")

    def read_all() -> None:
        for number, _ in enumerate(bench.read(), start=1):
            bench.publish(queue, str(number))
            assert number < 5000

    with pytest.raises(HarnessError, match="kept arriving"):
        read_all()


@pytest.mark.parametrize(
    ("selector", "properties", "body"),
    [
        ("correlation_id", {"correlation_id": "a"}, b""),
        ("header:id", {"headers": {"id": "a"}}, b""),
        ("body:$.meta.id", {}, b'{"meta": {"id": "a"}}'),
        ("body:$[0].id", {}, b'[{"id": "a"}]'),
    ],
)
def test_the_id_is_read_where_the_scenario_says(bench: Bench, selector: str, properties: dict[str, Any], body: bytes) -> None:
    queue = bench.queue("tasks")
    bench.channel.basic_publish("", queue, body, pika.BasicProperties(message_id="other", **properties))
    assert [left.task for left in bench.read(task_of(selector))] == ["a"]


def test_a_message_without_an_id_is_a_leftover_all_the_same(bench: Bench) -> None:
    bench.channel.basic_publish("", bench.queue("tasks"), b"12345")
    assert [left.task for left in bench.read()] == ["(a message without an id, 5 bytes)"]
