"""Who has a task at each moment of its story."""

from __future__ import annotations

import pytest
from histories import history

from drillbook.api import judge
from drillbook.judge.verdict import StoryMoment

TWICE = ("effect a", "effect a")


def story(*lines: str) -> list[StoryMoment]:
    """The story of the task ``a``, which was done twice so that it is told."""
    moments = judge(history(*lines, *TWICE, empty=("wire",)))["no_duplicate_effects"].findings[0].story
    return [moment for moment in moments if not moment.what.startswith("done by workers.v1.1 (v1)")]


def holders(*lines: str) -> list[str | None]:
    return [moment.holder for moment in story("publish a ok", *lines)]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param((), ["load", "the broker"], id="in a queue that nothing names"),
        pytest.param(("deliver a to v2 from q", "ack a by v2"), ["load", "q", "workers.v2.1", "nobody"], id="acknowledged"),
        pytest.param(("deliver a to v2 from q", "requeue a by v2"), ["load", "q", "workers.v2.1", "q"], id="put back"),
        pytest.param(("deliver a to v2 from q", "reject a by v2"), ["load", "q", "workers.v2.1", "nobody"], id="refused into nothing"),
        pytest.param(
            ("deliver a to v2 from q", "reject a by v2", "leftover a dead in d"),
            ["load", "q", "workers.v2.1", "d", "d"],
            id="dead-lettered",
        ),
        pytest.param(("deliver a to v2 from q", "close v2"), ["load", "q", "workers.v2.1", "q"], id="its connection ended"),
        pytest.param(("deliver a to v2 from q", "close v1"), ["load", "q", "workers.v2.1"], id="another's connection ended"),
        pytest.param(
            ("deliver a to v2 from q", "ack a by v2", "close v2"), ["load", "q", "workers.v2.1", "nobody"], id="its connection ended later"
        ),
        pytest.param(
            ("deliver a to v2 from q", "deliver a to v1 from q"),
            ["load", "q", "workers.v2.1", "workers.v2.1 + workers.v1.1"],
            id="in two places",
        ),
        pytest.param(
            ("deliver a to v2 from q", "redeliver a to v1 from q", "close v2"),
            ["load", "q", "workers.v2.1", "workers.v2.1 + workers.v1.1", "workers.v1.1"],
            id="redelivered just before the close is seen",
        ),
        pytest.param(
            ("deliver a to operator from d", "resend a to q", "confirm a to operator", "ack a by operator"),
            ["load", "d", "operator", "operator", "q + operator", "q"],
            id="moved as one should",
        ),
        pytest.param(("leftover a cancelled",), ["load", "the broker", "the cancel ledger"], id="cancelled"),
    ],
)
def test_a_story_says_who_has_the_task(lines: tuple[str, ...], expected: list[str]) -> None:
    assert holders(*lines) == expected


def test_every_moment_names_its_evidence() -> None:
    lines = ("publish a ok", "deliver a to v2 from q", "killed v2", "leftover a dead in d")
    assert [moment.evidence for moment in story(*lines)] == ["published", "published", "wire", "timeline", "leftovers"]


def test_a_container_that_stops_long_after_the_task_was_done_is_no_part_of_its_story() -> None:
    lines = ("publish a ok", "deliver a to v2 from q", "effect a by v2", "ack a by v2", "killed v2")
    assert "workers.v2.1 was killed" not in [moment.what for moment in story(*lines)]


def test_the_stop_of_one_that_had_it_several_times_is_told_once() -> None:
    lines = ("publish a ok", "deliver a to v2 from q", "requeue a by v2", "deliver a to v2 from q", "requeue a by v2", "stopped v2")
    assert [moment.what for moment in story(*lines)].count("workers.v2.1 stopped") == 1


def test_without_a_wire_nobody_is_said_to_have_it_but_where_it_was_found() -> None:
    moments = judge(history("publish a ok", *TWICE, "leftover a dead in d"))["no_duplicate_effects"].findings[0].story
    assert [moment.holder for moment in moments] == [None, None, None, None, "d"]
