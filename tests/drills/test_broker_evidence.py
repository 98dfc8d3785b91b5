"""What a real broker counts and declares: what it drops is found with its number, and what it only moves is not."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from conftest import SHORT, Finished, run_drill
from pika import BasicProperties
from pika.adapters.blocking_connection import BlockingChannel

from drillbook.api import judge
from drillbook.core.wait import until
from drillbook.drive.broker_watch import MetricsWatch, TopologyWatch
from drillbook.engine import image_store
from drillbook.engine.containers import StageContainer
from drillbook.engine.labels import labels
from drillbook.evidence import Effect, Published, RunDirectory, now
from drillbook.evidence.task_id import task_of
from drillbook.judge.verdict import Result, Verdict
from drillbook.rabbitmq.broker import AMQP_PORT, MANAGEMENT_PORT, METRICS_PORT, BrokerClient, enabled_plugins
from drillbook.rabbitmq.leftovers import leftovers
from drillbook.rabbitmq.metrics import STARTED
from drillbook.rabbitmq.topology import snapshot
from drillbook.scenario import Broker
from drillbook.stage.stage import Stage

DEAD_TO = {"dead_letter_exchange": "", "dead_letter_routing_key": "tasks.dead"}
WORKER = "workers.v1.1"


class Drilled:
    """A broker of one test's own, the ledger of what was published to it, and what is judged of it in the end."""

    def __init__(self, client: BrokerClient, run: RunDirectory) -> None:
        self.client, self.run = client, run
        self._failures: list[Exception] = []
        self._metrics = MetricsWatch(client, run, self._failures.append)
        self.channel: BlockingChannel = client.channel()
        self.channel.confirm_delivery()
        run.event("phase", "drive", "begin")
        self._metrics.start()

    def queue(self, name: str, kind: str = "quorum", **arguments: Any) -> None:
        """Declare a queue; an argument ``max_length`` is ``x-max-length``."""
        named = {f"x-{key.replace('_', '-')}": value for key, value in arguments.items()}
        self.channel.queue_declare(name, durable=True, arguments={"x-queue-type": kind, **named})

    def publish(self, queue: str, number: int, done: bool = False) -> None:
        """Publish tasks that are confirmed, and done or not."""
        for count in range(number):
            task = f"{queue}-{'done' if done else 'open'}-{count}"
            self.channel.basic_publish("", queue, b"x", BasicProperties(message_id=task, delivery_mode=2))
            at = now()
            self.run.append(Published(task, "task", None, 1, queue, at, at, at, "ok"))
            if done:
                self.run.append(Effect(task, task, "v1", "workers.v1.1", at))

    def take(self, queue: str, number: int) -> None:
        """Get tasks and acknowledge them."""
        for _ in range(number):
            method, _, _ = self.channel.basic_get(queue)
            assert method is not None
            self.channel.basic_ack(method.delivery_tag)

    def refuse(self, queue: str, number: int) -> None:
        """Get tasks and refuse them for good."""
        for _ in range(number):
            method, _, _ = self.channel.basic_get(queue)
            assert method is not None
            self.channel.basic_reject(method.delivery_tag, requeue=False)

    def holds(self, queue: str, number: int) -> bool:
        """Wait until so many messages are ready in a queue."""
        return until(lambda: self.client.depth(queue).ready == number, 20)

    def conservation(self) -> Result:
        """Read what is left, and judge."""
        self._metrics.finish()
        self.run.event("phase", "collect", "begin")
        for stem in ("published", "effects", "leftovers"):
            self.run.touch(stem)
        self.run.append(*leftovers(self.client, Broker(queues={"tasks": {}}), task_of("message_id")))
        self.run.event("phase", "collect", "end")
        scenario = {"title": "A broker", "invariants": {"conservation": None}}
        (self.run.path / "scenario.yaml").write_text(json.dumps(scenario))
        assert self._failures == []
        return judge(self.run.path)["conservation"]

    def dropped(self) -> list[str]:
        """What conservation says of the broker."""
        return [finding.why for finding in self.conservation().findings if finding.task is None]


