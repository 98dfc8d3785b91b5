"""The facts in the report's tables."""

from __future__ import annotations

from pathlib import Path

from small_run import SCENARIO, T0, at, effect, hand_made, read

from drillbook.evidence import Event, Wire
from drillbook.report.sections.environment import flat
from drillbook.report.sections.faults import faults
from drillbook.report.sections.idempotency import Redeliveries, redeliveries
from drillbook.report.sections.programs import programs
from drillbook.report.series import Axis

TIME = Axis(T0, 30.0, 0.5)


def delivery(seq: int, task: str, *, again: bool = False) -> Wire:
    return Wire(seq, at(1), "deliver", peer="workers.v1.1", task=task, queue="tasks.v1", redelivered=again)


def test_redelivered_is_not_doubled(tmp_path: Path) -> None:
    wire = [delivery(1, "a"), delivery(2, "a", again=True), delivery(3, "b"), delivery(4, "b", again=True), delivery(5, "c")]
    done = [effect("a", 1), effect("b", 1), effect("b", 2), effect("c", 1), effect("c", 2)]
    found = redeliveries(read(hand_made(tmp_path, *wire, *done)))
    assert found == Redeliveries(deliveries=5, redelivered=2, tasks=2, doubled=1, doubled_otherwise=1)


def test_without_the_wire_nothing_is_said_of_redeliveries(tmp_path: Path) -> None:
    assert redeliveries(read(hand_made(tmp_path, effect("a", 1)))) is None


def test_a_declared_fault_that_never_came_has_its_row(tmp_path: Path) -> None:
    rows = faults(read(hand_made(tmp_path, Event(at(1), "note", "load", "said"), scenario=SCENARIO)), TIME)
    assert [(row.name, row.begin, row.took_effect, row.remark) for row in rows] == [
        ("the canary's link slows down", None, None, "Its moment never came."),
        ("a canary worker dies while it is drained", None, None, "Its moment never came."),
    ]
    assert rows[0].what == "latency (delay 0.4 s, jitter 0.1 s), at 10 s for 12 s"
    assert rows[1].what == "kill (pick one), during “drain v2”"


def test_a_playbook_that_was_killed_at_its_timeout_is_told_from_one_that_ended(tmp_path: Path) -> None:
    events = [
        Event(at(10), "phase", "playbook", "begin"),
        Event(at(10), "step", "drain", "begin", program="playbook"),
        Event(at(20), "phase", "playbook", "timeout", seconds=10.0),
    ]
    [row] = programs(read(hand_made(tmp_path, *events)), TIME)
    assert (row.state, row.seconds, row.exit_code) == ("timeout", 10.0, None)
    assert [(step.name, step.seconds) for step in row.steps] == [("drain", None)]


def test_the_innermost_parts_of_a_document_are_one_row_each() -> None:
    document = {"format": 1, "commit": None, "host": {"cores": 2, "system": "Linux"}, "images": {"broker": {"id": "sha256:1"}}}
    assert flat(document) == [("format", "1"), ("commit", "—"), ("host", "cores 2, system Linux"), ("images: broker", "id sha256:1")]


def test_a_fault_that_was_to_stay_is_told_from_one_that_was_not_seen_to_clear(tmp_path: Path) -> None:
    events = [
        Event(at(1), "fault", "dies", "begin"),
        Event(at(1), "fault", "dies", "took_effect"),
        Event(at(1), "fault", "slow", "begin"),
        Event(at(5), "fault", "slow", "end"),
        Event(at(9), "fault", "slow", "not_cleared"),
    ]
    rows = faults(read(hand_made(tmp_path, *events)), TIME)
    assert {row.name: (row.cleared, row.ended) for row in rows} == {"dies": (None, None), "slow": (None, 5.0)}
