"""The reference worker on a real broker and a real database: one effect a task, whatever happens to it."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pika
import psycopg
import pytest
import requests
from pika.adapters.blocking_connection import BlockingChannel

from drillbook.core.wait import until
from drillbook.engine import engine
from drillbook.engine.images import ensure_build
from drillbook.engine.labels import labels

WORKER = Path(__file__).parents[2] / "scenarios" / "worker"
DATABASE = "worker_tests"
PATIENCE = 30.0
NEVER_WHEN_IDLE = {"ACK_EVERY": "100", "ACK_IDLE_MS": "600000"}


@pytest.fixture(scope="module")
def image() -> str:
    return ensure_build(WORKER, print).reference


@pytest.fixture(scope="module")
def administrator(database: Any) -> Iterator[psycopg.Connection[Any]]:
    """A connection beside the workers' own database, which is made here with their tables."""
    with psycopg.connect(database.url, autocommit=True) as connection:
        connection.execute(f"drop database if exists {DATABASE} with (force)")
        connection.execute(f"create database {DATABASE}")
        with psycopg.connect(database.url, dbname=DATABASE, autocommit=True) as made:
            made.execute((WORKER / "schema.sql").read_text())
        yield connection


@dataclass
class Bench:
    """One queue, its dead-letter queue, and the workers on it."""

    queue: str
    channel: BlockingChannel
    database_url: str
    start: Callable[..., Any]
    workers: list[Any] = field(default_factory=list)

    def publish(self, *tasks: str, body: bytes | None = None) -> None:
        for task in tasks:
            content = body or json.dumps({"task": task, "type": "charge", "payload": ""}).encode()
            properties = pika.BasicProperties(message_id=task, delivery_mode=2, headers={"intended_at": time.time_ns()})
            self.channel.basic_publish("", self.queue, content, properties, mandatory=True)

    def effects(self) -> Counter[str]:
        """How often each task was done."""
        with psycopg.connect(self.database_url, dbname=DATABASE) as connection:
            return Counter(task for (task,) in connection.execute("select task from effects").fetchall())

    def states(self) -> Counter[str]:
        with psycopg.connect(self.database_url, dbname=DATABASE) as connection:
            return Counter(state for (state,) in connection.execute("select state from task_state").fetchall())

    def done(self, tasks: list[str]) -> bool:
        return until(lambda: set(tasks) <= set(self.effects()), PATIENCE)

    def ready(self, queue: str | None = None) -> int:
        return self.channel.queue_declare(queue or self.queue, passive=True).method.message_count

    def unused(self) -> bool:
        """No consumer left: what one of them had has come back, or was acknowledged."""
        return until(lambda: self.channel.queue_declare(self.queue, passive=True).method.consumer_count == 0, PATIENCE)

    def log(self, worker: Any) -> list[dict[str, Any]]:
        return [json.loads(line) for line in worker.logs().decode().splitlines()]

    def says(self, worker: Any, event: str, times: int = 1) -> bool:
        return until(lambda: sum(line["event"] == event for line in self.log(worker)) >= times, PATIENCE)


@pytest.fixture
def bench(run_id: str, network: str, broker: Any, database: Any, administrator: Any, image: str) -> Iterator[Bench]:
    del administrator
    docker = engine.connect()
    amqp, sql = urlsplit(broker.amqp_url), urlsplit(database.url)
    addresses = {
        "AMQP_URL": f"amqp://{amqp.username}:{amqp.password}@broker:5672/%2F",
        "DATABASE_URL": f"postgresql://{sql.username}:{sql.password}@database:5432/{DATABASE}",
    }
    with psycopg.connect(database.url, dbname=DATABASE, autocommit=True) as connection:
        connection.execute("truncate inbox, effects, task_state")
    connection = pika.BlockingConnection(pika.URLParameters(broker.amqp_url))
    channel = connection.channel()
    channel.confirm_delivery()
    channel.queue_declare("worker.dead", durable=True, arguments={"x-queue-type": "quorum"})
    to_dead = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "worker.dead"}
    channel.queue_declare("worker.tasks", durable=True, arguments={"x-queue-type": "quorum", "x-delivery-limit": 5, **to_dead})

    def start(**env: str) -> Any:
        name = f"worker-{len(made.workers) + 1}"
        settings = {"QUEUE": "worker.tasks", "VERSION": "v1", "WORKER": name, "WORK_MS": "0", **addresses, **env}
        container = docker.containers.run(
            image, detach=True, environment=settings, network=network, labels=labels(run_id, name), name=f"drillbook-{run_id}-{name}"
        )
        made.workers.append(container)
        assert made.says(container, "consuming")
        return container

    made = Bench("worker.tasks", channel, database.url, start)
    yield made
    for worker in made.workers:
        worker.remove(force=True, v=True)
    channel.queue_delete("worker.tasks")
    channel.queue_delete("worker.dead")
    connection.close()


