"""What the versioned-workers playbook asks of the broker, on a real one: nothing is moved twice, nothing is taken before it is safe."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pika
import psycopg
import pytest
from pika.adapters.blocking_connection import BlockingChannel
from psycopg.conninfo import make_conninfo

FOLDER = Path(__file__).parents[2] / "scenarios" / "versioned_workers"
OLD, NEW, ASIDE = "moved.old", "moved.new", "moved.aside"


@dataclass
class Bench:
    """An old queue, and a new one and one aside behind exchanges of their names."""

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

    def ask(self, *arguments: str, program: str = "broker.py", database_url: str = "") -> subprocess.CompletedProcess[str]:
        environment = os.environ | {"AMQP_URL": self.amqp_url, "DATABASE_URL": database_url}
        return subprocess.run([sys.executable, FOLDER / program, *arguments], env=environment, capture_output=True, text=True, timeout=300)

    def shaped(self, task: str, version: str, **content: Any) -> None:
        """Publish a task in a version's shape."""
        body, headers = json.dumps({"task": task, **content}).encode(), {"version": version, "x-delivery-count": 1}
        self.channel.basic_publish("", OLD, body, pika.BasicProperties(message_id=task, delivery_mode=2, headers=headers))

    def sort(self, parked: str = "moved.parked", database_url: str = "") -> subprocess.CompletedProcess[str]:
        """Sort the old queue: what v1 can read to the new one, the rest aside."""
        names = ("--readable", NEW, "--aside", ASIDE, "--parked", parked, "--ledger", str(self.ledger))
        return self.ask(OLD, *names, program="sort.py", database_url=database_url)

    def bodies(self, queue: str) -> list[tuple[str | None, Any]]:
        """The version and the content of each message in a queue, which is empty then."""
        found = []
        while (got := self.channel.basic_get(queue, auto_ack=True))[0] is not None:
            found.append(((got[1].headers or {}).get("version"), json.loads(got[2])))
        return found

    def move(self) -> subprocess.CompletedProcess[str]:
        return self.ask("move", OLD, NEW, "--ledger", str(self.ledger))

    def arrived(self) -> list[pika.BasicProperties]:
        found = []
        while (got := self.channel.basic_get(NEW, auto_ack=True))[0] is not None:
            found.append(got[1])
        return found


@contextmanager
def publishing(amqp_url: str) -> Iterator[None]:
    """Tasks arrive in the old queue, faster than anybody moves them."""
    ended = Event()

    def publish() -> None:
        with pika.BlockingConnection(pika.URLParameters(amqp_url)) as connection:
            channel = connection.channel()
            channel.confirm_delivery()
            for number in count():
                if ended.is_set():
                    return
                channel.basic_publish("", OLD, b"{}", pika.BasicProperties(message_id=f"later-{number}"))

    publisher = Thread(target=publish)
    publisher.start()
    try:
        yield
    finally:
        ended.set()
        publisher.join()


@pytest.fixture
def bench(broker: Any, tmp_path: Path) -> Iterator[Bench]:
    connection = pika.BlockingConnection(pika.URLParameters(broker.amqp_url))
    channel = connection.channel()
    channel.confirm_delivery()
    for queue in (OLD, NEW, ASIDE):
        channel.queue_declare(queue, durable=True, arguments={"x-queue-type": "quorum"})
    for exchange in (NEW, ASIDE):
        channel.exchange_declare(exchange, "fanout", durable=True)
        channel.queue_bind(exchange, exchange)
    yield Bench(channel, broker.amqp_url, tmp_path / "moved.jsonl")
    if not channel.is_open:
        channel = connection.channel()
    for exchange in (NEW, ASIDE):
        channel.exchange_delete(exchange)
    for queue in (OLD, NEW, ASIDE):
        channel.queue_delete(queue)
    connection.close()


