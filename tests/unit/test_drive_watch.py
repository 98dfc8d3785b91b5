"""Counting queues while the broker is away, and watching what the machine has time for."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest

from drillbook.drive import watch
from drillbook.drive.watch import MachineWatch, QueueSampler
from drillbook.evidence import RunDirectory
from drillbook.rabbitmq.broker import BrokerClient


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    return RunDirectory(tmp_path)


@pytest.fixture
def sampler(run: RunDirectory) -> QueueSampler:
    with socket.create_server(("127.0.0.1", 0)) as closed_again:
        port = closed_again.getsockname()[1]
    return QueueSampler(BrokerClient(f"amqp://nobody:x@127.0.0.1:{port}/%2F", f"http://127.0.0.1:{port}/api"), ["tasks"], run)


def incomplete(run: RunDirectory) -> list[str]:
    timeline = run.file("timeline")
    events = [json.loads(line) for line in timeline.read_text().splitlines()] if timeline.exists() else []
    return [event["name"] for event in events if event["event"] == "incomplete"]


def test_a_broker_that_is_away_for_a_moment_leaves_a_gap_and_is_not_incompleteness(sampler: QueueSampler, run: RunDirectory) -> None:
    sampler.edge("drain v2", "start")
    assert incomplete(run) == []


def test_a_broker_that_is_away_for_long_is_blindness_and_told_once(
    sampler: QueueSampler, run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampler, "_counted_at", sampler._counted_at - watch.SILENT_SECONDS)
    sampler.sample()
    sampler.sample()
    assert incomplete(run) == ["counters"]


def machine(run: RunDirectory, proc: Path, *contents: tuple[str, str]) -> list[float]:
    """What is written of a machine whose files say this, one after the other, half a second apart or more."""
    (proc / "pressure").mkdir(parents=True)
    watched = MachineWatch(run, proc)
    for name, content in contents:
        (proc / name).write_text(content)
        watched.sample()
    timeline = run.file("timeline")
    events = [json.loads(line) for line in timeline.read_text().splitlines()] if timeline.exists() else []
    return [event["value"] for event in events if (event["event"], event["name"], event["state"]) == ("machine", "cpu", "sample")]


def test_the_first_look_at_a_machine_says_nothing_and_the_next_the_share_since_then(run: RunDirectory, tmp_path: Path) -> None:
    told = [
        ("pressure/cpu", f"some avg10=1.00 avg60=2.00 avg300=3.00 total={total}\nfull avg10=0.00 total=7\n") for total in (5, 5, 10**12)
    ]
    assert machine(run, tmp_path / "proc", *told) == [0.0, 1.0]


def test_two_looks_at_one_moment_say_nothing_of_the_time_between(
    run: RunDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch.time, "monotonic", lambda: 7.0)
    told = [("pressure/cpu", f"some avg10=1.00 avg60=2.00 avg300=3.00 total={total}\n") for total in (5, 6)]
    assert machine(run, tmp_path / "proc", *told) == []


def test_a_machine_that_does_not_count_is_seen_by_what_wants_to_run(run: RunDirectory, tmp_path: Path) -> None:
    fits, many = os.cpu_count() or 1, 1000
    told = [("stat", f"cpu 1 2\nprocs_running {running + 1}\nprocs_blocked 0\n") for running in (0, fits, many)]
    assert machine(run, tmp_path / "proc", *told) == [0.0, 0.0, 1.0]


def test_a_machine_that_tells_nothing_leaves_nothing(run: RunDirectory, tmp_path: Path) -> None:
    assert machine(run, tmp_path / "proc", ("else", ""), ("stat", "cpu 1 2")) == []


def test_this_machine_tells(run: RunDirectory) -> None:
    watched = MachineWatch(run)
    watched.sample()
    watched.sample()
    (value,) = [json.loads(line)["value"] for line in run.file("timeline").read_text().splitlines()][:1]
    assert 0 <= value <= 1


def test_a_machine_that_does_not_say_how_many_processors_it_has_has_one(
    run: RunDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch.os, "cpu_count", lambda: None)
    told = [("stat", f"procs_running {running + 1}\n") for running in (1, 2)]
    assert machine(run, tmp_path / "proc", *told) == [0.0, 1.0]