def tasks(count: int, first: int = 1) -> list[str]:
    return [f"charge-{number:06d}" for number in range(first, first + count)]


def test_each_delivered_task_leaves_one_effect(bench: Bench) -> None:
    bench.publish(*tasks(200))
    bench.start()
    assert bench.done(tasks(200))
    assert set(bench.effects().values()) == {1}
    assert bench.states() == {"completed": 200}


def test_a_task_that_was_published_twice_leaves_one_effect(bench: Bench) -> None:
    bench.publish("charge-000001", "charge-000001", "charge-000002")
    bench.start()
    assert bench.done(["charge-000002"])
    assert bench.effects() == {"charge-000001": 1, "charge-000002": 1}


def test_a_worker_killed_in_mid_task_has_done_nothing_and_keeps_nothing(bench: Bench) -> None:
    bench.publish(*tasks(3))
    worker = bench.start(WORK_MS="600000")
    assert until(lambda: bench.states() == {"executing": 1}, PATIENCE)
    worker.kill()
    assert bench.unused()
    assert bench.ready() == 3
    assert not bench.effects()


def test_a_worker_killed_between_commit_and_acknowledgement_leaves_one_effect_a_task(bench: Bench) -> None:
    _kill_after_commit(bench)
    assert bench.effects() == dict.fromkeys(tasks(21), 1)


def test_without_an_inbox_the_same_death_does_every_task_twice(bench: Bench) -> None:
    _kill_after_commit(bench, INBOX="off")
    assert bench.effects() == dict.fromkeys(tasks(20), 2) | {"charge-000021": 1}


def _kill_after_commit(bench: Bench, **env: str) -> None:
    """Twenty tasks are committed and none acknowledged when their worker dies; another takes them again, and one more."""
    bench.publish(*tasks(20))
    first = bench.start(**NEVER_WHEN_IDLE, **env)
    assert bench.done(tasks(20))
    first.kill()
    assert bench.unused()
    assert bench.ready() == 20
    bench.publish("charge-000021")
    second = bench.start(**env)
    assert bench.done(["charge-000021"])
    second.stop()
    assert bench.log(second)[-1]["done"] == 21


def test_a_term_ends_the_task_in_hand_and_gives_back_the_rest(bench: Bench) -> None:
    bench.publish(*tasks(10))
    worker = bench.start(WORK_MS="400", PREFETCH="10")
    assert bench.done(["charge-000001"])
    worker.stop(timeout=20)
    assert worker.wait()["StatusCode"] == 0
    assert bench.log(worker)[-1]["event"] == "stopped"
    assert bench.unused()
    effects = bench.effects()
    assert set(effects.values()) == {1}
    assert 1 < len(effects) < 10
    assert bench.ready() == 10 - len(effects)


def test_a_worker_told_to_stop_while_its_broker_is_frozen_leaves_in_time(bench: Bench, broker: Any) -> None:
    worker = bench.start(DRAIN_SECONDS="2")
    service = engine.connect().containers.get(broker.container_name)
    service.pause()
    try:
        worker.stop(timeout=60)
    finally:
        service.unpause()
    assert worker.wait()["StatusCode"] == 1
    assert bench.log(worker)[-1]["event"] == "left by force"


def test_a_task_longer_than_three_heartbeats_is_done_once_on_the_same_connection(bench: Bench) -> None:
    worker = bench.start(HEARTBEAT="1", WORK_MS="5000")
    bench.publish("charge-000001")
    assert bench.done(["charge-000001"])
    worker.stop(timeout=20)
    assert [line["event"] for line in bench.log(worker)] == ["consuming", "stopped"]
    assert bench.unused()
    assert bench.ready() == 0


