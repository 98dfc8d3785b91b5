"""The load against a real broker: every arrival that was due has an outcome, and the outcome is true."""

from __future__ import annotations

import json
import re
import select
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pika
import psutil
import pytest

from drillbook.core.errors import HarnessError
from drillbook.evidence.task_id import task_of
from drillbook.load.ledger import DIED
from drillbook.load.process import LoadProcess
from drillbook.plan import arrivals
from drillbook.scenario import Load

SEED = 7


class Wire:
    """A network path to the broker, which can swallow what the broker says, or be cut.

    Args:
        url: AMQP URL of the broker.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._broker = (parts.hostname, parts.port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = []
        self.url = url.replace(f":{parts.port}", f":{self._listener.getsockname()[1]}")
        self._muted: set[socket.socket] = set()
        Thread(target=self._accept, daemon=True).start()

    def swallow(self) -> None:
        """Let nothing through any more of what the broker says on the connections that there are."""
        self._muted |= set(self._sockets)

    def cut(self) -> None:
        """Close every connection; new ones are accepted."""
        while self._sockets:
            end = self._sockets.pop()
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Cut, and accept no more connections."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._broker)
                self._sockets += [client, server]
                Thread(target=self._carry, args=(client, server), daemon=True).start()

    def _carry(self, client: socket.socket, server: socket.socket) -> None:
        other = {client: server, server: client}
        with client, server, suppress(OSError):
            while True:
                for end in select.select(list(other), [], [])[0]:
                    if not (data := end.recv(65536)):
                        return
                    if end is client or end not in self._muted:
                        other[end].sendall(data)


@pytest.fixture
def channel(broker: Any) -> Iterator[Any]:
    with pika.BlockingConnection(pika.URLParameters(broker.amqp_url)) as connection:
        yield connection.channel()


@pytest.fixture
def queue(broker: Any) -> Iterator[str]:
    """A quorum queue of this test's own."""
    name = f"load-{uuid4().hex[:8]}"
    with pika.BlockingConnection(pika.URLParameters(broker.amqp_url)) as connection:
        connection.channel().queue_declare(name, durable=True, arguments={"x-queue-type": "quorum"})
    yield name
    with pika.BlockingConnection(pika.URLParameters(broker.amqp_url)) as connection:
        connection.channel().queue_delete(name)


@pytest.fixture
def wire(broker: Any) -> Iterator[Wire]:
    made = Wire(broker.amqp_url)
    yield made
    made.close()


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[..., LoadProcess]]:
    """Starts a load whose arrivals begin now; ended with the test."""
    running: list[LoadProcess] = []

    def start(load: Load, url: str, id_from: str = "message_id") -> LoadProcess:
        process = LoadProcess(load, SEED, url, tmp_path, id_from=id_from)
        running.append(process)
        process.start()
        process.wait_ready(20)
        process.go(time.time_ns())
        return process

    yield start
    for process in running:
        process.stop(0)


def load(queue: str, **fields: Any) -> Load:
    """As long as it lasts, and no longer."""
    return Load.model_validate({"rate": "300/s", "duration": "2s", "routing_key": queue, "most": fields.get("duration", "2s"), **fields})


def lines(run_directory: Path) -> list[dict[str, Any]]:
    return [json.loads(text) for text in (run_directory / "published.jsonl").read_text().splitlines()]


def outcomes(run_directory: Path) -> Counter[tuple[str, str | None]]:
    return Counter((published["outcome"], published.get("reason")) for published in lines(run_directory))


def log(run_directory: Path) -> str:
    return (run_directory / "logs" / "load.log").read_text()


def due(load: Load, start_at: int, until: int) -> set[str]:
    return {arrival.task for arrival in arrivals(load, SEED) if start_at + arrival.offset_ns <= until}


def eventually(holds: Callable[[], Any], within: float = 60) -> None:
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline, "not so within the time"
        time.sleep(0.02)


