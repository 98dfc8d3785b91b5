"""The curves: exact numbers from small histories."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_run import SECOND, T0, at, effect, hand_made, published, read

from drillbook.evidence import Counter, Event
from drillbook.evidence.kinds.metrics import Metric
from drillbook.report.series import MOST_BUCKETS, MOST_CURVES, Axis, Panel, axis, outside, panels


def drawn(path: Path) -> tuple[Axis, dict[str, Panel]]:
    source = read(path)
    time = axis(source)
    assert time is not None
    return time, {panel.title: panel for panel in panels(source, time)}


def curves(panel: Panel) -> dict[str, tuple[float | None, ...]]:
    return {curve.label: curve.values for curve in panel.curves}


LOADED = (Event(T0, "phase", "load", "begin"), Event(at(2), "phase", "load", "end"))


def test_a_run_without_a_moment_has_no_axis(tmp_path: Path) -> None:
    assert axis(read(hand_made(tmp_path))) is None


def test_the_axis_begins_with_the_load_and_ends_with_the_last_thing_that_happened(tmp_path: Path) -> None:
    events = [Event(at(-9), "phase", "stage", "begin"), *LOADED, Event(at(7.5), "phase", "settle", "end")]
    assert axis(read(hand_made(tmp_path, *events))) == Axis(T0, 7.5, 0.5)


def test_without_a_timeline_the_axis_begins_with_the_first_intended_task(tmp_path: Path) -> None:
    assert axis(read(hand_made(tmp_path, published("a", 3), effect("a", 5)))) == Axis(at(3), 2.0, 0.5)


@pytest.mark.parametrize("hours", [0.01, 1, 20, 24 * 30, 24 * 365 * 10])
def test_the_longest_drill_has_no_more_buckets_than_a_page_can_hold(tmp_path: Path, hours: float) -> None:
    time = axis(read(hand_made(tmp_path, LOADED[0], Event(at(hours * 3600), "phase", "settle", "end"))))
    assert time is not None
    assert time.count <= MOST_BUCKETS


def test_a_task_tried_twice_is_intended_once_and_has_both_outcomes(tmp_path: Path) -> None:
    tries = [published("a", 0.1, "unknown", resolved=0.7), published("a", 0.1, "ok", resolved=1.2, attempt=2)]
    _, found = drawn(hand_made(tmp_path, *LOADED, *tries))
    load = curves(found["Load"])
    assert load == {"intended": (2.0, 0, 0, 0), "confirmed": (0, 0, 2.0, 0), "unknown": (0, 2.0, 0, 0)}


def test_what_happened_at_the_very_end_is_counted(tmp_path: Path) -> None:
    lines = [published("a", 2), effect("a", 2), Counter(at(2), "q", True, 5, 1), Event(at(2), "alert", "slow", "sample", value=3)]
    _, found = drawn(hand_made(tmp_path, *LOADED, *lines))
    assert {panel.title: panel.curves[0].values[-1] for panel in found.values()} == {
        "Load": 2, "Throughput by version": 2, "Queue depth": 5, "Latency from the intended time": 0.1, "Monitor slow": 3,
    }  # fmt: skip


def test_a_load_without_trouble_says_so(tmp_path: Path) -> None:
    _, found = drawn(hand_made(tmp_path, *LOADED, published("a", 0.1)))
    assert found["Load"].note == "No publish failed, stayed unknown or was skipped."


def test_latency_is_counted_from_the_intended_time_to_the_first_effect_at_the_moment_it_was_intended(tmp_path: Path) -> None:
    lines = [published("a", 0.1), effect("a", 1.9), effect("a", 1.6), published("b", 0.2), effect("b", 0.3)]
    _, found = drawn(hand_made(tmp_path, *LOADED, *lines))
    latency = curves(found["Latency from the intended time"])
    assert latency["max"] == (1500, None, None, None)
    assert latency["p50"] == (800, None, None, None)


def test_throughput_is_effects_a_second_by_version(tmp_path: Path) -> None:
    lines = [effect("a", 0.1), effect("b", 0.2), effect("c", 0.6, "v2"), effect("d", 1.1, None)]
    _, found = drawn(hand_made(tmp_path, *LOADED, *lines))
    assert curves(found["Throughput by version"]) == {"no version": (0, 0, 2, 0), "v1": (4, 0, 0, 0), "v2": (0, 2, 0, 0)}


def test_a_queue_that_is_gone_is_a_gap_and_one_that_was_not_sampled_is_as_it_was(tmp_path: Path) -> None:
    samples = [Counter(at(0.1), "q", True, 5, 1), Counter(at(0.2), "q", True, 7, 1), Counter(at(1.1), "q", False, None, None)]
    _, found = drawn(hand_made(tmp_path, *LOADED, *samples))
    assert curves(found["Queue depth"]) == {"q": (7, 7, None, None)}


def test_a_queue_named_after_a_version_has_its_colour_and_no_other_queue_has(tmp_path: Path) -> None:
    queues = [Counter(at(0.1), queue, True, 1, 1) for queue in ("dead", "tasks.v1", "tasks.v2")]
    _, found = drawn(hand_made(tmp_path, *LOADED, effect("a", 0.1), effect("b", 0.1, "v2"), *queues))
    style = {curve.label: curve.style for panel in found.values() for curve in panel.curves}
    assert (style["tasks.v1"], style["tasks.v2"]) == (style["v1"], style["v2"])
    assert style["dead"] not in (style["v1"], style["v2"])


def test_only_the_highest_of_many_queues_are_drawn_and_the_rest_is_counted(tmp_path: Path) -> None:
    queues = [Counter(at(0.1), f"q{number:02d}", True, number, 1) for number in range(MOST_CURVES + 3)]
    _, found = drawn(hand_made(tmp_path, *LOADED, *queues))
    assert [curve.label for curve in found["Queue depth"].curves] == [f"q{number:02d}" for number in range(3, MOST_CURVES + 3)]
    assert found["Queue depth"].note == "3 more queues, all lower, are left out of the picture."


def test_a_monitor_is_drawn_with_its_bound_and_its_worst_sample(tmp_path: Path) -> None:
    scenario = "title: A drill\ninvariants: {no_lost_tasks: }\nmonitors: {slow: {query: select 1, above: 800}}\n"
    samples = [Event(at(moment), "alert", "slow", "sample", value=value) for moment, value in ((0.1, 30.0), (0.2, 950.0), (1.1, 40.0))]
    _, found = drawn(hand_made(tmp_path, *LOADED, *samples, scenario=scenario))
    assert curves(found["Monitor slow"]) == {"value": (950, 950, 40, None), "bound": (800, 800, 800, 800)}


def test_effects_of_a_worker_whose_clock_is_wrong_are_counted_and_do_not_stretch_the_axis(tmp_path: Path) -> None:
    source = read(hand_made(tmp_path, *LOADED, effect("a", 1), effect("b", 3 * 3600), effect("c", -T0 / SECOND)))
    time = axis(source)
    assert time is not None
    assert (time.end, outside(source, time)) == (2.0, 2)


def gauge(seconds: float, value: float, queue: str = "q", name: str = "queue_messages_ready") -> Metric:
    return Metric(at(seconds), name, value, queue)


def test_a_gauge_stays_as_it_was_told_last_and_ends_with_the_last_sample_of_any(tmp_path: Path) -> None:
    _, found = drawn(hand_made(tmp_path, *LOADED, gauge(0.1, 5), gauge(0.2, 0), gauge(1.2, 3, "other")))
    assert curves(found["Queues by the broker's own count"]) == {"q ready": (5, 0, 0, None), "other ready": (0, 0, 3, None)}


def test_what_is_unacknowledged_has_the_colour_of_its_queue_and_another_dash(tmp_path: Path) -> None:
    lines = [effect("a", 0.1), effect("b", 0.1, "v2"), gauge(0.1, 5, "tasks.v2"), gauge(0.1, 7, "tasks.v2", "queue_messages_unacked")]
    _, found = drawn(hand_made(tmp_path, *LOADED, *lines))
    style = {curve.label: curve.style for curve in found["Queues by the broker's own count"].curves}
    assert style == {"tasks.v2 ready": "1", "tasks.v2 unacked": "u1"}


def test_a_gauge_that_was_told_before_the_load_holds_at_its_start(tmp_path: Path) -> None:
    _, found = drawn(hand_made(tmp_path, *LOADED, gauge(-1, 5), gauge(0.6, 6)))
    assert curves(found["Queues by the broker's own count"]) == {"q ready": (5, 6, None, None)}


def test_a_run_without_metrics_has_no_picture_of_them(tmp_path: Path) -> None:
    assert "Queues by the broker's own count" not in drawn(hand_made(tmp_path, *LOADED))[1]


def test_gauges_that_never_rose_are_a_sentence(tmp_path: Path) -> None:
    _, found = drawn(hand_made(tmp_path, *LOADED, gauge(0.1, 0)))
    panel = found["Queues by the broker's own count"]
    assert (panel.curves, "which may lag" in panel.note) == ((), True)
