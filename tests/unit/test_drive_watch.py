"""Counting queues while the broker is away."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from harness.drive import watch
from harness.drive.watch import QueueSampler
from harness.evidence import RunDirectory
from harness.stage.broker import BrokerClient


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    return RunDirectory(tmp_path)


@pytest.fixture
def sampler(run: RunDirectory) -> QueueSampler:
    with socket.create_server(("127.0.0.1", 0)) as closed_again:
        port = closed_again.getsockname()[1]
    return QueueSampler(BrokerClient(f"amqp://nobody:x@127.0.0.1:{port}/%2F", f"http://127.0.0.1:{port}/api"), ["tasks"], run)


def blind(run: RunDirectory) -> list[str]:
    timeline = run.file("timeline")
    events = [json.loads(line) for line in timeline.read_text().splitlines()] if timeline.exists() else []
    return [event["name"] for event in events if event["event"] == "blind"]


def test_a_broker_that_is_away_for_a_moment_leaves_a_gap_and_is_not_blindness(sampler: QueueSampler, run: RunDirectory) -> None:
    sampler.sample("drain v2", "start")
    assert blind(run) == []


def test_a_broker_that_is_away_for_long_is_blindness_and_told_once(
    sampler: QueueSampler, run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampler, "_counted_at", sampler._counted_at - watch.SILENT_SECONDS)
    sampler.sample()
    sampler.sample()
    assert blind(run) == ["counters"]
