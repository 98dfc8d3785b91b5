"""The ledger: one line an attempt, and a line for every task due."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillbook.evidence.kinds.published import Published
from drillbook.evidence.run_directory import line
from drillbook.load.ledger import DIED, Ledger, complete
from drillbook.plan import arrivals
from drillbook.scenario import Load

LOAD = Load.model_validate({"rate": "100/s", "duration": "1s", "types": {"charge": 0.9, "notify": 0.1}, "routing_key": "tasks.{type}"})
START = 1_700_000_000_000_000_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "published.jsonl"


def tasks(path: Path) -> list[str]:
    return [json.loads(text)["task"] for text in path.read_text().splitlines()]


@given(
    task=st.text(min_size=1),
    type=st.text(min_size=1),
    version=st.none() | st.text(),
    attempt=st.integers(1, 10),
    moments=st.tuples(st.integers(0, 2**63), st.none() | st.integers(0, 2**63), st.integers(0, 2**63)),
    outcome=st.sampled_from(["ok", "fail", "unknown", "skipped"]),
    reason=st.none() | st.text(),
)
def test_a_line_is_what_the_run_directory_would_write(tmp_path_factory, task, type, version, attempt, moments, outcome, reason):
    path = tmp_path_factory.mktemp("ledger") / "published.jsonl"
    load = Load.model_validate({"rate": "1/s", "duration": "1s", "types": {type: 1.0}, "version": version, "routing_key": "to.{type}"})
    ledger = Ledger(path, load)
    ledger.add(task, type, attempt, *moments, outcome, reason)
    ledger.close()
    intended_at, sent_at, resolved_at = moments
    key = "to.{type}".replace("{type}", type)
    assert path.read_text() == line(Published(task, type, version, attempt, key, intended_at, sent_at, resolved_at, outcome, reason)) + "\n"


def test_lines_are_appended_to_what_is_there(path: Path):
    for task in ("a", "b"):
        ledger = Ledger(path, LOAD)
        ledger.add(task, "charge", 1, 0, None, 0, "skipped")
        ledger.close()
    assert tasks(path) == ["a", "b"]


def test_the_file_exists_before_the_first_line(path: Path):
    Ledger(path, LOAD).close()
    assert path.read_text() == ""


def test_a_full_disk_is_an_error_not_a_silence():
    ledger = Ledger(Path("/dev/full"), LOAD)
    ledger.add("a", "charge", 1, 0, None, 0, "skipped")
    with pytest.raises(OSError, match="No space left"):
        ledger.flush()


def test_completing_gives_every_task_due_a_line(path: Path):
    due = [arrival.task for arrival in arrivals(LOAD, 7) if arrival.offset_ns <= 500_000_000]
    assert complete(path, LOAD, 7, START, START + 500_000_000) == len(due) > 0
    assert tasks(path) == due


def test_completing_says_unknown_and_why(path: Path):
    complete(path, LOAD, 7, START, START + 10**9)
    first = json.loads(path.read_text().splitlines()[0])
    assert (first["outcome"], first["reason"], "sent_at" in first) == ("unknown", DIED, False)


def test_completing_leaves_alone_the_tasks_that_have_a_line(path: Path):
    ledger = Ledger(path, LOAD)
    ledger.add("charge-000001", "charge", 1, 0, 1, 2, "ok")
    ledger.close()
    complete(path, LOAD, 7, START, START + 10**9)
    assert tasks(path).count("charge-000001") == 1


def test_completing_twice_adds_nothing(path: Path):
    complete(path, LOAD, 7, START, START + 10**9)
    assert complete(path, LOAD, 7, START, START + 10**9) == 0


@pytest.mark.parametrize("by_completing", [True, False])
def test_a_line_says_the_version_and_the_key_that_the_type_s_messages_had(path: Path, by_completing: bool):
    shapes = {"charge": {"type": "other", "version": "v2", "routing_key": "slow"}}
    load = LOAD.model_validate({"rate": "1/s", "duration": "9s", "types": {"charge": 1.0}, "version": "v1", "messages": shapes})
    if by_completing:
        complete(path, load, 7, START, START + 9 * 10**9)
    else:
        ledger = Ledger(path, load)
        ledger.add("a", "charge", 1, 0, None, 0, "skipped")
        ledger.close()
    first = json.loads(path.read_text().splitlines()[0])
    assert (first["type"], first["version"], first["routing_key"]) == ("charge", "v2", "slow")


def test_completing_cuts_off_a_torn_last_line(path: Path):
    path.write_text('{"task":"charge-000001"}\n{"task":"char')
    complete(path, LOAD, 7, START, START + 10**9)
    assert tasks(path)[:2] == ["charge-000001", "charge-000002"]
