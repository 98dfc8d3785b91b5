"""What is watched beside the drive, on a stage in memory: monitors, containers, the broker's counters, what is declared."""

from __future__ import annotations

import json
from pathlib import Path
from threading import Event, Thread
from types import SimpleNamespace
from typing import Any

import pytest
from stub_stage import Broker as StubBroker
from stub_stage import Engine, StubStage, drill, told

from drillbook.core.wait import until
from drillbook.drive import broker_watch
from drillbook.drive import watch as module
from drillbook.drive.broker_watch import MetricsWatch, TopologyWatch, consumers_to_wait_for
from drillbook.drive.watch import ContainerWatch, MonitorWatch, Pacer, QueueSampler
from drillbook.evidence import RunDirectory
from drillbook.rabbitmq.broker import Depth
from drillbook.rabbitmq.metrics import Series
from drillbook.scenario import Monitor

WITHIN = 60
COUNTER = Series("queue_messages_published_total", "tasks", None)


@pytest.fixture
def stage(tmp_path: Path) -> StubStage:
    stage = drill(stage={"broker": {"queues": {"tasks": {}}}, "database": {}, "workers": {"v1": {"image": "x"}}})
    return StubStage(tmp_path, stage)


def lines(stage: StubStage, stem: str) -> list[dict[str, Any]]:
    file = stage.run.file(stem)
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


# Queues


def test_every_queue_is_counted_with_the_step_it_is_counted_at(stage: StubStage) -> None:
    stage.broker.depths, stage.broker.consumers = {"tasks": 7, "dead": 0}, {"tasks": 2, "dead": 1}
    QueueSampler(stage.broker, ["tasks", "dead", "gone"], stage.run).edge("stop v2", "start")
    assert [(line["queue"], line["exists"], line.get("ready"), line.get("consumers")) for line in lines(stage, "counters")] == [
        ("tasks", True, 7, 2),
        ("dead", True, 0, 1),
        ("gone", False, None, None),
    ]
    assert {(line["step"], line["edge"]) for line in lines(stage, "counters")} == {("stop v2", "start")}


class FrozenBroker(StubBroker):
    """It gives no answer until it is let go on."""

    def __init__(self) -> None:
        super().__init__(["tasks"])
        self.asked, self.thawed = Event(), Event()

    def depth(self, queue: str) -> Depth:
        self.asked.set()
        self.thawed.wait(WITHIN)
        return super().depth(queue)


