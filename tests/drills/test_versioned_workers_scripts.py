"""What the versioned-workers playbook asks of the broker, on a real one: nothing is moved twice, nothing is taken before it is safe."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel

FOLDER = Path(__file__).parents[2] / "scenarios" / "versioned_workers"
OLD, NEW = "moved.old", "moved.new"


@dataclass
class Bench:
    """An old queue, and a new one behind an exchange of its name."""

    channel: BlockingChannel
    amqp_url: str
    ledger: Path

    def publish(self, *tasks: str, **headers: Any) -> None:
        for task in tasks:
            self.channel.basic_publish(
                "", OLD, task.encode(), pika.BasicProperties(message_id=task, delivery_mode=2, headers=headers or None)
            )

    def ready(self, queue: str) -> int:
        return self.channel.queue_declare(queue, passive=True).method.message_count

    def ask(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {"AMQP_URL": self.amqp_url}
        return subprocess.run(
            [sys.executable, FOLDER / "broker.py", *arguments], env=environment, capture_output=True, text=True, timeout=60
        )

    def move(self) -> subprocess.CompletedProcess[str]:
        return self.ask("move", OLD, NEW, "--ledger", str(self.ledger))

    def arrived(self) -> list[pika.BasicProperties]:
        found = []
        while (got := self.channel.basic_get(NEW, auto_ack=True))[0] is not None:
            found.append(got[1])
        return found


@pytest.fixture
def bench(broker: Any, tmp_path: Path) -> Iterator[Bench]:
    connection = pika.BlockingConnection(pika.URLParameters(broker.amqp_url))
    channel = connection.channel()
    channel.confirm_delivery()
    for queue in (OLD, NEW):
        channel.queue_declare(queue, durable=True, arguments={"x-queue-type": "quorum"})
    channel.exchange_declare(NEW, "fanout", durable=True)
    channel.queue_bind(NEW, NEW)
    yield Bench(channel, broker.amqp_url, tmp_path / "moved.jsonl")
    if not channel.is_open:
        channel = connection.channel()
    channel.exchange_delete(NEW)
    for queue in (OLD, NEW):
        channel.queue_delete(queue)
    connection.close()


def test_a_moved_task_keeps_its_id_and_headers_but_not_its_old_deliveries(bench: Bench) -> None:
    bench.publish("charge-000001", **{"intended_at": 5, "x-delivery-count": 3, "x-first-death-reason": "rejected"})
    assert bench.move().returncode == 0
    (properties,) = bench.arrived()
    assert (properties.message_id, properties.delivery_mode, properties.headers) == ("charge-000001", 2, {"intended_at": 5})


def test_moving_again_moves_nothing(bench: Bench) -> None:
    bench.publish("charge-000001", "charge-000002")
    assert bench.move().stdout == "moved.old -> moved.new: 2 moved, 2 in the ledger\n"
    assert bench.move().stdout == "moved.old -> moved.new: 0 moved, 2 in the ledger\n"
    assert bench.ready(NEW) == 2


def test_a_task_confirmed_before_the_mover_died_is_taken_off_and_not_published_again(bench: Bench) -> None:
    bench.publish("charge-000001", "charge-000002")
    bench.ledger.write_text(json.dumps({"task": "charge-000001"}) + "\n")
    assert bench.move().returncode == 0
    assert [properties.message_id for properties in bench.arrived()] == ["charge-000002"]
    assert bench.ready(OLD) == 0


def test_a_task_that_finds_no_queue_on_the_other_side_stays_where_it_is(bench: Bench) -> None:
    bench.publish("charge-000001")
    bench.channel.queue_unbind(NEW, NEW)
    moved = bench.move()
    assert moved.returncode == 1
    assert moved.stderr.startswith("move: UnroutableError")
    assert bench.ready(OLD) == 1
    assert bench.ledger.read_text() == ""


def test_a_drain_ends_when_nobody_consumes(bench: Bench) -> None:
    bench.publish("charge-000001")
    assert bench.ask("drain", OLD, "--stall", "50").stdout == "moved.old: 1 ready, 0 consumers\n"


def test_a_drain_ends_when_a_consumer_makes_no_progress(bench: Bench) -> None:
    bench.publish("charge-000001", "charge-000002")
    bench.channel.basic_qos(prefetch_count=1)
    bench.channel.basic_consume(OLD, lambda *_: None)
    assert bench.ask("drain", OLD, "--stall", "1", "--within", "50").stdout == "moved.old: 1 ready, 1 consumers\n"


def test_waiting_for_consumers_that_never_come_fails_in_time(bench: Bench) -> None:
    waited = bench.ask("consumers", OLD, "2", "--within", "0.5")
    assert (waited.returncode, waited.stderr) == (1, "moved.old does not have 2 consumers after 0.5 s\n")


def test_a_route_can_be_made_and_taken_away_twice(bench: Bench) -> None:
    bench.channel.exchange_declare("moved.router", "direct")
    try:
        for verb in ("route", "route", "unroute", "unroute"):
            assert bench.ask(verb, "moved.router", NEW, "--weight", "1").returncode == 0
    finally:
        bench.channel.exchange_delete("moved.router")