def depth(channel: Any, queue: str) -> int:
    return int(channel.queue_declare(queue, passive=True).method.message_count)


def confirmed(run_directory: Path) -> int:
    """How many up to now; while it is written, the last line may not be whole."""
    whole = (run_directory / "published.jsonl").read_text().rpartition("\n")[0]
    return sum(json.loads(text)["outcome"] == "ok" for text in whole.splitlines())


def test_every_arrival_is_confirmed_and_has_one_line(broker, queue, channel, started, tmp_path):
    wanted = load(queue)
    process = started(wanted, broker.amqp_url)
    assert process.wait(20)
    assert process.exit_code == 0
    assert [published["task"] for published in sorted(lines(tmp_path), key=lambda one: one["intended_at"])] == [
        arrival.task for arrival in arrivals(wanted, SEED)
    ]
    assert set(outcomes(tmp_path)) == {("ok", None)}
    assert depth(channel, queue) == len(lines(tmp_path))


def test_a_message_is_what_the_workers_were_promised(broker, queue, channel, started, tmp_path):
    process = started(load(queue, rate="50/s", duration="500ms", size=512, version="v1", types={"charge": 1.0}), broker.amqp_url)
    assert process.wait(20)
    _, properties, body = channel.basic_get(queue, auto_ack=True)
    published = next(one for one in lines(tmp_path) if one["task"] == properties.message_id)
    assert (properties.type, properties.content_type, properties.delivery_mode) == ("charge", "application/json", 2)
    assert properties.headers == {"intended_at": published["intended_at"], "version": "v1"}
    content = json.loads(body)
    assert (content["task"], content["type"], set(content), len(body)) == (published["task"], "charge", {"task", "type", "payload"}, 512)


def test_a_message_is_what_the_scenario_says_of_its_type(broker, queue, channel, started, tmp_path):
    shape = {
        **{"type": "payments.{type}", "version": "2", "content_type": "application/x-order", "content_encoding": "utf-8"},
        **{"headers": {"id": "{task}", "limits": [None, 3]}, "body": '[["{task}"], {}]', "routing_key": queue},
    }
    wanted = load("nowhere", rate="50/s", duration="500ms", types={"charge": 1.0}, messages={"charge": shape})
    process = started(wanted, broker.amqp_url, "header:id")
    assert process.wait(20)
    _, properties, body = channel.basic_get(queue, auto_ack=True)
    published = next(one for one in lines(tmp_path) if one["task"] == properties.message_id)
    task = published["task"]
    assert (published["type"], published["version"], published["routing_key"], published["outcome"]) == ("charge", "2", queue, "ok")
    assert (properties.type, properties.content_type, properties.content_encoding) == ("payments.charge", "application/x-order", "utf-8")
    assert properties.headers == {"intended_at": published["intended_at"], "version": "2", "id": task, "limits": [None, 3]}
    assert body.decode() == f'[["{task}"], {{}}]'


@pytest.mark.parametrize("id_from", ["correlation_id", "header:job", "body:$.meta.id", "body:$[0].id"])
def test_the_id_is_where_the_scenario_wants_it_and_in_the_message_id(broker, queue, channel, started, tmp_path, id_from):
    process = started(load(queue, rate="50/s", duration="500ms", size=512), broker.amqp_url, id_from)
    assert process.wait(20)
    method, properties, body = channel.basic_get(queue, auto_ack=True)
    assert method is not None
    assert task_of(id_from)(properties, body) == properties.message_id
    assert properties.message_id in {published["task"] for published in lines(tmp_path)}
    assert len(body) == 512


def test_no_task_is_sent_before_its_time_and_the_others_do_not_wait_for_it(wire, queue, channel, started, tmp_path):
    wanted = load(queue)
    process = started(wanted, wire.url)
    eventually(lambda: confirmed(tmp_path) > 0)
    wire.swallow()
    eventually(lambda: depth(channel, queue) == sum(1 for _ in arrivals(wanted, SEED)))
    process.stop(0)
    assert all(published["sent_at"] >= published["intended_at"] for published in lines(tmp_path))