@pytest.fixture
def drilled(run_id: str, network: str, tmp_path: Path) -> Iterator[Drilled]:
    """A broker whose counters begin at 0."""
    image = image_store.ensure(["rabbitmq"], print)["rabbitmq"].reference
    password, name = secrets.token_urlsafe(12), f"drillbook-{run_id}-counted-{secrets.token_hex(3)}"
    environment = {"RABBITMQ_DEFAULT_USER": "tests", "RABBITMQ_DEFAULT_PASS": password}
    ports = (AMQP_PORT, MANAGEMENT_PORT, METRICS_PORT)
    container = StageContainer(
        image, name.rpartition("drillbook-")[2], name, network, labels(run_id, "broker"), ports=ports, environment=environment
    )
    container.with_copy_into_container(enabled_plugins(Broker(queues={"tasks": {}})), "/etc/rabbitmq/enabled_plugins")
    container.start()
    amqp, api, metrics = (container.mapped_port(port) for port in ports)
    client = BrokerClient(
        f"amqp://tests:{password}@127.0.0.1:{amqp}/%2F", f"http://tests:{password}@127.0.0.1:{api}/api", f"http://127.0.0.1:{metrics}"
    )
    try:
        assert until(client.answers, 60)
        yield Drilled(client, RunDirectory(tmp_path / "run"))
    finally:
        client.close()
        container.stop()


def test_a_purge_is_found_with_its_number(drilled: Drilled) -> None:
    drilled.queue("tasks")
    drilled.publish("tasks", 3, done=True)
    drilled.take("tasks", 3)
    drilled.publish("tasks", 7)
    requests.delete(f"{drilled.client.api_url}/queues/%2F/tasks/contents", timeout=30).raise_for_status()
    assert drilled.holds("tasks", 0)
    assert drilled.dropped() == [
        "7 messages left tasks without an acknowledgement: for no reason that the broker counts, as when a queue is purged."
    ]


@pytest.mark.parametrize("kind", ["quorum", "classic"])
def test_what_expires_with_nowhere_to_go_is_found_with_its_number(drilled: Drilled, kind: str) -> None:
    drilled.queue("tasks", kind, message_ttl=200)
    drilled.publish("tasks", 5)
    assert drilled.holds("tasks", 0)
    assert drilled.dropped() == ["5 messages left tasks without an acknowledgement: 5 expired, with no dead-letter exchange to take them."]


def test_what_a_length_limit_drops_is_found_with_its_number(drilled: Drilled) -> None:
    drilled.queue("tasks", max_length=4)
    drilled.publish("tasks", 10)
    assert drilled.holds("tasks", 4)
    assert drilled.dropped() == [
        "6 messages left tasks without an acknowledgement: 6 went over its length limit, with no dead-letter exchange to take them."
    ]


def test_what_cannot_be_routed_is_found_with_its_number(drilled: Drilled) -> None:
    drilled.publish("tasks.v3", 8)
    assert drilled.dropped() == ["8 messages published to the default exchange could not be routed and were dropped."]


def test_dead_letters_to_an_exchange_that_is_not_there_are_found_with_their_number(drilled: Drilled) -> None:
    drilled.queue("tasks", dead_letter_exchange="nope")
    drilled.publish("tasks", 6)
    drilled.refuse("tasks", 6)
    topology(drilled)
    assert drilled.dropped() == [
        "6 messages left tasks without an acknowledgement: 6 were refused by a consumer, and the dead-letter exchange nope is not there."
    ]


def test_dead_letters_to_a_queue_that_is_not_there_are_found_with_their_number(drilled: Drilled) -> None:
    drilled.queue("tasks", dead_letter_exchange="", dead_letter_routing_key="no.such.queue")
    drilled.publish("tasks", 6)
    drilled.refuse("tasks", 6)
    assert drilled.dropped() == ["6 messages left tasks without an acknowledgement: 6 dead-lettered, and in no queue."]


@pytest.mark.parametrize("kind", ["quorum", "classic"])
def test_a_broker_that_only_moves_and_keeps_messages_is_conserved(drilled: Drilled, kind: str) -> None:
    """Acknowledged, given back, expired and refused into a dead-letter queue, moved, waiting, requeued; and a task lost by its worker."""
    drilled.queue("tasks.dead")
    drilled.queue("tasks", kind, **DEAD_TO)
    drilled.queue("retry", kind, message_ttl=200, **DEAD_TO)
    drilled.queue("moved", kind)
    drilled.publish("tasks", 4, done=True)
    given_back = drilled.client.channel()
    for _ in range(3):
        given_back.basic_get("tasks")
    given_back.close()
    drilled.take("tasks", 4)
    drilled.publish("tasks", 2)
    drilled.refuse("tasks", 1)
    drilled.take("tasks", 1)  # acknowledged, and not done: a task is lost, no message is
    drilled.publish("retry", 3)
    assert drilled.holds("tasks.dead", 4)
    drilled.channel.basic_publish("", "moved", b"x", BasicProperties(message_id="retry-open-0"))
    drilled.publish("tasks", 2, done=True)
    held = drilled.client.channel()
    held.basic_get("tasks")
    held.close()
    assert drilled.holds("tasks", 2)
    assert [finding.task for finding in drilled.conservation().findings] == ["tasks-open-1"]


