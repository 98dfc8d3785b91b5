"""What is read from outside, on a whole stage: calls to the sink, task states, the outbox, and tasks that somebody still has."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pika
import psycopg
import pytest
import requests
from conftest import link_faults, run_drill

from drillbook.core.progress import Progress
from drillbook.core.wait import until
from drillbook.drill import stage_images
from drillbook.drive.collect import collect
from drillbook.drive.rest import Rest
from drillbook.drive.settle import count_effects, look, terms
from drillbook.evidence import RunDirectory
from drillbook.evidence.kinds.links import LinkUse
from drillbook.faults.cut import Cut
from drillbook.stage.stage import Stage
from drillbook.validation.loader import load

OUTSIDE = Path(__file__).parent / "outside" / "scenario.yaml"
WORKER = "workers.v1.1"
PATIENCE = 40.0


class Bench:
    """A started stage, and what a test does to it."""

    def __init__(self, folder: Path, run_id: str) -> None:
        self.scenario = load(OUTSIDE)
        self.run = RunDirectory(folder)
        self.run.touch("timeline")
        images: Any = stage_images(self.scenario, OUTSIDE.parent, Progress(quiet=True))
        self.stage = Stage(self.scenario, OUTSIDE.parent, self.run, run_id, images, lambda _: None)

    def publish(self, queue: str, task: str, **properties: Any) -> None:
        """By the load's link; the tap reads the id from the header, the reference worker reads the message id."""
        body = json.dumps({"task": task, "type": "task"}).encode()
        with pika.BlockingConnection(pika.URLParameters(self.stage.load_amqp_url)) as connection:
            channel = connection.channel()
            channel.confirm_delivery()
            sent = {"message_id": task, "headers": {"job": task}, **properties}
            channel.basic_publish("", queue, body, pika.BasicProperties(**sent), mandatory=True)

    def calls(self, task: str) -> list[dict[str, Any]]:
        """What the sink has written of a task."""
        return [line for line in self.lines("sink") if line.get("task") == task]

    def lines(self, stem: str) -> list[dict[str, Any]]:
        return [json.loads(text) for text in self.run.file(stem).read_text().splitlines()]

    def execute(self, statement: str) -> list[Any]:
        with psycopg.connect(self.stage.environment()["DATABASE_URL"], autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def done(self, task: str) -> bool:
        return until(lambda: self.execute(f"select 1 from effects where task = '{task}'"), PATIENCE)

    def said(self, event: str) -> int:
        """How often the worker has logged an event up to now."""
        return int(self.stage.container(WORKER)._wrapped.logs().decode().count(event))

    def says_again(self, event: str, before: int) -> bool:
        """Whether it logs the event once more than it had before."""
        return until(lambda: self.said(event) > before, PATIENCE)

    def collect(self) -> None:
        """As the conductor does it."""
        self.stage.stop_workers(10)
        assert until(lambda: self.stage.wire.poll().consumers(WORKER) == 0, PATIENCE)
        self.stage.stop_sink()
        collect(self.run, self.stage, self.scenario, self.run.path / "playbook" / "state")

    def leftovers(self) -> dict[str, dict[str, Any]]:
        return {line.pop("task"): line for line in self.lines("leftovers")}

    def incomplete(self) -> dict[str, str]:
        return {event["name"]: event["detail"] for event in self.lines("timeline") if event["event"] == "incomplete"}


@pytest.fixture
def started(tmp_path: Path, run_id: str) -> Iterator[Callable[[], Bench]]:
    benches: list[Bench] = []

    def start() -> Bench:
        benches.append(Bench(tmp_path / "run", f"{run_id}-{tmp_path.name[-8:].strip('_').lower()}"))
        benches[-1].stage.start()
        return benches[-1]

    yield start
    for bench in benches:
        bench.stage.close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, run_id: str) -> Iterator[Bench]:
    """A stage that each test leaves as it found it."""
    bench = Bench(tmp_path_factory.mktemp("run"), f"{run_id}-shared")
    try:
        bench.stage.start()
        yield bench
    finally:
        bench.stage.close()