def test_a_stopped_worker_acknowledges_what_it_held_back(bench: Bench) -> None:
    bench.publish(*tasks(5))
    worker = bench.start(**NEVER_WHEN_IDLE)
    assert bench.done(tasks(5))
    worker.stop(timeout=20)
    assert bench.unused()
    assert bench.ready() == 0


def test_an_idle_worker_acknowledges_what_it_held_back(bench: Bench) -> None:
    bench.publish(*tasks(6))
    bench.start(PREFETCH="3", ACK_EVERY="10")
    assert bench.done(tasks(6)), "with three taken ahead and unacknowledged, the other three come only after an acknowledgement"


def test_a_worker_whose_database_refuses_connections_goes_on_afterwards(bench: Bench, administrator: Any) -> None:
    worker = bench.start()
    administrator.execute(f"alter database {DATABASE} with allow_connections false")
    try:
        administrator.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [DATABASE])
        bench.publish(*tasks(50))
        assert bench.says(worker, "database away", times=4)
    finally:
        administrator.execute(f"alter database {DATABASE} with allow_connections true")
    assert bench.done(tasks(50))
    assert bench.effects() == dict.fromkeys(tasks(50), 1)


def test_a_worker_whose_database_falls_silent_dials_it_again(bench: Bench, database: Any) -> None:
    worker = bench.start()
    bench.publish("charge-000001")
    assert bench.done(["charge-000001"])
    service = engine.connect().containers.get(database.container_name)
    service.pause()
    try:
        bench.publish(*tasks(20, first=2))
        assert bench.says(worker, "database away")
    finally:
        service.unpause()
    assert bench.done(tasks(21))
    assert bench.effects() == dict.fromkeys(tasks(21), 1)


def test_a_worker_whose_broker_closes_the_connection_comes_back(bench: Bench, broker: Any) -> None:
    worker = bench.start()
    mine: list[str] = []

    def listed() -> list[str]:
        for connection in requests.get(f"{broker.api_url}/connections", timeout=30).json():
            if connection.get("client_properties", {}).get("connection_name") == "worker-1":
                mine.append(connection["name"])
        return mine

    assert until(listed, PATIENCE)
    requests.delete(f"{broker.api_url}/connections/{quote(mine[0])}", timeout=30).raise_for_status()
    bench.publish(*tasks(20))
    assert bench.done(tasks(20))
    assert bench.says(worker, "broker away")
    assert bench.says(worker, "consuming", times=2)


def test_a_worker_told_to_stop_while_nobody_takes_its_call_gives_the_task_back(bench: Bench) -> None:
    worker = bench.start(EFFECTS_URL="http://127.0.0.1:9")
    bench.publish("charge-000001")
    assert bench.says(worker, "receiver away", times=2)
    worker.stop(timeout=20)
    assert worker.wait()["StatusCode"] == 0
    assert bench.unused()
    assert bench.ready() == 1
    assert not bench.effects()


def test_a_task_that_cannot_be_decoded_goes_to_the_dead_letter_queue_and_is_marked_failed(bench: Bench) -> None:
    bench.publish("charge-000001", body=b"\xff not JSON")
    bench.publish("charge-000002")
    bench.start()
    assert bench.done(["charge-000002"])
    assert until(lambda: bench.ready("worker.dead") == 1, PATIENCE)
    assert bench.states() == {"completed": 1, "failed": 1}


def test_a_worker_never_logs_a_password(bench: Bench, broker: Any, administrator: Any) -> None:
    worker = bench.start()
    administrator.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [DATABASE])
    bench.publish("charge-000001")
    assert bench.done(["charge-000001"])
    worker.stop(timeout=20)
    assert str(urlsplit(broker.amqp_url).password) not in worker.logs().decode()


def test_a_worker_without_its_addresses_says_which_is_missing(image: str, run_id: str) -> None:
    container = engine.connect().containers.run(
        image, detach=True, environment={"QUEUE": "q"}, labels=labels(run_id, "worker"), network_mode="none"
    )
    try:
        assert container.wait()["StatusCode"] == 2
        assert "AMQP_URL" in container.logs().decode()
    finally:
        container.remove(force=True)
