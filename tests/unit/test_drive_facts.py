"""Who was deployed, who of them was given a task, and how many tasks are where; told from the tap's and the ledger's own files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from drillbook.drive.facts import StageFacts
from drillbook.evidence.wire_tail import WireTail
from drillbook.rabbitmq.broker import BrokerClient
from drillbook.scenario import Scenario
from drillbook.scenario.moments import Confirmed, GivenTo, WaitingIn
from drillbook.validation.partial_scenario import STRICT

DEPLOYED_AT = 100
SCENARIO = Scenario.model_validate(
    {
        "title": "A drill",
        "stage": {
            "broker": {"queues": {"tasks": {}}},
            "workers": {
                "v1": {"image": "x", "replicas": 2},
                "v2": {"image": "x", "replicas": 2, "started": False},
                "v3": {"image": "x", "started": False},
                "beat": {"image": "x", "started": False, "consumes": False},
            },
        },
        "load": {"rate": "10/s", "duration": "10s"},
        "invariants": {"no_lost_tasks": None},
    },
    context=STRICT,
)


class Stage:
    """What the facts ask of one: files of a run, and when the engine says that a container was started."""

    def __init__(self, folder: Path, started: Mapping[str, int]) -> None:
        self.scenario, self.spec = SCENARIO, SCENARIO.stage
        self.run = SimpleNamespace(file=lambda stem: folder / f"{stem}.jsonl")
        self.wire = WireTail(folder / "wire.jsonl")
        self._started = started

    def new_broker(self) -> BrokerClient:
        return BrokerClient("amqp://127.0.0.1:1/", "http://127.0.0.1:1/api")  # nobody listens on port 1

    def container(self, role: str) -> SimpleNamespace:
        return SimpleNamespace(started_at_ns=self._started.get(role, 0))


def seen(folder: Path, given: Mapping[str, list[int]], started: Mapping[str, int], told: Mapping[str, int] | None = None) -> StageFacts:
    """The facts where each worker was given tasks at these moments, and was started at these."""
    lines = [{"event": "deliver", "at": at, "connection": 1, "channel": 1, "peer": peer} for peer, all_at in given.items() for at in all_at]
    (folder / "wire.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    facts = StageFacts(cast(Any, Stage(folder, started)), lambda: False, lambda: told or {})
    facts.deploying(DEPLOYED_AT)
    facts.deployed()
    return facts


IDLE: dict[str, tuple[dict[str, list[int]], dict[str, int], list[str]]] = {
    "nothing was started": ({}, {"workers.v1.1": 50}, []),
    "started, and given nothing": ({}, {"workers.v2.1": 100}, ["v2"]),
    "started, and given a task at that moment": ({"workers.v2.1": [110]}, {"workers.v2.1": 110}, []),
    "given a task only before it was started again": ({"workers.v1.1": [90]}, {"workers.v1.1": 110}, ["v1"]),
    "one worker of a version suffices": ({"workers.v2.2": [120]}, {"workers.v2.1": 110, "workers.v2.2": 110}, []),
    "another version's task does not count": ({"workers.v1.1": [120]}, {"workers.v2.1": 110}, ["v2"]),
    "two versions": ({}, {"workers.v3.1": 110, "workers.v2.1": 110}, ["v2", "v3"]),
    "what takes no tasks": ({}, {"workers.beat.1": 110}, []),
}


@pytest.mark.parametrize(("given", "started", "idle"), IDLE.values(), ids=IDLE.keys())
def test_a_version_that_was_started_by_the_deployment_is_idle_until_it_is_given_a_task(
    given: dict[str, list[int]], started: dict[str, int], idle: list[str], tmp_path: Path
):
    assert seen(tmp_path, given, started).idle() == idle


def test_what_the_engine_s_events_tell_later_counts_too(tmp_path: Path):
    facts = seen(tmp_path, {"workers.v2.1": [110]}, {"workers.v2.1": 105}, told={"workers.v2.1": 130})
    assert facts.idle() == ["v2"]


def test_nothing_is_idle_where_nothing_was_deployed(tmp_path: Path):
    facts = StageFacts(cast(Any, Stage(tmp_path, {})), lambda: False, lambda: {"workers.v2.1": 110})
    assert facts.idle() == []


def test_tasks_given_to_all_workers_of_a_version_are_counted(tmp_path: Path):
    facts = seen(tmp_path, {"workers.v2.1": [110, 120], "workers.v2.2": [130], "workers.v1.1": [140]}, {})
    assert [facts.reached(GivenTo(count, "v2")) for count in (3, 4)] == [True, False]


def test_confirmed_tasks_are_counted_in_the_ledger(tmp_path: Path):
    facts = seen(tmp_path, {}, {})
    (tmp_path / "published.jsonl").write_text('{"task":"a","outcome":"ok"}\n{"task":"b","outcome":"ok"}\n{"task":"c","outcome":"fail"}\n')
    assert [facts.reached(Confirmed(count)) for count in (2, 3)] == [True, False]


def test_a_broker_that_is_away_has_no_task_waiting(tmp_path: Path):
    assert not seen(tmp_path, {}, {}).reached(WaitingIn(1, "tasks"))