def test_a_task_leaves_a_row_and_a_call_that_says_whose_it_is(shared: Bench) -> None:
    shared.publish("tasks", "a")
    assert shared.done("a")
    (call,) = shared.calls("a")
    assert {name: call[name] for name in ("source", "key", "version", "worker")} == {
        **{"source": "calls", "key": "a"},
        **{"version": "v1", "worker": WORKER},
    }


def test_the_tap_reads_the_id_where_the_scenario_says(shared: Bench) -> None:
    shared.publish("parked", "the-message-id", headers={"job": "the-header"})
    assert until(lambda: any(line.get("task") == "the-header" for line in shared.lines("wire")), PATIENCE)
    shared.stage.broker.channel().queue_purge("parked")


def test_programs_reach_the_sink_by_what_they_are_told(shared: Bench) -> None:
    answer = requests.post(shared.stage.environment()["EFFECTS_URL"], headers={"Task-Id": "by-hand"}, timeout=30)
    assert answer.status_code == 201
    assert shared.calls("by-hand")


def test_effects_of_all_sources_count_as_movement(shared: Bench) -> None:
    before = count_effects(shared.scenario, shared.stage)
    shared.publish("tasks", "counted")
    assert shared.done("counted")
    assert count_effects(shared.scenario, shared.stage) == before + 2
    assert count_effects(shared.scenario, shared.stage, without={"counted"}) == before


def waiting(bench: Bench) -> list[str]:
    rest = Rest(terms(bench.scenario))
    rest.see(look(bench.scenario, bench.stage))
    return rest.waiting


def test_a_stage_whose_outbox_is_not_empty_still_waits(shared: Bench) -> None:
    assert waiting(shared) == []
    shared.execute("insert into task_state (task, state, version, worker) values ('unsent', 'queued', 'v1', 'outbox')")
    try:
        assert waiting(shared) == ["1 task in the outbox"]
    finally:
        shared.execute("delete from task_state where task = 'unsent'")


@pytest.mark.parametrize("link", [f"{WORKER} -> sink", "operator -> sink"])
def test_a_fault_bites_the_way_to_the_sink_and_is_lifted(shared: Bench, link: str) -> None:
    for fault in link_faults(link):  # on a starved machine a way without a fault may be as slow as one with it, for a moment
        assert until(lambda fault=fault: not fault.took_effect(shared.stage, link), PATIENCE)
        fault.begin(shared.stage, link)
        assert until(lambda fault=fault: fault.took_effect(shared.stage, link), PATIENCE)
        fault.end(shared.stage, link)
        assert until(lambda fault=fault: fault.cleared(shared.stage, link), PATIENCE)


@pytest.mark.parametrize("how", ["drop", "refuse"])
def test_a_worker_that_is_cut_off_from_the_sink_calls_until_it_is_answered(shared: Bench, how: str) -> None:
    fault, link = Cut(link=f"{WORKER} -> sink", how=how), f"{WORKER} -> sink"
    before = shared.said("receiver away")
    fault.begin(shared.stage, link)
    try:
        shared.publish("tasks", f"cut-{how}")
        assert shared.says_again("receiver away", before)
        assert shared.execute(f"select 1 from effects where task = 'cut-{how}'") == []
    finally:
        fault.end(shared.stage, link)
    assert shared.done(f"cut-{how}")
    assert {call["key"] for call in shared.calls(f"cut-{how}")} == {f"cut-{how}"}


def test_a_call_whose_answer_came_too_late_is_made_again_with_the_same_key(shared: Bench) -> None:
    sink = shared.stage.container("sink")
    before = shared.said("receiver away")
    sink.pause()
    try:
        shared.publish("tasks", "late")
        assert shared.says_again("receiver away", before)
    finally:
        sink.unpause()
    assert shared.done("late")
    assert until(lambda: len(shared.calls("late")) >= 2, PATIENCE)
    assert {(call["key"], call["number"]) for call in shared.calls("late")} == {("late", shared.calls("late")[0]["number"])}


def used(bench: Bench, link: str) -> LinkUse:
    (found,) = [use for use in bench.stage.link_uses() if use.link == link]
    return found


