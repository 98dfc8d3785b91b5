"""The lanes above the curves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from small_run import T0, at, hand_made, read

from drillbook.evidence import Event
from drillbook.report.series import Axis
from drillbook.report.timeline_lanes import TimelineBar, lanes
from drillbook.report.wire_changes import WireChange

TIME = Axis(T0, 30.0, 0.5)
Spans = Callable[..., dict[str, list[TimelineBar]]]


@pytest.fixture
def spans(tmp_path: Path) -> Spans:
    """The spans of some events and acts, by lane."""

    def found(*events: Event, acts: Sequence[WireChange] = ()) -> dict[str, list[TimelineBar]]:
        return {lane.name: list(lane.spans) for lane in lanes(read(hand_made(tmp_path, *events)), TIME, acts)}

    return found


def test_nothing_happened_gives_no_lane(spans: Spans) -> None:
    assert spans() == {}


def test_a_fault_lasts_from_its_begin_until_it_was_seen_to_clear(spans: Spans) -> None:
    states = {"armed": 1, "begin": 10, "took_effect": 10.5, "end": 20, "cleared": 21}
    [fault] = spans(*[Event(at(moment), "fault", "slow", state) for state, moment in states.items()])["faults"]
    assert (fault.begin, fault.took_effect, fault.end) == (10, 10.5, 21)


def test_a_fault_that_never_took_effect_says_so(spans: Spans) -> None:
    [fault] = spans(Event(at(10), "fault", "slow", "begin"), Event(at(15), "fault", "slow", "no_effect"))["faults"]
    assert fault.took_effect is None
    assert "never took effect" in fault.hint
    assert fault.end == TIME.end


def test_a_fault_whose_moment_never_came_is_not_drawn(spans: Spans) -> None:
    assert spans(Event(at(30), "fault", "slow", "skipped", detail="during drain never came")) == {}


def test_steps_are_drawn_apart_by_program_and_a_failed_one_is_marked(spans: Spans) -> None:
    found = spans(
        Event(at(5), "step", "bind", "begin", program="deployment"),
        Event(at(6), "step", "bind", "end", program="deployment", exit_code=0),
        Event(at(10), "step", "drain", "begin", program="playbook"),
        Event(at(12), "step", "drain", "end", program="playbook", exit_code=3),
    )
    assert [(span.label, span.kind) for span in found["deploy"]] == [("bind", "step")]
    assert [(span.label, span.kind) for span in found["playbook"]] == [("drain", "failed")]


def test_a_step_that_ran_twice_is_two_spans_and_one_that_never_ended_reaches_the_end(spans: Spans) -> None:
    found = spans(
        Event(at(10), "step", "drain", "begin", program="playbook"),
        Event(at(12), "step", "drain", "end", program="playbook", exit_code=0),
        Event(at(14), "step", "drain", "begin", program="playbook"),
    )
    assert [(span.begin, span.end) for span in found["playbook"]] == [(10, 12), (14, TIME.end)]


def test_a_program_without_steps_is_one_span(spans: Spans) -> None:
    [whole] = spans(Event(at(10), "phase", "playbook", "begin"), Event(at(12), "phase", "playbook", "timeout"))["playbook"]
    assert (whole.begin, whole.end) == (10, 12)


def test_what_happened_before_the_load_is_not_drawn(spans: Spans) -> None:
    assert spans(Event(at(-3), "container", "workers.v1.1", "started")) == {}


def test_containers_that_were_killed_stopped_or_paused_are_on_the_stage(spans: Spans) -> None:
    found = spans(
        Event(at(1), "container", "workers.v2.1", "killed", asked=True),
        Event(at(2), "container", "workers.v2.2", "died", asked=False),
        Event(at(3), "container", "workers.v1.1", "paused"),
        Event(at(5), "container", "workers.v1.1", "unpaused"),
    )["stage"]
    assert sorted((span.label, span.begin, span.end) for span in found) == [
        ("v1.1 paused", 3, 5),
        ("v2.1 killed", 1, 1),
        ("v2.2 died", 2, 2),
    ]
    assert [span.hint for span in found if span.kind == "died"] == ["workers.v2.2 died at 2.0 s, unasked"]


def test_samples_of_a_monitor_are_no_alert(spans: Spans) -> None:
    found = spans(
        Event(at(1), "alert", "slow", "sample", value=3),
        Event(at(2), "alert", "slow", "raised", value=900),
        Event(at(2), "decision", "playbook", "started", detail="alert slow"),
        Event(at(4), "alert", "slow", "cleared", value=3),
    )["alerts"]
    assert [(span.label, span.begin, span.end) for span in found] == [("slow", 2, 4), ("decision", 2, 2)]


def test_a_playbook_that_waits_is_no_decision_to_start_it(spans: Spans) -> None:
    found = spans(
        Event(at(1), "decision", "playbook", "waits", detail="the deployment has not ended"),
        Event(at(2), "decision", "playbook", "abandoned", detail="v2 was given no task yet"),
    )["alerts"]
    assert [(span.label, span.hint) for span in found] == [
        ("waits", "the playbook waits at 1.0 s: the deployment has not ended"),
        ("abandoned", "the drill was given up at 2.0 s: v2 was given no task yet"),
    ]


def test_a_wait_before_a_step_is_seen_beside_the_steps(spans: Spans) -> None:
    found = spans(
        Event(at(1), "wait", "delete v2 queue", "begin", detail="20 waiting in tasks.v2"),
        Event(at(3), "wait", "delete v2 queue", "met", detail="20 waiting in tasks.v2"),
    )["playbook"]
    assert [(span.label, span.begin, span.end, span.kind) for span in found] == [("waits at delete v2 queue", 1, 3, "paused")]


def test_what_a_fault_did_on_the_wire_is_marked_on_the_faults_and_counted(spans: Spans) -> None:
    acts = [WireChange(at(3), "fault", "lost", "ack dropped", 12)]
    found = spans(acts=acts)["faults"]
    assert [(span.label, span.begin, span.kind) for span in found] == [("ack dropped ×12", 3, "act")]


def test_a_purge_and_a_deletion_are_marked_on_the_queues(spans: Spans) -> None:
    acts = [WireChange(at(3), "purge", "q", "q purged"), WireChange(at(4), "delete", "q", "q deleted")]
    found = spans(acts=acts)["queues"]
    assert [(span.label, span.begin, span.kind) for span in found] == [("q purged", 3, "purge"), ("q deleted", 4, "delete")]


def test_a_client_that_the_broker_blocked_is_a_span_until_it_was_let_go(spans: Spans) -> None:
    acts = [WireChange(at(3), "blocked", "load", "load blocked"), WireChange(at(5), "unblocked", "load", "load unblocked")]
    assert [(span.label, span.begin, span.end) for span in spans(acts=acts)["queues"]] == [("load blocked", 3, 5)]