def test_an_unroutable_task_is_a_failure(broker, started, tmp_path):
    started(load("nowhere", duration="500ms"), broker.amqp_url).wait(20)
    assert set(outcomes(tmp_path)) == {("fail", "returned: NO_ROUTE")}


def test_the_statistics_of_locust_say_what_the_ledger_says(broker, queue, started, tmp_path):
    started(load("{type}", types={queue: 0.5, "nowhere": 0.5}, duration="1s"), broker.amqp_url).wait(20)
    counted = Counter(published["outcome"] for published in lines(tmp_path))
    requests, failures = re.search(r"Aggregated +(\d+) +(\d+)\(", log(tmp_path)).groups()
    assert (int(requests), int(failures)) == (counted.total(), counted["fail"])
    assert 0 < counted["fail"] < counted.total()


def test_a_failure_is_tried_as_often_as_the_scenario_says(broker, started, tmp_path):
    wanted = load("nowhere", rate="20/s", duration="500ms", attempts=3)
    started(wanted, broker.amqp_url).wait(20)
    tries = Counter(published["task"] for published in lines(tmp_path))
    assert tries == dict.fromkeys((arrival.task for arrival in arrivals(wanted, SEED)), 3)
    assert {published["attempt"] for published in lines(tmp_path)} == {1, 2, 3}


def test_a_queue_that_refuses_is_a_failure(broker, channel, queue, started, tmp_path):
    full = f"{queue}-full"
    arguments = {"x-max-length": 1, "x-overflow": "reject-publish"}
    channel.queue_declare(full, durable=True, arguments=arguments)
    started(load(full, duration="500ms"), broker.amqp_url).wait(20)
    channel.queue_delete(full)
    assert set(outcomes(tmp_path)) == {("ok", None), ("fail", "refused by the broker (nack)")}


def test_an_exchange_that_is_not_there_fails_the_tasks_and_makes_no_storm(broker, started, tmp_path):
    started(load("any", exchange="nowhere", duration="2s"), broker.amqp_url).wait(20)
    ((outcome, reason),) = outcomes(tmp_path)
    assert outcome == "fail"
    assert reason.startswith("channel closed: 404 NOT_FOUND - no exchange 'nowhere'")
    assert log(tmp_path).count("a new channel in") < 10


def test_a_restart_of_the_broker_in_mid_load_leaves_no_task_without_an_outcome(broker, queue, started, tmp_path):
    wanted = load(queue, duration="6s", confirm_within="30s")
    process = started(wanted, broker.amqp_url)
    eventually(lambda: confirmed(tmp_path) > 100)
    for command in ("stop_app", "start_app"):
        subprocess.run(["docker", "exec", broker.container_name, "rabbitmqctl", "-q", command], check=True, capture_output=True)
    back = time.time_ns()
    assert process.wait(60)
    found = lines(tmp_path)
    assert {published["task"] for published in found} == {arrival.task for arrival in arrivals(wanted, SEED)}
    assert len(found) == len({published["task"] for published in found})
    assert any(published["outcome"] == "ok" and published["resolved_at"] > back for published in found)
    assert {reason for outcome, reason in outcomes(tmp_path) if outcome != "ok"} <= {"connection lost"}
    assert 1 <= log(tmp_path).count("the next try in") < 15


def test_a_cut_connection_leaves_unconfirmed_tasks_unknown(wire, queue, channel, started, tmp_path):
    process = started(load(queue), wire.url)
    eventually(lambda: confirmed(tmp_path) > 50)
    wire.swallow()
    before = depth(channel, queue)
    eventually(lambda: depth(channel, queue) > before + 50)
    wire.cut()
    assert process.wait(20)
    found = outcomes(tmp_path)
    assert set(found) == {("ok", None), ("unknown", "connection lost")}
    assert found["unknown", "connection lost"] > 50


