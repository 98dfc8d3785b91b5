"""What a person reads: the sentence, the story of a task, the equation."""

from __future__ import annotations

import json

import pytest
from histories import history

from drillbook.api import judge
from drillbook.judge.query import SHOWN
from drillbook.judge.task_story import LONGEST
from drillbook.judge.verdict import Equation

DELETED = [
    "queue q 3 before delete v2 queue",
    "step delete v2 queue begin",
    "step delete v2 queue end",
    "queue q gone after delete v2 queue",
]


def test_held_says_how_many_were_done_once() -> None:
    assert judge(history("publish a ok", "effect a")).sentence == "Held: 1 task published, each done exactly once."


def test_held_says_where_the_others_rest() -> None:
    run = history("publish a ok", "publish b ok", "effect a", "leftover b dead in d", invariants={"no_lost_tasks": {"allow": ["dead"]}})
    assert judge(run).sentence == "Held: 2 tasks published, 1 done and 1 dead-lettered; no_lost_tasks holds."


HELD_BUT = {
    "unconfirmed": (["publish b unknown"], "1 task confirmed, each done exactly once; 1 publish stayed unconfirmed"),
    "unconfirmed, confirmed at its second attempt": (
        ["publish b unknown", "publish b ok attempt 2", "effect b"],
        "2 tasks published, each done exactly once",
    ),
    "failed and skipped": (
        ["publish b ok", "effect b", "publish c ok", "effect c", "publish d fail", "publish e skipped", "publish f skipped"],
        "3 tasks confirmed, each done exactly once; 1 publish failed and 2 were skipped",
    ),
    "each of the three": (
        [
            *(f"{what} {task}{how}" for task in "bcd" for what, how in (("publish", " ok"), ("effect", ""))),
            *("publish e unknown", "publish f unknown", "publish g fail", "publish h skipped"),
        ],
        "4 tasks confirmed, each done exactly once; 2 publishes stayed unconfirmed, 1 failed, and 1 was skipped",
    ),
}


@pytest.mark.parametrize(("lines", "said"), HELD_BUT.values(), ids=HELD_BUT)
def test_held_says_which_tasks_it_is_not_about(lines: list[str], said: str) -> None:
    assert judge(history("publish a ok", "effect a", *lines)).sentence == f"Held: {said}."


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["publish a ok", "publish b ok", "publish c ok", "effect a", "effect b"], "3 tasks published, 2 done and 1 missing"),
        (["publish a ok"], "1 task published, 1 missing"),
    ],
    ids=["one of three", "all"],
)
def test_held_by_other_rules_says_how_many_tasks_are_missing(lines: list[str], said: str) -> None:
    run = history(*lines, invariants={"no_duplicate_effects": None})
    assert judge(run).sentence == f"Held: {said}; no_duplicate_effects holds."


def test_held_says_which_tasks_it_is_not_about_before_what_holds() -> None:
    lines = ["publish a ok", "publish b ok", "publish c unknown", "effect a", "leftover b dead in d"]
    run = history(*lines, invariants={"no_lost_tasks": {"allow": ["dead"]}})
    assert judge(run).sentence == "Held: 2 tasks confirmed, 1 done and 1 dead-lettered; 1 publish stayed unconfirmed; no_lost_tasks holds."


def test_held_without_the_ledger_claims_no_tasks() -> None:
    run = history(
        "effect a", "leftover a dead in d", invariants={"no_duplicate_effects": None, "drained": {"queue": "q"}}, without=["published"]
    )
    assert judge(run).sentence == "Held: 2 invariants hold."


def test_broken_says_what_and_in_which_step() -> None:
    lines = ["publish a ok", "publish b ok", "publish c ok", "effect c", "effect c", *DELETED, "publish d ok"]
    assert judge(history(*lines)).sentence == ('Broken: 3 tasks are lost, most in the step "delete v2 queue", and 1 task was done twice.')


def test_broken_tells_lost_from_not_done() -> None:
    run = history("publish a ok", "publish b ok", "leftover b ready in q", invariants={"no_lost_tasks": None})
    assert judge(run).sentence == "Broken: 1 task is lost and 1 task was not done."