@pytest.mark.parametrize("link", ["operator -> database", "operator -> sink", f"{WORKER} -> database"])
def test_what_the_harness_asks_of_a_link_is_told_apart_from_its_use(shared: Bench, link: str) -> None:
    before = used(shared, link)
    for fault in [fault for fault in link_faults(link) if getattr(fault, "how", "") != "refuse"]:
        fault.begin(shared.stage, link)
        assert until(lambda fault=fault: fault.took_effect(shared.stage, link), PATIENCE)
        fault.end(shared.stage, link)
        assert until(lambda fault=fault: fault.cleared(shared.stage, link), PATIENCE)
    after = used(shared, link)
    assert after.own > before.own
    # A worker whose connection a fault has ended opens another one.
    assert link.startswith("workers") or after.connections == before.connections


def test_what_is_tried_over_a_cut_link_is_use_and_what_is_refused_leaves_no_trace(shared: Bench) -> None:
    link, before = shared.stage.link("operator -> database"), used(shared, "operator -> database")
    address = shared.stage.environment()["DATABASE_URL"]
    for how in ("drop", "refuse"):
        fault = Cut(link=link.name, how=how)
        fault.begin(shared.stage, link.name)
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(address, connect_timeout=2)
        fault.end(shared.stage, link.name)
        assert until(lambda fault=fault: fault.cleared(shared.stage, link.name), PATIENCE)
        after = used(shared, link.name)
        assert (after.connections, after.refused) == (before.connections + 1, how == "refuse")


def test_everything_that_rests_or_was_done_is_collected(started: Callable[[], Bench]) -> None:
    bench = started()
    bench.publish("tasks", "a")
    assert bench.done("a")
    for task in ("held", "parked"):
        bench.publish("parked", task)
    operator = pika.BlockingConnection(pika.URLParameters(bench.stage.environment()["AMQP_URL"]))
    channel = operator.channel()
    assert channel.basic_get("parked")[0] is not None
    arguments = {"x-message-ttl": 600_000, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "tasks"}
    channel.queue_declare("made.by.the.playbook", durable=True, arguments=arguments)
    bench.publish("made.by.the.playbook", "later")
    bench.execute("insert into task_state (task, state, version, worker) values ('unsent', 'queued', 'v1', 'outbox')")
    state = bench.run.path / "playbook" / "state"
    state.mkdir()
    (state / "cancelled").write_text("set-aside\n")
    assert until(lambda: bench.stage.wire.poll().in_flight == 1, PATIENCE)
    bench.collect()
    operator.close()
    assert bench.incomplete() == {}
    assert {task: (left["state"], left.get("queue"), left.get("holder")) for task, left in bench.leftovers().items()} == {
        "held": ("unacked", "parked", "operator"),
        "parked": ("ready", "parked", None),
        "later": ("delayed", "made.by.the.playbook", None),
        "unsent": ("outbox", None, None),
        "set-aside": ("cancelled", None, None),
    }
    assert {(effect["task"], effect["source"], effect["worker"]) for effect in bench.lines("effects")} == {
        ("a", "rows", WORKER),
        ("a", "calls", WORKER),
    }
    assert [(state["task"], state["state"], state["worker"]) for state in bench.lines("states")] == [("a", "completed", WORKER)]
    links = {line["link"]: line for line in bench.lines("links")}
    assert {name for name, line in links.items() if not line["connections"]} == {"operator -> sink"}
    assert {(line["own"], line["refused"]) for line in links.values()} == {(0, False)}


def test_effects_are_incomplete_when_the_sink_was_killed(started: Callable[[], Bench]) -> None:
    bench = started()
    bench.publish("tasks", "a")
    assert bench.done("a")
    bench.stage.container("sink").kill()
    bench.collect()
    assert bench.incomplete() == {"effects": "the effect sink was not seen to end, so that calls may be missing."}
    assert len(bench.lines("effects")) == 2


def test_a_whole_drill_with_effects_in_two_sources_holds(tmp_path: Path) -> None:
    done = run_drill(OUTSIDE, tmp_path, "--seed", "7")
    assert done.exit_code == 0, done.stderr
    assert done.verdict["verdict"] == "held"
