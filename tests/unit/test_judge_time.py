"""What happened when: fences, recovery, the playbook's end."""

from __future__ import annotations

import pytest
from histories import history

from drillbook.api import judge
from drillbook.judge.verdict import Verdict

HELD, BROKEN, INCONCLUSIVE = Verdict.HELD, Verdict.BROKEN, Verdict.INCONCLUSIVE
FENCE = {"version_fence": {"version": "v2", "after": {"step": "stop v2"}}}
STOPPED = ["step stop v2 begin", "step stop v2 end"]

FENCED = {
    "nothing after": (["effect a by v2", *STOPPED, "effect b by v1"], HELD),
    "an effect by v2 after": (["effect b by v1", *STOPPED, "effect a by v2"], BROKEN),
    "an effect by v2 while the step runs": (["step stop v2 begin", "effect a by v2", "step stop v2 end"], HELD),
    "a delivery to v2 after": ([*STOPPED, "deliver a to v2 from tasks.v2"], BROKEN),
    "a delivery to v1 after": ([*STOPPED, "deliver a to v1 from tasks.v1"], HELD),
    "an acknowledgement by v2 after": (["deliver a to v2 from tasks.v2", *STOPPED, "ack a by v2"], HELD),
    "after the first end, before the last": ([*STOPPED, "effect a by v2", *STOPPED], HELD),
    "the step never ran": (["effect a by v2"], INCONCLUSIVE),
    "the step never ended": (["step stop v2 begin", "effect a by v2"], INCONCLUSIVE),
    "the step ran again and never ended": ([*STOPPED, "step stop v2 begin"], INCONCLUSIVE),
    "the step ended as the drill was interrupted": (["phase playbook begin", *STOPPED, "effect a by v2"], INCONCLUSIVE),
    "the step ended as its program was killed": (
        ["phase playbook begin", *STOPPED, "phase playbook timeout", "effect a by v2"],
        INCONCLUSIVE,
    ),
    "the step ended before its program was killed": (
        ["phase playbook begin", "step stop v2 begin", "step stop v2 end exit 0", "phase playbook timeout", "effect a by v2"],
        BROKEN,
    ),
    "the step ended before the one that was interrupted": (
        ["phase playbook begin", *STOPPED, "effect a by v2", "step prove it begin", "step prove it end"],
        BROKEN,
    ),
    "the step ended before its program did": (["phase playbook begin", *STOPPED, *["phase playbook end exit 0"], "effect a by v2"], BROKEN),
    "the step ended in a run before the one that was interrupted": (
        ["phase playbook begin", *STOPPED, "phase playbook end exit 1", "phase playbook begin", "effect a by v2"],
        BROKEN,
    ),
}


@pytest.mark.parametrize(("lines", "verdict"), FENCED.values(), ids=FENCED)
def test_a_version_is_fenced_after_its_step(lines: list[str], verdict: Verdict) -> None:
    run = history("publish a ok", "publish b ok", *lines, invariants=FENCE, empty=["wire", "timeline"])
    assert judge(run)["version_fence"].verdict == verdict


def test_an_effect_past_the_fence_is_told_once_with_its_delay() -> None:
    run = history("publish a ok", *STOPPED, "deliver a to v2 from tasks.v2", "effect a by v2", invariants=FENCE)
    found = judge(run)["version_fence"].findings
    assert [(finding.task, finding.why, finding.step) for finding in found] == [
        ("a", "Done by workers.v2.1 2.0 s after the step had ended.", "stop v2")
    ]


