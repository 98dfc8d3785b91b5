"""What the old version can decode of what was left: the invariant, and the table of compatibility."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from histories import START, history
from history_lines import SECOND

from drillbook.api import judge
from drillbook.judge.verdict import Verdict

HELD, BROKEN, INCONCLUSIVE = Verdict.HELD, Verdict.BROKEN, Verdict.INCONCLUSIVE
TO_V1 = {"seen": "delivered", "queue": "tasks.v1", "peer": "workers.v1.1", "to_version": "v1"}
TO_OPERATOR = {"seen": "delivered", "queue": "tasks.v2", "peer": "operator"}
TO_V2 = {"seen": "delivered", "queue": "tasks.v2", "peer": "workers.v2.1", "to_version": "v2"}
AT_V1, AT_V2, ASIDE = ({"seen": "remaining", "queue": queue} for queue in ("tasks.v1", "tasks.v2", "tasks.later"))
LINES = ("publish a ok", "consume tasks.v1 by v1", "consume tasks.v2 by v2", "phase playbook begin")


def answered(*answers: Mapping[str, Any], lines: tuple[str, ...] = LINES, without: tuple[str, ...] = ()) -> Path:
    """A run with these lines of ``decoded.jsonl``."""
    run = history(*lines, invariants={"decodable": None}, empty=("timeline", "wire", "decoded"), without=without)
    told = [
        {"message": number, "by": "v1", "ok": True, "at": START + 60 * SECOND, "task": "a"} | dict(answer)
        for number, answer in enumerate(answers, 1)
    ]
    if "decoded" not in without:
        (run / "decoded.jsonl").write_text("".join(json.dumps(one) + "\n" for one in told))
    return run


NOT = {"ok": False, "reason": "no handler for refund"}
WHERE: dict[str, tuple[tuple[Mapping[str, Any], ...], Verdict]] = {
    "nothing was left": ((), HELD),
    "it got one that it can decode": ((TO_V1,), HELD),
    "it got one that it cannot decode": ((TO_V1 | NOT,), BROKEN),
    "one that it cannot decode waits in its queue": ((AT_V1 | NOT,), BROKEN),
    "one that it cannot decode waits in the new version's queue": ((AT_V2 | NOT,), HELD),
    "one that it cannot decode was set aside": ((ASIDE | NOT,), HELD),
    "the new version did one that it cannot decode": ((TO_V2 | NOT,), HELD),
    "the operator translated it on its way": ((TO_OPERATOR | NOT, TO_V1), HELD),
    "the operator moved it as it was": ((TO_OPERATOR | NOT, TO_V1 | NOT), BROKEN),
}


@pytest.mark.parametrize(("answers", "verdict"), WHERE.values(), ids=WHERE)
def test_what_counts_is_what_the_version_gets(answers: tuple[Mapping[str, Any], ...], verdict: Verdict) -> None:
    assert judge(answered(*answers)).verdict == verdict


def test_the_finding_says_who_got_it_why_it_cannot_decode_it_and_which_step_sent_it() -> None:
    lines = (*LINES, "step move begin", "resend a to tasks.v1", "step move end")
    [finding] = judge(answered(TO_V1 | NOT, lines=lines))["decodable"].findings
    assert (finding.task, finding.step) == ("a", "move")
    assert finding.why == "workers.v1.1 got it from tasks.v1 and cannot decode it: no handler for refund."


def test_a_task_that_was_seen_in_two_places_is_one_finding() -> None:
    assert judge(answered(TO_V1 | NOT, AT_V1 | NOT))["decodable"].count == 1


def test_messages_without_an_id_are_findings_of_their_own() -> None:
    assert judge(answered(TO_V1 | NOT | {"task": None}, TO_V1 | NOT | {"task": None}))["decodable"].count == 2


def test_a_delivery_that_nobody_was_asked_about_is_inconclusive() -> None:
    run = answered(TO_V1, lines=(*LINES, "deliver b to v1 from tasks.v1"))
    [result] = judge(run).results
    assert (result.verdict, result.reason) == (
        INCONCLUSIVE,
        "1 delivery since the playbook started was not shown to the worker that decodes",
    )


def test_what_was_delivered_before_the_playbook_started_is_not_asked_about() -> None:
    assert judge(answered(TO_V1, lines=("deliver b to v1 from tasks.v1", *LINES))).verdict == HELD


def test_what_the_new_version_got_need_not_be_asked_about() -> None:
    assert judge(answered(TO_V1, lines=(*LINES, "deliver b to v2 from tasks.v2"))).verdict == HELD


def test_with_no_answers_at_all_nothing_may_have_been_delivered() -> None:
    assert judge(answered(lines=(*LINES, "deliver b to v1 from tasks.v1"))).verdict == INCONCLUSIVE


@pytest.mark.parametrize("stem", ["decoded", "wire", "leftovers", "timeline"])
def test_without_its_evidence_it_is_inconclusive(stem: str) -> None:
    assert judge(answered(TO_V1, without=(stem,)))["decodable"].verdict == INCONCLUSIVE


def test_incomplete_evidence_is_inconclusive_and_what_was_found_still_counts() -> None:
    incomplete = (*LINES, "incomplete decoded")
    assert judge(answered(TO_V1, lines=incomplete)).verdict == INCONCLUSIVE
    assert judge(answered(TO_V1 | NOT, lines=incomplete)).verdict == BROKEN


def test_the_table_counts_each_task_once_by_type_and_version() -> None:
    refund = {"type": "refund", "version": "v2", "task": "r"} | NOT
    answers = [TO_OPERATOR | refund, ASIDE | refund, TO_V1 | {"type": "charge", "version": "v1"}, TO_V1 | refund | {"task": "s"}]
    rows = judge(answered(*answers)).compatibility
    assert [(row.type, row.version, row.messages, row.decoded, row.failed, row.reached, row.reasons) for row in rows] == [
        ("charge", "v1", 1, 1, 0, 0, ()),
        ("refund", "v2", 2, 0, 2, 1, ("no handler for refund",)),
    ]


def test_a_message_without_a_type_property_has_the_type_of_its_task_in_the_ledger() -> None:
    assert [row.type for row in judge(answered(TO_V1)).compatibility] == ["charge"]


@pytest.mark.parametrize(
    "invariant", [{"no_lost_tasks": {"parked": ["tasks.later"]}}, {"recovered": {"within": "1s", "parked": ["tasks.later"]}}]
)
@pytest.mark.parametrize(("queue", "verdict"), [("tasks.later", HELD), ("tasks.v2", BROKEN)])
def test_a_task_may_be_parked_where_the_scenario_says_and_nowhere_else(invariant: dict[str, Any], queue: str, verdict: Verdict) -> None:
    assert judge(history("publish a ok", f"leftover a ready in {queue}", invariants=invariant)).verdict == verdict