def test_inconclusive_says_the_first_reason_and_how_many_more() -> None:
    assert judge(history("publish a unknown", without=["effects"])).sentence == (
        "Inconclusive: no task's publish was confirmed (1 more reason)."
    )


def test_a_story_is_told_in_time_order_from_all_evidence() -> None:
    run = history(
        "publish a unknown",
        "publish a ok attempt 2",
        "deliver a to v2 from tasks.v2",
        "effect a by v2",
        "step stop v2 begin",
        "killed v2",
        "step stop v2 end",
        "resend a to tasks.v1",
        "deliver a to v1 from tasks.v1",
        "effect a by v1",
        "ack a by v1",
        "leftover a dead in tasks.dead",
    )
    story = judge(run)["no_duplicate_effects"].findings[0].story
    assert [moment.what for moment in story] == [
        "published with the key charge",
        "never confirmed: outcome unknown",
        "published again with the key charge",
        "confirmed",
        "delivered to workers.v2.1 from tasks.v2",
        "done by workers.v2.1 (v2)",
        'step "stop v2" begins',
        "workers.v2.1 was killed",
        'step "stop v2" ends',
        "published by operator to tasks.v1",
        "delivered to workers.v1.1 from tasks.v1",
        "done by workers.v1.1 (v1)",
        "acknowledged by workers.v1.1",
        "is dead-lettered in tasks.dead",
    ]
    assert [moment.at for moment in story] == sorted(moment.at for moment in story)


def test_a_story_holds_the_step_it_went_wrong_in() -> None:
    story = judge(history("publish a ok", *DELETED))["no_lost_tasks"].findings[0].story
    assert [moment.what for moment in story][-2:] == ['step "delete v2 queue" begins', 'step "delete v2 queue" ends']


def test_a_long_story_is_cut_in_the_middle() -> None:
    rounds = ["deliver a to v1 from q", "requeue a by v1"] * LONGEST
    story = judge(history("publish a ok", *rounds))["no_lost_tasks"].findings[0].story
    assert len(story) == LONGEST + 1
    assert story[LONGEST // 2].what == "… 62 more moments …"


def test_findings_are_counted_in_full_and_shown_in_part() -> None:
    result = judge(history(*(f"publish {number:04} ok" for number in range(SHOWN + 20))))["no_lost_tasks"]
    assert (result.count, len(result.findings)) == (SHOWN + 20, SHOWN)
    assert [finding.task for finding in result.findings] == [f"{number:04}" for number in range(SHOWN)]


def test_the_equation_counts_every_confirmed_task_once() -> None:
    lines = [
        *(f"publish {task} ok" for task in ("done", "twice", "dead", "ready", "held", "cancelled", "gone")),
        *("publish f fail", "publish u unknown", "publish s skipped", "effect done", "effect twice", "effect twice", "effect u"),
        *("leftover dead dead in d", "leftover ready ready in q", "leftover held unacked in q", "leftover cancelled cancelled"),
        *("leftover done dead in d", "leftover ready dead in d"),
    ]
    assert judge(history(*lines)).equation == Equation(
        planned=10, ok=7, failed=1, unknown=1, skipped=1, done=2, dead=1, queued=2, cancelled=1, missing=1, doubled=1
    )


def test_the_equation_takes_the_plan_s_count() -> None:
    run = history("publish a ok", "effect a")
    (run / "plan.json").write_text(json.dumps({"seed": 7, "faults": [], "tasks": 12}))
    judgement = judge(run)
    assert judgement.equation is not None
    assert (judgement.equation.planned, judgement.seed) == (12, 7)


def test_there_is_no_equation_without_its_evidence() -> None:
    assert judge(history("publish a ok", without=["effects"])).equation is None


def test_a_judgement_becomes_json() -> None:
    document = json.loads(json.dumps(judge(history("publish a ok")).as_json()))
    assert (document["verdict"], document["results"][0]["findings"][0]["task"]) == ("broken", "a")