@pytest.fixture
def tables(database: Any) -> Iterator[str]:
    """The workers' tables in a database of their own; its address."""
    name = "sorting_tests"
    with psycopg.connect(database.url, autocommit=True) as administrator:
        administrator.execute(f"create database {name}")
        address = make_conninfo(database.url, dbname=name)
        with psycopg.connect(address) as connection:
            connection.execute((FOLDER.parent / "worker" / "schema.sql").read_text())
        yield address
        administrator.execute(f"drop database {name} with (force)")


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


def test_what_is_published_meanwhile_does_not_keep_a_move_going(bench: Bench) -> None:
    bench.publish("charge-000001", "charge-000002")
    with publishing(bench.amqp_url):
        assert bench.move().returncode == 0


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


def test_a_share_is_raised_by_taking_the_old_weight_away(bench: Bench) -> None:
    bench.channel.exchange_declare("moved.router", "direct")
    try:
        bench.ask("route", "moved.router", NEW, "--weight", "1")
        assert bench.ask("route", "moved.router", NEW, "--weight", "9", "--instead-of", "1").returncode == 0
        reached = []
        for weight in ("1", "9"):
            bench.channel.basic_publish("moved.router", weight, b"{}")
            reached.append(len(bench.bodies(NEW)))
        assert reached == [0, 1]
    finally:
        bench.channel.exchange_delete("moved.router")


def test_what_v1_can_read_reaches_it_as_it_is_and_a_changed_shape_in_its_own(bench: Bench) -> None:
    bench.shaped("charge-000001", "v1", type="charge", amount_cents=1250)
    bench.shaped("charge-000002", "v2", type="charge", amount="12.50", currency="EUR")
    assert bench.sort().stdout == "moved.old: 1 as they are, 1 translated, 0 aside\n"
    assert bench.bodies(NEW) == [
        ("v1", {"task": "charge-000001", "type": "charge", "amount_cents": 1250}),
        ("v1", {"task": "charge-000002", "type": "charge", "amount_cents": 1250}),
    ]


@pytest.mark.parametrize("content", [{"type": "refund"}, {"type": "charge", "amount": "1.00", "currency": "USD"}])
def test_what_v1_has_no_word_for_is_put_aside_as_it_is_and_is_queued_again(bench: Bench, tables: str, content: dict[str, str]) -> None:
    bench.shaped("refund-000001", "v2", **content)
    with psycopg.connect(tables, autocommit=True) as connection:
        connection.execute("insert into task_state values ('refund-000001', 'executing', 'v2', 'workers.v2.1')")
        assert bench.sort(database_url=tables).returncode == 0
        assert connection.execute("select state from task_state").fetchall() == [("queued",)]
    assert bench.bodies(ASIDE) == [("v2", {"task": "refund-000001", **content})]
    assert bench.bodies(NEW) == []


def test_of_the_parking_queue_what_v1_has_no_word_for_stays_where_it_is(bench: Bench, tables: str) -> None:
    bench.shaped("refund-000001", "v2", type="refund")
    bench.shaped("charge-000002", "v2", type="charge", amount="1.00", currency="EUR")
    assert bench.sort(parked=OLD, database_url=tables).returncode == 0
    assert [content["task"] for _, content in bench.bodies(NEW)] == ["charge-000002"]
    assert [content["task"] for _, content in bench.bodies(OLD)] == ["refund-000001"]
    assert bench.bodies(ASIDE) == []


def test_what_was_sorted_before_the_sorter_died_is_taken_off_and_not_published_again(bench: Bench, tables: str) -> None:
    bench.shaped("charge-000001", "v1", type="charge", amount_cents=1)
    bench.shaped("refund-000002", "v2", type="refund")
    bench.ledger.write_text(
        "".join(json.dumps({"task": task, "to": to}) + "\n" for task, to in (("charge-000001", NEW), ("refund-000002", ASIDE)))
    )
    assert bench.sort(database_url=tables).returncode == 0
    assert (bench.ready(OLD), bench.ready(NEW), bench.ready(ASIDE)) == (0, 0, 0)
