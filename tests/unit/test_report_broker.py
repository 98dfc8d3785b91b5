"""What the report says of the broker."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from small_run import at, hand_made, read

from drillbook.evidence import Wire
from drillbook.evidence.kinds.metrics import Metric
from drillbook.evidence.kinds.topology import Topology
from drillbook.report.sections import broker
from drillbook.report.sections.broker import BrokerChange, TopologyDiff
from drillbook.report.wire_changes import WireChange, acts


def declared(moment: str, name: str, **settings: object) -> list[Topology]:
    return [Topology(at(0), moment, "queue", name, field, json.dumps(value)) for field, value in settings.items()]  # type: ignore[arg-type]


def compared(path: Path, *lines: Topology) -> TopologyDiff:
    found = broker.topology(read(hand_made(path, *lines)))
    assert isinstance(found, TopologyDiff)
    return found


def test_what_is_as_it_was_has_no_changes(tmp_path: Path) -> None:
    same = [line for moment in ("before", "after") for line in declared(moment, "q", type="quorum", durable=True)]
    assert compared(tmp_path, *same) == TopologyDiff(1, ())


def test_a_setting_that_differs_is_shown_with_both_values_as_one_writes_them(tmp_path: Path) -> None:
    lines = [*declared("before", "q", type="quorum", limit=5), *declared("after", "q", type="classic")]
    assert compared(tmp_path, *lines).changes == (
        BrokerChange("queue", "q", "limit", "5", ""),
        BrokerChange("queue", "q", "type", "quorum", "classic"),
    )


def test_a_thing_that_came_or_went_is_one_row(tmp_path: Path) -> None:
    lines = [*declared("before", "old", type="quorum", limit=5), *declared("after", "new", there=True)]
    assert compared(tmp_path, *lines).changes == (
        BrokerChange("queue", "new", "", "", "there"),
        BrokerChange("queue", "old", "", "limit 5, type quorum", ""),
    )


def test_one_moment_alone_is_never_called_unchanged(tmp_path: Path) -> None:
    found = broker.topology(read(hand_made(tmp_path, *declared("before", "q", type="quorum"))))
    assert isinstance(found, str)
    assert "known only before the drill" in found


def test_without_a_topology_nothing_is_said(tmp_path: Path) -> None:
    assert broker.topology(read(hand_made(tmp_path))) is None


def totals(path: Path, *lines: Metric) -> dict[str, tuple[int, str]]:
    return {one.name: (one.total, one.detail) for one in broker.counted(read(hand_made(path, *lines)))}


def test_a_counter_that_falls_began_anew(tmp_path: Path) -> None:
    values = [3.0, 7.0, 0.0, 2.0]
    lines = [Metric(at(number), "queue_messages_redelivered_total", value, "q") for number, value in enumerate(values)]
    assert totals(tmp_path, *lines)["redelivered"] == (9, "")


def test_dead_letters_are_counted_by_reason_and_apart_from_those_that_had_nowhere_to_go(tmp_path: Path) -> None:
    name = 'global_messages_dead_lettered_{}_total{{dead_letter_strategy="{}",queue_type="quorum"}}'
    lines = [
        Metric(at(1), name.format("rejected", "at_most_once"), 4.0),
        Metric(at(1), name.format("delivery_limit", "disabled"), 2.0),
        Metric(at(1), 'global_messages_unroutable_dropped_total{protocol="amqp091"}', 1.0),
        Metric(at(1), "exchange_messages_unroutable_dropped_total", 1.0, exchange="tasks"),
    ]
    found = totals(tmp_path, *lines)
    assert found["dead-lettered"] == (4, "rejected 4")
    assert found["died and dropped"] == (2, "delivery limit 2")
    assert found["unroutable, dropped"] == (1, "")


def test_without_metrics_nothing_is_counted(tmp_path: Path) -> None:
    assert broker.counted(read(hand_made(tmp_path))) == []


def fault(seq: int, seconds: float, reason: str = "ack dropped") -> Wire:
    return Wire(seq, at(seconds), "fault", rule="lost", reason=reason)


@pytest.mark.parametrize(
    ("moments", "expected"),
    [
        ((1.0, 1.4, 1.8, 2.2), [(1.0, 4)]),
        ((1.0, 1.4, 3.0), [(1.0, 2), (3.0, 1)]),
    ],
)
def test_acts_that_follow_each_other_at_once_are_one_mark(
    tmp_path: Path, moments: tuple[float, ...], expected: list[tuple[float, int]]
) -> None:
    lines = [fault(number, seconds) for number, seconds in enumerate(moments, start=1)]
    assert acts(read(hand_made(tmp_path, *lines))) == [
        WireChange(at(seconds), "fault", "lost", "ack dropped", count) for seconds, count in expected
    ]


def test_arming_a_fault_is_no_act(tmp_path: Path) -> None:
    assert acts(read(hand_made(tmp_path, fault(1, 1, "armed"), fault(2, 2, "disarmed")))) == []


def test_a_purge_says_how_many_went(tmp_path: Path) -> None:
    lines = [Wire(1, at(1), "purge", queue="q", count=214), Wire(2, at(2), "delete", queue="q")]
    assert [act.text for act in acts(read(hand_made(tmp_path, *lines)))] == ["q purged with 214 in it", "q deleted"]


def test_a_setting_of_empty_text_is_seen(tmp_path: Path) -> None:
    lines = [*declared("before", "q", exchange=""), *declared("after", "q", exchange="dead")]
    assert compared(tmp_path, *lines).changes == (BrokerChange("queue", "q", "exchange", '""', "dead"),)


def test_acts_of_one_moment_are_in_the_order_of_the_wire(tmp_path: Path) -> None:
    purged = [f"q{number * 7 % 40}" for number in range(40)]
    lines = [Wire(number, at(1), "purge", queue=queue) for number, queue in enumerate(purged, 1)]
    assert [act.name for act in acts(read(hand_made(tmp_path, *lines)))] == purged
