"""What became of the tasks: lost, done twice, made up. One small history and one expected value each."""

from __future__ import annotations

from typing import Any

import pytest
from histories import TASKS, history

from drillbook.api import judge
from drillbook.judge.verdict import Verdict

HELD, BROKEN, INCONCLUSIVE = Verdict.HELD, Verdict.BROKEN, Verdict.INCONCLUSIVE


def allow(*states: str) -> dict[str, Any]:
    return {"no_lost_tasks": {"allow": list(states)}}


NOT_LOST = {
    "done": (["publish a ok", "effect a"], TASKS),
    "done at the second attempt": (["publish a unknown", "publish a ok attempt 2", "effect a"], TASKS),
    "a confirm lost on the way is unknown, not lost": (["publish a unknown", "publish b ok", "effect b"], TASKS),
    "refused is not lost": (["publish a fail", "publish b ok", "effect b"], TASKS),
    "skipped is not lost": (["publish a skipped", "publish b ok", "effect b"], TASKS),
    "done, with a copy left in a queue": (["publish a ok", "effect a", "leftover a ready in tasks.v1"], TASKS),
    "dead where that is allowed": (["publish a ok", "leftover a dead in tasks.dead"], allow("dead")),
    "cancelled where that is allowed": (["publish a ok", "leftover a cancelled"], allow("dead", "cancelled")),
    "cancelled and dead where only one is allowed": (["publish a ok", "leftover a cancelled", "leftover a dead in d"], allow("dead")),
}
LOST = {
    "found nowhere": (["publish a ok"], TASKS),
    "found nowhere though the second attempt stayed unconfirmed": (["publish a ok", "publish a unknown attempt 2"], TASKS),
    "ready at the end": (["publish a ok", "leftover a ready in tasks.v1"], TASKS),
    "unacked at the end": (["publish a ok", "leftover a unacked in tasks.v1"], TASKS),
    "dead where nothing is allowed": (["publish a ok", "leftover a dead in tasks.dead"], TASKS),
    "dead where only cancelled is allowed": (["publish a ok", "leftover a dead in tasks.dead"], allow("cancelled")),
    "found nowhere where everything is allowed": (["publish a ok"], allow("dead", "cancelled", "ready", "unacked", "outbox")),
    "another task's effect does not count": (["publish a ok", "effect ab"], TASKS),
}


@pytest.mark.parametrize(("lines", "invariants"), NOT_LOST.values(), ids=NOT_LOST)
def test_no_task_is_lost_when_it_is(lines: list[str], invariants: dict[str, Any]) -> None:
    assert judge(history(*lines, invariants=invariants))["no_lost_tasks"].verdict == HELD


@pytest.mark.parametrize(("lines", "invariants"), LOST.values(), ids=LOST)
def test_a_task_is_lost_when_it_is(lines: list[str], invariants: dict[str, Any]) -> None:
    result = judge(history(*lines, invariants=invariants))["no_lost_tasks"]
    assert (result.verdict, [finding.task for finding in result.findings]) == (BROKEN, ["a"])


DOUBLED = {
    "twice by one version": (["effect a by v1", "effect a by v1"], "task", BROKEN),
    "once by each version": (["effect a by v2", "effect a by v1"], "task", BROKEN),
    "redelivered, done once": (["deliver a to v2 from q", "requeue a by v2", "deliver a to v1 from q", "effect a"], "task", HELD),
    "two tasks once each": (["effect a", "effect b"], "task", HELD),
    "two keys of one task": (["effect a key a/1", "effect a key a/2"], "task", BROKEN),
    "two keys of one task where keys count": (["effect a key a/1", "effect a key a/2"], "key", HELD),
    "one key twice where keys count": (["effect a key a/1", "effect a key a/2", "effect a key a/1"], "key", BROKEN),
}


@pytest.mark.parametrize(("lines", "by", "verdict"), DOUBLED.values(), ids=DOUBLED)
def test_duplicates_are_judged_on_effects(lines: list[str], by: str, verdict: Verdict) -> None:
    run = history("publish a ok", "publish b ok", *lines, invariants={"no_duplicate_effects": {"by": by}})
    assert judge(run)["no_duplicate_effects"].verdict == verdict


def test_a_duplicate_of_an_unconfirmed_task_is_a_duplicate() -> None:
    run = history("publish a unknown", "publish b ok", "effect b", "effect a", "effect a")
    assert [finding.task for finding in judge(run)["no_duplicate_effects"].findings] == ["a"]


def test_a_duplicate_names_both_workers_in_order() -> None:
    run = history("publish a ok", "effect a by v2", "effect a by v1")
    assert judge(run)["no_duplicate_effects"].findings[0].why == "Done 2 times: by workers.v2.1 (v2), then by workers.v1.1 (v1)."


CONSERVED = {
    "done": (["publish a ok", "effect a"], HELD),
    "dead": (["publish a ok", "leftover a dead in tasks.dead"], HELD),
    "queued": (["publish a ok", "leftover a ready in tasks.v1"], HELD),
    "cancelled": (["publish a ok", "leftover a cancelled"], HELD),
    "unconfirmed and done all the same": (["publish a unknown", "publish b ok", "effect a", "effect b"], HELD),
    "nowhere": (["publish a ok"], BROKEN),
    "done, and never published": (["publish a ok", "effect a", "effect x"], BROKEN),
    "done, and never sent": (["publish a ok", "effect a", "publish x skipped", "effect x"], BROKEN),
    "done, and never sent as there was no connection": (["publish a ok", "effect a", "publish x fail unsent", "effect x"], BROKEN),
    "done, and sent though the broker refused it": (["publish a ok", "effect a", "publish x fail", "effect x"], HELD),
    "done, and published by a worker": (["publish a ok", "effect a", "send x to q by v1", "effect x"], HELD),
    "done, and published by the operator": (["publish a ok", "effect a", "resend x to q", "effect x"], HELD),
    "skipped, and then published by a worker": (["publish a ok", "effect a", "publish x skipped", "send x to q by v1", "effect x"], HELD),
    "left over, and never published": (["publish a ok", "effect a", "leftover x dead in tasks.dead"], BROKEN),
}


@pytest.mark.parametrize(("lines", "verdict"), CONSERVED.values(), ids=CONSERVED)
def test_tasks_are_conserved(lines: list[str], verdict: Verdict) -> None:
    assert judge(history(*lines, empty=["wire"]))["conservation"].verdict == verdict


DRAINED = {
    "empty": ([], HELD),
    "a task in another queue": (["leftover a ready in tasks.v1"], HELD),
    "a task waits": (["leftover a ready in tasks.v2"], BROKEN),
    "a task is held": (["leftover a unacked in tasks.v2"], BROKEN),
}


@pytest.mark.parametrize(("lines", "verdict"), DRAINED.values(), ids=DRAINED)
def test_a_queue_is_drained_when_nothing_rests_in_it(lines: list[str], verdict: Verdict) -> None:
    run = history("publish a ok", "effect a", *lines, invariants={"drained": {"queue": "tasks.v2"}})
    assert judge(run)["drained"].verdict == verdict
