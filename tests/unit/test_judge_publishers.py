"""What `publish_fence` and `unharmed` say of those who publish, and of those who must not notice."""

from __future__ import annotations

from typing import Any

import pytest
from histories import history

from drillbook.api import judge
from drillbook.judge.verdict import Verdict

STEP = ("step turn flag off begin", "step turn flag off end")
BEFORE = ("publish a ok as report of v2", "effect a")


def fence(*after: str, **parameters: Any) -> Any:
    given = {"after": {"step": "turn flag off"}, **parameters}
    return judge(history(*BEFORE, *STEP, *after, invariants={"publish_fence": given}))["publish_fence"]


KINDS = {
    "any publish": ({}, "publish b ok", Verdict.BROKEN),
    "the version": ({"version": "v2"}, "publish b ok of v2", Verdict.BROKEN),
    "another version": ({"version": "v2"}, "publish b ok of v1", Verdict.HELD),
    "no version": ({"version": "v2"}, "publish b ok", Verdict.HELD),
    "another type": ({"type": "report"}, "publish b ok", Verdict.HELD),
    "the type of another version": ({"type": "report", "version": "v2"}, "publish b ok as report of v1", Verdict.HELD),
    "type and version": ({"type": "report", "version": "v2"}, "publish b ok as report of v2", Verdict.BROKEN),
}


@pytest.mark.parametrize(("parameters", "line", "verdict"), KINDS.values(), ids=KINDS)
def test_the_fence_is_for_what_is_named(parameters: dict[str, str], line: str, verdict: Verdict) -> None:
    assert fence(line, "effect b", **parameters).verdict == verdict


def test_a_late_publish_is_told_with_its_lateness_and_its_step() -> None:
    [finding] = fence("wait 3", "publish b ok", "effect b", grace="1s").findings
    assert (finding.task, finding.why, finding.step) == (
        "b",
        "Published 5.0 s after the step had ended; 1.0 s are allowed.",
        "turn flag off",
    )


def test_a_task_published_late_several_times_is_one_finding() -> None:
    assert len(fence("publish b unknown", "publish b ok attempt 2", "effect b").findings) == 1


def test_who_noticed_is_told_by_how_much() -> None:
    run = history("publish a ok", "wait 6", "effect a", invariants={"unharmed": {"types": ["charge"], "within": "5s"}})
    [finding] = judge(run)["unharmed"].findings
    assert finding.why == "Done 8.0 s after it was meant to be sent; 5.0 s are allowed."