def test_a_confirm_that_does_not_come_in_time_is_unknown(wire, queue, started, tmp_path):
    process = started(load(queue, confirm_within="500ms"), wire.url)
    eventually(lambda: confirmed(tmp_path) > 50)
    wire.swallow()
    eventually(lambda: ("unknown", "not confirmed within 0.5 s") in outcomes(tmp_path))
    process.stop(0)
    assert set(outcomes(tmp_path)) >= {("ok", None), ("unknown", "not confirmed within 0.5 s"), ("unknown", "the load was stopped first")}


def test_an_arrival_over_the_bound_in_flight_is_skipped(wire, queue, started, tmp_path):
    wanted = load(queue, max_in_flight=20, confirm_within="1s")
    process = started(wanted, wire.url)
    eventually(lambda: confirmed(tmp_path) > 50)
    wire.swallow()
    assert process.wait(20)
    found = outcomes(tmp_path)
    assert found["skipped", "over the bound in flight"] > 100
    assert found.total() == sum(1 for _ in arrivals(wanted, SEED))


def test_an_arrival_that_finds_no_connection_in_time_has_failed(wire, queue, started, tmp_path):
    wanted = load(queue, confirm_within="500ms")
    process = started(wanted, wire.url)
    eventually(lambda: confirmed(tmp_path) > 50)
    wire.close()
    assert process.wait(20)
    failed = [published for published in lines(tmp_path) if published["outcome"] == "fail"]
    assert {published["reason"] for published in failed} == {"no connection"}
    assert not any("sent_at" in published for published in failed)
    assert len(lines(tmp_path)) == sum(1 for _ in arrivals(wanted, SEED))


def test_an_arrival_that_a_blocked_connection_keeps_back_has_failed_and_later_ones_go_through(broker, queue, started, tmp_path):
    def watermark(share: str) -> None:
        command = ["docker", "exec", broker.container_name, "rabbitmqctl", "-q", "set_vm_memory_high_watermark", share]
        subprocess.run(command, check=True, capture_output=True)

    process = started(load(queue, duration="60s", confirm_within="500ms"), broker.amqp_url)
    eventually(lambda: confirmed(tmp_path) > 50)
    watermark("0.0000001")
    try:
        eventually(lambda: ("fail", "connection blocked by the broker") in outcomes(tmp_path))
    finally:
        watermark("0.6")
    before = confirmed(tmp_path)
    eventually(lambda: confirmed(tmp_path) > before + 50)
    process.stop(5)
    assert {outcome for outcome, _ in outcomes(tmp_path)} == {"ok", "unknown", "fail"}


def test_stopping_writes_what_was_due_and_nothing_that_was_not(broker, queue, started, tmp_path):
    wanted = load(queue, duration="60s")
    start_at = time.time_ns()
    process = started(wanted, broker.amqp_url)
    eventually(lambda: confirmed(tmp_path) > 100)
    asked = time.time_ns()
    process.stop(5)
    process.stop(5)
    assert not process.alive
    found = {published["task"] for published in lines(tmp_path)}
    first = min(published["intended_at"] for published in lines(tmp_path))
    began = first - next(arrivals(wanted, SEED)).offset_ns
    assert start_at <= began
    assert due(wanted, began, asked) <= found
    assert max(published["intended_at"] for published in lines(tmp_path)) < time.time_ns()
    assert set(outcomes(tmp_path)) == {("ok", None)}