def test_a_step_does_not_wait_for_a_broker_that_has_frozen(stage: StubStage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EDGE_WITHIN_SECONDS", 0.05)
    broker = FrozenBroker()
    sampler = QueueSampler(broker, ["tasks"], stage.run)
    sampler.edge("stop v2", "start")
    assert broker.asked.wait(WITHIN)
    broker.asked.clear()
    sampler.edge("stop v2", "end")
    assert not broker.asked.is_set()
    broker.thawed.set()
    assert until(lambda: not sampler._asking, WITHIN)
    monkeypatch.setattr(module, "EDGE_WITHIN_SECONDS", WITHIN)
    sampler.edge("move", "start")
    assert [line["step"] for line in lines(stage, "counters")] == ["move"]


def test_a_count_over_time_that_hangs_keeps_no_step_waiting(stage: StubStage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EDGE_WITHIN_SECONDS", 0.0)
    broker = FrozenBroker()
    sampler = QueueSampler(broker, ["tasks"], stage.run)
    hanging = Thread(target=sampler.sample, daemon=True)
    hanging.start()
    assert broker.asked.wait(WITHIN)
    broker.asked.clear()
    sampler.edge("stop v2", "start")
    assert not broker.asked.is_set()
    broker.thawed.set()
    hanging.join(WITHIN)
    assert ["step" in line for line in lines(stage, "counters")] == [False]


def test_a_count_at_an_edge_that_fails_is_the_programs_failure(stage: StubStage, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: str) -> Depth:
        raise ValueError("no such answer")

    monkeypatch.setattr(stage.broker, "depth", broken)
    with pytest.raises(ValueError, match="no such answer"):
        QueueSampler(stage.broker, ["tasks"], stage.run).edge("stop v2", "start")


# Monitors


class Watched:
    """A monitor, sampled when a test says so."""

    def __init__(self, stage: StubStage, armed: bool = True, **monitor: Any) -> None:
        self.stage, self.alerts = stage, []
        made = Monitor.model_validate({"above": 10, "for": "0s", **monitor})
        self.watch = MonitorWatch("it", made, stage, stage.run, lambda: armed, lambda name, value: self.alerts.append((name, value)))

    def depth(self, *depths: int | None) -> Watched:
        for depth in depths:
            self.stage.broker.depths = {} if depth is None else {"tasks": depth}
            self.watch.sample()
        return self

    def told(self) -> list[tuple[str, float]]:
        return [(line["state"], line["value"]) for line in lines(self.stage, "timeline")]


def test_a_monitor_writes_what_it_sees(stage: StubStage) -> None:
    assert Watched(stage, queue_depth="tasks").depth(3, 10).told() == [("sample", 3.0), ("sample", 10.0)]


def test_a_monitor_raises_its_alert_once_and_clears_it(stage: StubStage) -> None:
    watched = Watched(stage, queue_depth="tasks").depth(11, 12, 3)
    assert watched.told() == [("raised", 11.0), ("sample", 12.0), ("cleared", 3.0)]
    assert watched.alerts == [("it", 11.0)]


def test_a_monitor_that_is_not_armed_is_sampled_and_raises_nothing(stage: StubStage) -> None:
    watched = Watched(stage, armed=False, queue_depth="tasks").depth(11)
    assert (watched.told(), watched.alerts) == ([("sample", 11.0)], [])


def test_a_queue_that_is_not_there_has_no_depth(stage: StubStage) -> None:
    assert Watched(stage, queue_depth="tasks").depth(None).told() == []


def test_a_broker_that_is_away_gives_no_value_and_no_error(stage: StubStage) -> None:
    stage.broker.away = True
    assert Watched(stage, queue_depth="tasks").depth(11).told() == []


def test_a_monitor_of_a_query_takes_its_number(stage: StubStage) -> None:
    assert stage.database is not None
    stage.database.rows["select 1"] = [{"one": 41}]
    watched = Watched(stage, query="select 1")
    watched.watch.sample()
    assert watched.told() == [("raised", 41.0)]


def test_a_monitor_of_a_query_without_a_database_sees_nothing(stage: StubStage) -> None:
    stage.database = None
    watched = Watched(stage, query="select 1")
    watched.watch.sample()
    assert watched.told() == []


def redelivered(stage: StubStage, monkeypatch: pytest.MonkeyPatch, *counts: tuple[float, int | None]) -> list[float]:
    """What a monitor of redeliveries sees where so many are counted at these moments."""
    watched = Watched(stage, redelivery_rate="tasks", above=1000)
    for at, count in counts:
        monkeypatch.setattr("drillbook.drive.watch.time.monotonic", lambda at=at: at)
        stage.broker.redelivered = {} if count is None else {"tasks": count}
        watched.watch.sample()
    monkeypatch.undo()
    return [value for _, value in watched.told()]


def test_redeliveries_are_a_rate_between_two_samples(stage: StubStage, monkeypatch: pytest.MonkeyPatch) -> None:
    assert redelivered(stage, monkeypatch, (10.0, 5), (12.0, 11), (13.0, 11)) == [3.0, 0.0]


def test_redeliveries_that_began_anew_are_none(stage: StubStage, monkeypatch: pytest.MonkeyPatch) -> None:
    assert redelivered(stage, monkeypatch, (10.0, 50), (12.0, 1)) == [0.0]


def test_redeliveries_without_a_queue_are_not_known(stage: StubStage, monkeypatch: pytest.MonkeyPatch) -> None:
    assert redelivered(stage, monkeypatch, (10.0, None), (12.0, None)) == []


def test_two_samples_of_one_moment_give_no_rate(stage: StubStage, monkeypatch: pytest.MonkeyPatch) -> None:
    assert redelivered(stage, monkeypatch, (10.0, 5), (10.0, 6)) == []


# Pace


def test_a_pacer_acts_again_and_again_until_it_is_stopped() -> None:
    acts: list[int] = []
    enough = Event()

    def act() -> None:
        acts.append(1)
        if len(acts) == 3:
            enough.set()

    pacer = Pacer("it", 0.001, act, pytest.fail).start()
    assert enough.wait(WITHIN)
    pacer.stop()
    done = len(acts)
    assert not pacer._thread.is_alive()
    assert len(acts) == done


def test_a_pacer_that_was_never_started_can_be_stopped() -> None:
    Pacer("it", 1.0, lambda: None, pytest.fail).stop()


def test_what_goes_wrong_at_a_pace_is_told_and_ends_it() -> None:
    failures: list[Exception] = []

    def act() -> None:
        raise ValueError("no")

    pacer = Pacer("it", 0.001, act, failures.append).start()
    pacer._thread.join(WITHIN)
    assert [str(error) for error in failures] == ["no"]


def test_a_pacer_waits_between_two_acts() -> None:
    acts: list[int] = []
    acted = Event()
    pacer = Pacer("it", 3600.0, lambda: acts.append(1) or acted.set(), pytest.fail).start()  # type: ignore[func-returns-value]
    assert acted.wait(WITHIN)
    pacer.stop()
    assert acts == [1]


# Containers


class Containers:
    """A watch over containers, and what it tells."""

    def __init__(self, run: RunDirectory) -> None:
        self.engine, self.died, self.failed, self.run = Engine(), [], [], run
        self.watch = ContainerWatch(self.engine, run, lambda role, code: self.died.append((role, code)), self.failed.append)

    def ends(self, *, by_us: bool = True) -> list[str]:
        """All that was told, once the events have ended."""
        self.watch.start()
        self.engine.close()
        self.watch._thread.join(WITHIN)
        if by_us:
            self.died = [death for death in self.died if death != ("engine", -1)]
        return told(self.run, "container")


@pytest.fixture
def containers(tmp_path: Path) -> Containers:
    return Containers(RunDirectory(tmp_path))


def test_a_container_that_dies_by_itself_is_told(containers: Containers) -> None:
    containers.engine.tell("broker", "die", exitCode="3")
    assert containers.ends() == ["broker died"]
    assert containers.died == [("broker", 3)]


ASKED = {("15", "0"): "stopped", ("15", "143"): "stopped", ("9", "137"): "killed", ("15", "137"): "killed", ("2", "0"): "stopped"}


@pytest.mark.parametrize(("how", "state"), ASKED.items(), ids=map(str, ASKED))
def test_a_container_that_was_asked_to_end_did_not_die(containers: Containers, how: tuple[str, str], state: str) -> None:
    containers.engine.tell("broker", "kill", signal=how[0])
    containers.engine.tell("broker", "die", exitCode=how[1])
    assert containers.ends() == [f"broker {state}"]
    assert containers.died == []


def test_a_signal_that_asks_for_no_end_excuses_none(containers: Containers) -> None:
    containers.engine.tell("tap", "kill", signal="1")
    containers.engine.tell("tap", "die", exitCode="1")
    assert containers.ends() == ["tap died"]


def test_what_was_asked_before_a_start_excuses_no_death_after_it(containers: Containers) -> None:
    for action, more in (("kill", {"signal": "15"}), ("die", {"exitCode": "0"}), ("start", {}), ("die", {"exitCode": "1"})):
        containers.engine.tell("broker", action, **more)
    assert containers.ends() == ["broker stopped", "broker started", "broker died"]


def test_one_container_s_end_excuses_no_other_s(containers: Containers) -> None:
    containers.engine.tell("workers.v1.1", "kill", signal="15")
    containers.engine.tell("workers.v1.2", "die", exitCode="0")
    containers.ends()
    assert containers.died == [("workers.v1.2", 0)]


def test_freezing_is_written(containers: Containers) -> None:
    containers.engine.tell("broker", "pause")
    containers.engine.tell("broker", "unpause")
    assert containers.ends() == ["broker paused", "broker unpaused"]


def test_what_else_the_engine_tells_is_left_out(containers: Containers) -> None:
    containers.engine.tell("broker", "exec_start: sh")
    assert containers.ends() == []


def test_a_worker_is_written_with_its_version_and_its_exit(containers: Containers) -> None:
    containers.engine.tell("workers.v2.1", "die", exitCode="3")
    containers.engine.tell("broker", "die", exitCode="0")
    containers.ends()
    written = [json.loads(line) for line in containers.run.file("timeline").read_text().splitlines()]
    assert [(line.get("version"), line["exit_code"], line["asked"]) for line in written] == [("v2", 3, False), (None, 0, False)]


def test_when_each_container_was_last_started_is_known(containers: Containers) -> None:
    for _ in range(2):
        containers.engine.tell("broker", "start")
    containers.ends()
    starts = [json.loads(line)["at"] for line in containers.run.file("timeline").read_text().splitlines()]
    assert containers.watch.started == {"broker": starts[-1]}


def test_an_engine_that_stops_telling_has_gone_away(containers: Containers) -> None:
    containers.ends(by_us=False)
    assert containers.died == [("engine", -1)]


def test_a_watch_that_was_stopped_misses_nothing(containers: Containers) -> None:
    containers.watch.start().stop()
    containers.watch._thread.join(WITHIN)
    assert (containers.died, containers.failed) == ([], [])


def test_what_happens_after_the_stop_is_the_harness_s_own(containers: Containers) -> None:
    containers.engine.tell("broker", "die", exitCode="3")
    containers.watch._over = True
    assert containers.ends(by_us=False) == []
    assert containers.died == []


def test_an_error_in_reading_is_told(containers: Containers) -> None:
    containers.engine._told.put({})
    containers.watch.start()._thread.join(WITHIN)
    assert [type(error) for error in containers.failed] == [KeyError]


# The broker's counters


def metrics(stage: StubStage) -> list[tuple[float, str | None, str | None]]:
    return [(line["value"], line.get("phase"), line.get("edge")) for line in lines(stage, "metrics")]


def counting(stage: StubStage, monkeypatch: pytest.MonkeyPatch) -> MetricsWatch:
    """A watch that takes no sample but at edges, once it has taken its first."""
    monkeypatch.setattr(broker_watch, "METRICS_EVERY_SECONDS", 3600.0)
    stage.broker.counters = {COUNTER: 1.0}
    return MetricsWatch(stage.broker, stage.run, pytest.fail).start()


def test_counters_are_taken_over_time_at_edges_and_at_the_end(stage: StubStage, monkeypatch: pytest.MonkeyPatch) -> None:
    watch = counting(stage, monkeypatch)
    assert until(lambda: metrics(stage), WITHIN)
    watch.edge("load", "start")
    assert until(lambda: len(metrics(stage)) == 2, WITHIN)
    stage.broker.counters = {COUNTER: 5.0}
    watch.finish()
    assert metrics(stage) == [(1.0, None, None), (1.0, "load", "start"), (5.0, "collect", "start")]


def test_the_pace_of_the_counters_is_written(stage: StubStage, monkeypatch: pytest.MonkeyPatch) -> None:
    counting(stage, monkeypatch).finish()
    assert told(stage.run, "note", detail=True) == ["metrics said: the broker's counters are read every 3600 s"]


def test_counters_that_still_move_at_the_end_are_waited_for(stage: StubStage, monkeypatch: pytest.MonkeyPatch) -> None:
    watch = counting(stage, monkeypatch)
    values = iter([2.0, 3.0, 4.0, 4.0])
    assert until(lambda: metrics(stage), WITHIN)
    watch._edges.put(None)
    watch._thread.join(WITHIN)
    monkeypatch.setattr(stage.broker, "metrics", lambda: {COUNTER: next(values)})
    watch._rest()
    assert metrics(stage)[-1] == (4.0, "collect", "start")


def test_a_broker_that_is_away_at_the_end_makes_its_counters_incomplete(stage: StubStage, monkeypatch: pytest.MonkeyPatch) -> None:
    watch = counting(stage, monkeypatch)
    stage.broker.away = True
    watch.finish()
    assert told(stage.run, "incomplete", detail=True) == ["metrics from: at the end: the broker does not answer"]


def test_a_broker_that_is_away_for_a_sample_is_no_failure(stage: StubStage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.broker.away = True
    watch = counting(stage, monkeypatch)
    watch.edge("load", "start")
    stage.broker.away = False
    watch.edge("load", "end")
    assert until(lambda: metrics(stage), WITHIN)
    watch.finish()


def test_a_watch_of_counters_that_was_never_started_can_be_finished(stage: StubStage) -> None:
    MetricsWatch(stage.broker, stage.run, pytest.fail).finish()
    assert metrics(stage) == []


def test_a_watch_that_ends_at_once_takes_its_last_samples_all_the_same(stage: StubStage, monkeypatch: pytest.MonkeyPatch) -> None:
    watch = counting(stage, monkeypatch)
    edges = watch._edges

    def ends_at_once(edge: Any) -> None:
        edges.put(edge)
        watch._thread.join(WITHIN)

    watch._edges = SimpleNamespace(put=ends_at_once, get=edges.get)  # type: ignore[assignment]
    watch.finish()
    assert metrics(stage)[-1] == (1.0, "collect", "start")


def test_an_error_in_counting_is_told(stage: StubStage, monkeypatch: pytest.MonkeyPatch) -> None:
    failures: list[Exception] = []

    def breaks() -> dict[Series, float]:
        raise ValueError

    monkeypatch.setattr(stage.broker, "metrics", breaks)
    watch = MetricsWatch(stage.broker, stage.run, failures.append).start()
    watch._thread.join(WITHIN)
    assert [type(error) for error in failures] == [ValueError]


def test_a_counter_that_came_to_the_same_number_after_a_restart_is_written_again(stage: StubStage) -> None:
    started = Series("process_start_time_seconds", None, None)
    watch = MetricsWatch(stage.broker, stage.run, pytest.fail)
    for at in (1.0, 2.0):
        stage.broker.counters = {COUNTER: 7.0, started: at}
        watch._sample()
    assert [value for value, *_ in metrics(stage)].count(7.0) == 2


def test_a_counter_that_has_not_changed_is_not_written_again(stage: StubStage) -> None:
    watch = MetricsWatch(stage.broker, stage.run, pytest.fail)
    stage.broker.counters = {COUNTER: 7.0}
    for _ in range(2):
        watch._sample()
    assert metrics(stage) == [(7.0, None, None)]


# What is declared


def consumes(stage: StubStage, peer: str, queue: str | None, connection: int = 1) -> None:
    stage.tap_process.write({"event": "consume", "peer": peer, "connection": connection, "channel": 1, "queue": queue})


def topology(stage: StubStage) -> list[tuple[str, str, str, str]]:
    return [(line["moment"], line["name"], line["field"], line["value"]) for line in lines(stage, "topology") if line["kind"] == "consumer"]


def test_consumers_are_written_by_queue_and_role(stage: StubStage) -> None:
    for number in (1, 2):
        consumes(stage, f"workers.v1.{number}", "tasks", number)
    consumes(stage, "workers.v1.1", None)
    TopologyWatch(stage, stage.run).before()
    assert topology(stage) == [("before", "tasks", "workers.v1", "2")]


def test_consumers_that_the_tap_does_not_see_are_written_too(stage: StubStage) -> None:
    consumes(stage, "workers.v1.1", "tasks")
    stage.broker.consumers["tasks"] = 3
    TopologyWatch(stage, stage.run).before()
    assert topology(stage) == [("before", "tasks", "elsewhere", "2"), ("before", "tasks", "workers.v1", "1")]


def test_no_consumer_is_elsewhere_where_the_tap_sees_them_all(stage: StubStage) -> None:
    consumes(stage, "workers.v1.1", "tasks")
    stage.broker.consumers["tasks"] = 1
    TopologyWatch(stage, stage.run).before()
    assert topology(stage) == [("before", "tasks", "workers.v1", "1")]


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_broker_that_is_away_makes_what_is_declared_incomplete(stage: StubStage, moment: str) -> None:
    stage.broker.away = True
    watch = TopologyWatch(stage, stage.run)
    watch.before() if moment == "before" else watch.after(patient=False)
    assert told(stage.run, "incomplete", detail=True) == [f"topology from: {moment} the drill: the broker does not answer"]


def test_a_patient_watch_waits_for_those_who_consumed_before(stage: StubStage) -> None:
    consumes(stage, "workers.v1.1", "tasks")
    watch = TopologyWatch(stage, stage.run)
    watch.before()
    stage.tap_process.write({"event": "close", "peer": "workers.v1.1", "connection": 1})
    looks, poll = [], stage.wire.poll

    def polled() -> Any:
        looks.append(1)
        if len(looks) == 3:
            consumes(stage, "workers.v1.1", "tasks", 2)
        return poll()

    stage.wire.poll = polled  # type: ignore[method-assign]
    watch.after(patient=True)
    assert topology(stage)[-1] == ("after", "tasks", "workers.v1", "1")


def test_an_impatient_watch_writes_what_there_is(stage: StubStage) -> None:
    consumes(stage, "workers.v1.1", "tasks")
    watch = TopologyWatch(stage, stage.run)
    watch.before()
    stage.tap_process.write({"event": "close", "peer": "workers.v1.1", "connection": 1})
    watch.after(patient=False)
    assert [moment for moment, *_ in topology(stage)] == ["before"]


def test_nobody_waits_for_consumers_of_queues_that_a_worker_declared_for_itself() -> None:
    assert consumers_to_wait_for({("tasks", "workers.v1"): 1, ("amq.gen-1", "workers.v1"): 1}, {"tasks"}) == {("tasks", "workers.v1")}