def topology(drilled: Drilled) -> None:
    """Note what is declared on a broker without a tap."""
    drilled.run.append(*snapshot(now(), "after", drilled.client.definitions(), {}))


def drill(folder: Path, faults: str, playbook: str) -> Finished:
    """The short drill with other faults and another playbook, judged by what the broker says too."""
    worker = (SHORT.parent / "../../../scenarios/worker").resolve()
    text = SHORT.read_text().replace("../../../scenarios/worker", str(worker))
    begin, end = text.index("faults:"), text.index("playbook:")
    text = text[:begin] + faults + text[end:] + "  topology_restored:\n"
    (folder / "scenario.yaml").write_text(text)
    script = folder / "playbook.sh"
    script.write_text(f"#!/usr/bin/env bash\nset -euo pipefail\n{playbook}")
    script.chmod(0o755)
    return run_drill(folder / "scenario.yaml", folder / "reports", "--seed", "3")


PURGE = """
stop_v1() { docker stop $WORKERS_V1 > /dev/null; }
wait_for_tasks() {
  until curl -sf "$RABBITMQ_API_URL/queues/%2F/tasks?disable_stats=true&enable_queue_totals=true" | grep -q '"messages_ready":[1-9]'; do
    :
  done
}
purge() { curl -sf -X DELETE "$RABBITMQ_API_URL/queues/%2F/tasks/contents"; }
start_v1() { docker start $WORKERS_V1 > /dev/null; }
stop_v1
wait_for_tasks
purge
start_v1
"""


def test_a_purge_by_the_playbook_is_found_in_its_step(tmp_path: Path) -> None:
    found = drill(tmp_path, "", PURGE)
    (result,) = [result for result in found.verdict["results"] if result["name"] == "conservation"]
    (finding,) = [finding for finding in result["findings"] if finding["task"] is None]
    lost_tasks = result["count"] - 1
    assert finding["why"].startswith(f"{lost_tasks} messages left tasks without an acknowledgement: for no reason that the broker counts")
    assert finding["step"] == "purge"


def test_a_broker_that_is_restarted_gives_no_false_alarm(tmp_path: Path) -> None:
    restart = "faults:\n  - {name: the broker restarts, restart: {target: broker}, before: {step: look}}\n\n"
    found = drill(tmp_path, restart, 'look() { curl -sf -o /dev/null --retry 20 --retry-all-errors "$RABBITMQ_API_URL/overview"; }\nlook\n')
    assert (found.exit_code, found.verdict["verdict"]) == (0, "held"), found.stdout + found.stderr
    metrics = [json.loads(line) for line in (found.run_directory / "metrics.jsonl").read_text().splitlines()]
    assert len({metric["value"] for metric in metrics if metric["name"] == STARTED.name}) == 2


def test_a_version_that_consumes_no_longer_is_seen_on_a_real_stage(stage: Stage, tmp_path: Path) -> None:
    run = RunDirectory(tmp_path / "run")
    watch = TopologyWatch(stage, run)
    watch.before()
    stage.container(WORKER).stop(10)
    try:
        assert until(lambda: stage.wire.poll().consumers(WORKER) == 0, 10)
        watch.after(patient=False)
    finally:
        stage.container(WORKER).start()
        assert until(stage.container(WORKER).answers, 30)
    (run.path / "scenario.yaml").write_text(json.dumps({"title": "A stage", "invariants": {"topology_restored": None}}))
    result = judge(run.path)["topology_restored"]
    assert (result.verdict, [finding.why for finding in result.findings]) == (
        Verdict.BROKEN,
        ["workers.v1 no longer consumes from tasks: 1 consumer before, none after."],
    )


def test_a_worker_that_reconnects_is_waited_for(stage: Stage, tmp_path: Path) -> None:
    run = RunDirectory(tmp_path / "run")
    watch = TopologyWatch(stage, run)
    watch.before()
    stage.container(WORKER).stop(10)
    assert until(lambda: stage.wire.poll().consumers(WORKER) == 0, 10)
    stage.container(WORKER).start()
    watch.after(patient=True)
    (run.path / "scenario.yaml").write_text(json.dumps({"title": "A stage", "invariants": {"topology_restored": None}}))
    assert judge(run.path)["topology_restored"].verdict is Verdict.HELD
