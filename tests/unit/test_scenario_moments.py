"""Moments and counts of tasks, as people write them."""

from __future__ import annotations

from typing import Any

import pytest

from drillbook.scenario.moments import Confirmed, GivenTo, Moment, Moments, TaskCount, TaskCounts, WaitingIn

MOMENTS = {"5s": Moment(5.0), "250ms": Moment(0.25), "2m": Moment(120.0), "20s after deployment": Moment(20.0, after_deployment=True)}
COUNTS = {
    "200 confirmed": Confirmed(200),
    "20 given to v2": GivenTo(20, "v2"),
    "1 waiting in tasks.v2": WaitingIn(1, "tasks.v2"),
}


@pytest.mark.parametrize(("text", "meant"), MOMENTS.items(), ids=MOMENTS)
def test_a_moment_is_read_and_written_as_it_was(text: str, meant: Moment):
    assert (Moments.read(text), Moments.write(meant), Moments.read(meant)) == (meant, text, meant)


@pytest.mark.parametrize("text", ["5", "after deployment", "5s after the deployment", "-5s", "5s after deployment ", 5, None, True, ["5s"]])
def test_what_is_no_moment_is_refused_with_a_correct_one(text: Any):
    with pytest.raises(ValueError, match="is not a moment: write a number and a unit, such as 5s or 20s after deployment"):
        Moments.read(text)


@pytest.mark.parametrize(("text", "meant"), COUNTS.items(), ids=COUNTS)
def test_a_count_of_tasks_is_read_and_written_as_it_was(text: str, meant: TaskCount):
    assert (TaskCounts.read(text), TaskCounts.write(meant), TaskCounts.read(meant)) == (meant, text, meant)


@pytest.mark.parametrize(
    "text",
    ["0 confirmed", "confirmed", "20", "20 confirmed by v2", "20 given to", "20 waiting in a b", "20 done", "-1 confirmed", 20, None],
)
def test_what_counts_no_tasks_is_refused_with_what_does(text: Any):
    with pytest.raises(
        ValueError,
        match="is not a count of tasks: write a number and where they are, such as 200 confirmed, 20 given to v2 or 20 waiting in tasks",
    ):
        TaskCounts.read(text)