PLAYBOOK = ["phase playbook begin", "phase playbook end exit 0"]
RECOVERED = {
    "in time after the confirm": (["publish a ok", "wait 8", "effect a"], HELD),
    "late after the confirm": (["publish a ok", "wait 20", "effect a"], BROKEN),
    "in time after the fault cleared": (["publish a ok", "fault x begin", "wait 20", "fault x cleared", "effect a"], HELD),
    "late after the fault cleared": (["publish a ok", "fault x begin", "fault x cleared", "wait 20", "effect a"], BROKEN),
    "in time after the playbook ended": (["publish a ok", "wait 20", *PLAYBOOK, "wait 5", "effect a"], HELD),
    "late after the playbook ended": (["publish a ok", *PLAYBOOK, "wait 20", "effect a"], BROKEN),
    "confirmed after the healing, in time": ([*PLAYBOOK, "wait 60", "publish a ok", "effect a"], HELD),
    "confirmed after the healing, late": ([*PLAYBOOK, "wait 60", "publish a ok", "wait 20", "effect a"], BROKEN),
    "never done": (["publish a ok"], BROKEN),
    "never done, and it is dead-lettered": (["publish a ok", "leftover a dead in tasks.dead"], BROKEN),
    "the fault never cleared": (["publish a ok", "fault x begin", "fault x not_cleared", "wait 20", "effect a"], INCONCLUSIVE),
    "nobody saw the fault clear": (["publish a ok", "fault x begin", "fault x end", "effect a"], INCONCLUSIVE),
    "a fault that stays": (["publish a ok", "fault x begin", "fault x took_effect", "effect a"], HELD),
    "done again later": (["publish a ok", "effect a", "wait 20", "effect a"], HELD),
}


@pytest.mark.parametrize(("lines", "verdict"), RECOVERED.values(), ids=RECOVERED)
def test_tasks_recover_within_their_time(lines: list[str], verdict: Verdict) -> None:
    assert judge(history(*lines, invariants={"recovered": {"within": "10s"}}))["recovered"].verdict == verdict


def test_a_task_that_rests_where_it_may_has_recovered() -> None:
    run = history("publish a ok", "leftover a dead in q", invariants={"recovered": {"within": "10s", "allow": ["dead"]}})
    assert judge(run)["recovered"].verdict == HELD


def test_a_task_that_might_rest_where_it_may_is_not_judged_without_leftovers() -> None:
    run = history("publish a ok", invariants={"recovered": {"within": "10s", "allow": ["dead"]}}, without=["leftovers"])
    assert judge(run)["recovered"].verdict == INCONCLUSIVE


ENDED = {
    "with exit code 0": (["phase playbook begin", "phase playbook end exit 0"], HELD),
    "with another exit code": (["phase playbook begin", "phase playbook end exit 3"], BROKEN),
    "killed at its timeout": (["phase playbook begin", "phase playbook timeout"], BROKEN),
    "killed at its timeout, its exit code seen": (["phase playbook begin", "phase playbook timeout exit 137"], BROKEN),
    "stopped at its timeout, and content": (["phase playbook begin", "phase playbook timeout exit 0"], BROKEN),
    "failed, then run again with exit code 0": (["phase playbook begin", "phase playbook end exit 3", *PLAYBOOK], HELD),
    "with exit code 0, then failed": ([*PLAYBOOK, "phase playbook begin", "phase playbook end exit 1"], BROKEN),
    "without an exit code": (["phase playbook begin", "phase playbook end"], INCONCLUSIVE),
    "nobody saw how": (["phase playbook begin"], INCONCLUSIVE),
    "it never started": (["phase stage begin"], INCONCLUSIVE),
}


@pytest.mark.parametrize(("lines", "verdict"), ENDED.values(), ids=ENDED)
def test_the_playbook_succeeds_when_it_ends_by_itself(lines: list[str], verdict: Verdict) -> None:
    run = history("publish a ok", "effect a", *lines, invariants={"playbook_succeeded": None})
    assert judge(run)["playbook_succeeded"].verdict == verdict


def test_a_failed_playbook_names_the_step_that_failed() -> None:
    lines = [
        "phase playbook begin",
        "step route back begin",
        "step route back end exit 0",
        "step drain v2 begin",
        "step drain v2 end exit 3",
    ]
    run = history("publish a ok", *lines, "phase playbook end exit 3", invariants={"playbook_succeeded": None})
    found = judge(run)["playbook_succeeded"].findings
    assert [(finding.task, finding.why, finding.step) for finding in found] == [(None, "The playbook ended with exit code 3.", "drain v2")]
