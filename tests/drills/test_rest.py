"""When a real stage is at rest: beside a scheduler that never stops, with tasks that may remain and tasks that may not."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pika
import pytest

from drillbook.core.progress import Progress
from drillbook.core.wait import until
from drillbook.drill import stage_images
from drillbook.drive.rest import Rest
from drillbook.drive.settle import Settled, look, settle, terms
from drillbook.evidence import RunDirectory
from drillbook.evidence.wire_tail import WireTail
from drillbook.scenario import Scenario
from drillbook.scenario.evidence import Settle
from drillbook.stage.stage import Stage
from drillbook.validation.loader import load

PATIENCE = 120.0
"""Seconds, on the slowest machine."""
STEADY = Path(__file__).parent / "steady" / "scenario.yaml"


class Bench:
    """A started stage, and what a test does to it."""

    def __init__(self, folder: Path) -> None:
        self.scenario, run = load(STEADY), RunDirectory(folder)
        run.touch("timeline")
        images: Any = stage_images(self.scenario, STEADY.parent, Progress(quiet=True))
        self.stage = Stage(self.scenario, STEADY.parent, run, f"tests-{secrets.token_hex(4)}", images, lambda _: None)

    def publish(self, queue: str) -> None:
        """As the load does it."""
        with pika.BlockingConnection(pika.URLParameters(self.stage.load_amqp_url)) as connection:
            properties = pika.BasicProperties(message_id="task-000001")
            connection.channel().basic_publish("", queue, json.dumps({"type": "task"}).encode(), properties)
        assert until(lambda: self.stage.broker.depth(queue).ready, PATIENCE)

    def ended(self, worker: str) -> str:
        """When its container ended last, as the engine writes it."""
        container = self.stage.container(worker)._wrapped
        container.reload()
        return str(container.attrs["State"]["FinishedAt"])

    def seen(self, enough: Callable[[Rest], object]) -> Rest:
        """What looks at the stage have told by the time they told enough."""
        rest = Rest(terms(self.scenario))

        def told() -> bool:
            rest.see(look(self.scenario, self.stage))
            return bool(enough(rest))

        assert until(told, PATIENCE)
        return rest

    def settle(self, within: float = PATIENCE, **changed: Any) -> Settled:
        scenario: Scenario = self.scenario.model_copy(update={"settle": Settle(within=within, quiet_for=1.0), **changed})
        return settle(scenario, self.stage, lambda _: None)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    bench = Bench(tmp_path_factory.mktemp("run"))
    try:
        bench.stage.start()
        yield bench
    finally:
        bench.stage.close()


@pytest.fixture
def bench(shared: Bench) -> Iterator[Bench]:
    """The stage that the tests share, with the queues that nobody consumes empty."""
    yield shared
    for queue in ("tasks.later", "tasks.alone", "tasks.retry"):
        shared.stage.broker.channel().queue_purge(queue)


def test_a_stage_comes_to_rest_beside_a_scheduler_that_never_stops(bench: Bench) -> None:
    before = len(bench.stage.wire.poll().tally().scheduled)
    assert until(lambda: len(bench.stage.wire.poll().tally().scheduled) > before, PATIENCE)
    assert bench.settle().restless is None


def test_who_keeps_the_stage_from_rest_is_named(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    # With an outbox its tasks may be the ledger's.
    monkeypatch.setattr(bench.stage, "wire", WireTail(bench.stage.run.file("wire"), lambda _: True))
    settled = bench.settle(within=5.0)
    assert settled.restless is not None
    assert settled.restless.startswith("workers.beat.1 published to tasks every ")


def test_a_parked_task_needs_no_patience_and_one_that_is_not_does(bench: Bench) -> None:
    bench.publish("tasks.later")
    parked = bench.seen(lambda rest: rest.come)
    bench.publish("tasks.alone")
    alone = bench.seen(lambda rest: rest.come)
    assert (parked.needed, alone.needed) == (1.0, 5.0)


def test_a_delayed_task_is_said_to_be_due(bench: Bench) -> None:
    bench.publish("tasks.retry")
    rest = bench.seen(lambda rest: rest.due())
    assert rest.due()[0].startswith("1 task in tasks.retry is due in at most")
    assert not rest.come
    assert rest.why_not(()).startswith("1 task in tasks.retry is due in at most")


def test_schedulers_are_stopped_before_those_that_do_what_they_made(bench: Bench) -> None:
    bench.stage.stop_workers(10)
    assert bench.stage.wire.poll().scheduled_open == bench.stage.broker.depth("tasks").ready == 0
    assert bench.ended("workers.beat.1") < bench.ended("workers.v1.1")
    for worker in ("workers.beat.1", "workers.v1.1"):
        bench.stage.container(worker).start()