def test_a_load_that_is_killed_still_has_a_line_for_every_task_due(broker, queue, started, tmp_path):
    wanted = load(queue, duration="60s")
    process = started(wanted, broker.amqp_url)
    eventually(lambda: confirmed(tmp_path) > 100)
    psutil.Process(process.pid).kill()
    eventually(lambda: not process.alive)
    died = time.time_ns()
    process.stop(5)
    found = lines(tmp_path)
    began = found[0]["intended_at"] - next(arrivals(wanted, SEED)).offset_ns
    assert due(wanted, began, died) <= {published["task"] for published in found}
    assert ("unknown", DIED) in outcomes(tmp_path)
    assert process.exit_code == -9


def test_the_load_ends_when_the_harness_is_killed(broker, queue, tmp_path):
    harness = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"""
import sys, time
from pathlib import Path
from drillbook.load.process import LoadProcess
from drillbook.scenario import Load
load = Load.model_validate({{"rate": "300/s", "duration": "60s", "routing_key": {queue!r}}})
process = LoadProcess(load, {SEED}, {broker.amqp_url!r}, Path({str(tmp_path)!r}))
process.start()
process.wait_ready(20)
process.go(time.time_ns())
print(process.pid, flush=True)
time.sleep(600)
""",
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert harness.stdout is not None
    child = psutil.Process(int(harness.stdout.readline()))
    eventually(lambda: confirmed(tmp_path) > 100)
    killed = time.time_ns()
    harness.kill()
    harness.wait()
    child.wait(10)
    found = lines(tmp_path)
    began = found[0]["intended_at"] - next(arrivals(load(queue, duration="60s"), SEED)).offset_ns
    assert due(load(queue, duration="60s"), began, killed) <= {published["task"] for published in found}


def test_a_load_that_is_told_to_end_by_a_signal_writes_its_own_ledger(broker, queue, started, tmp_path):
    process = started(load(queue, duration="60s"), broker.amqp_url)
    eventually(lambda: confirmed(tmp_path) > 100)
    psutil.Process(process.pid).terminate()
    assert process.wait(20)
    assert ("unknown", DIED) not in outcomes(tmp_path)
    assert "the load cannot go on" not in log(tmp_path)


def test_locust_settings_in_the_environment_change_nothing(broker, queue, started, tmp_path, monkeypatch):
    monkeypatch.setenv("LOCUST_RUN_TIME", "1s")
    monkeypatch.setenv("LOCUST_USERS", "5")
    wanted = load(queue)
    assert started(wanted, broker.amqp_url).wait(20)
    assert len(lines(tmp_path)) == sum(1 for _ in arrivals(wanted, SEED))


def test_the_password_is_in_no_file_and_on_no_command_line_and_nothing_listens(broker, queue, started, tmp_path):
    process = started(load(queue, duration="1s"), broker.amqp_url)
    child = psutil.Process(process.pid)
    password = urlsplit(broker.amqp_url).password
    assert password not in " ".join(child.cmdline())
    assert [connection for connection in child.net_connections() if connection.status == psutil.CONN_LISTEN] == []
    assert process.wait(20)
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and password in path.read_text()]


def test_a_broker_that_is_not_there_is_said_in_a_sentence(tmp_path):
    process = LoadProcess(load("any"), SEED, "amqp://user:secret@127.0.0.1:1/", tmp_path)
    process.start()
    with pytest.raises(HarnessError, match="did not reach the broker within 2 s"):
        process.wait_ready(2)
    process.stop(0)
    assert not process.alive
    assert lines(tmp_path) == []


def test_a_full_disk_ends_the_load_and_the_ledger_is_completed_when_there_is_room(broker, tmp_path):
    ledger = tmp_path / "published.jsonl"
    ledger.symlink_to("/dev/full")
    process = LoadProcess(load("nowhere"), SEED, broker.amqp_url, tmp_path)
    process.start()
    process.wait_ready(20)
    process.go(time.time_ns())
    eventually(lambda: not process.alive)
    assert process.exit_code == 3
    assert "No space left on device" in log(tmp_path)
    ledger.unlink()
    process.stop(0)
    assert {outcome for outcome, _ in outcomes(tmp_path)} == {"unknown"}
