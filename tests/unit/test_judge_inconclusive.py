"""What cannot be green: evidence that is missing or incomplete, and drills in which nothing was drilled."""

from __future__ import annotations

from typing import Any

import pytest
from histories import TASKS, history

from drillbook.api import judge
from drillbook.evidence.kinds import FILES
from drillbook.judge.verdict import Verdict

HELD, BROKEN, INCONCLUSIVE = Verdict.HELD, Verdict.BROKEN, Verdict.INCONCLUSIVE
DONE = ["publish a ok", "effect a"]
LOST = ["publish a ok"]
DOUBLED = ["publish a ok", "effect a", "effect a"]
FENCE = {"version_fence": {"version": "v2", "after": {"step": "stop v2"}}}
LATE = ["publish a ok", "step stop v2 begin", "step stop v2 end", "effect a by v2"]
LOAD = {"load": {"rate": "10/s", "duration": "1s"}}
FAULT = {"faults": [{"name": "broker link cut", "cut": {"link": "workers.v2 -> broker"}, "at": "1s"}]}
PLAYBOOK = {"playbook": {"run": "./rollback.sh", "start": {"at": "1s"}}}
DEPLOYMENT = {"deployment": {"run": "./deploy.sh", "at": "1s"}}
PLAYED = ["phase playbook begin", "phase playbook end exit 0"]
CUT = "fault broker link cut"

MISSING = {
    "no_lost_tasks needs the ledger": (DONE, "no_lost_tasks", "published", INCONCLUSIVE),
    "no_lost_tasks needs effects": (DONE, "no_lost_tasks", "effects", INCONCLUSIVE),
    "no_lost_tasks needs leftovers": (DONE, "no_lost_tasks", "leftovers", INCONCLUSIVE),
    "a lost task may have had its effect": (LOST, "no_lost_tasks", "effects", INCONCLUSIVE),
    "a lost task may remain somewhere": (LOST, "no_lost_tasks", "leftovers", INCONCLUSIVE),
    "no_duplicate_effects needs effects": (DOUBLED, "no_duplicate_effects", "effects", INCONCLUSIVE),
    "a duplicate needs no leftovers": (DOUBLED, "no_duplicate_effects", "leftovers", BROKEN),
    "a duplicate needs no ledger": (DOUBLED, "no_duplicate_effects", "published", BROKEN),
    "conservation needs leftovers": (DONE, "conservation", "leftovers", INCONCLUSIVE),
    "a stranger may have been published": (["effect a"], "conservation", "published", INCONCLUSIVE),
}


@pytest.mark.parametrize(("lines", "name", "missing", "verdict"), MISSING.values(), ids=MISSING)
def test_missing_evidence(lines: list[str], name: str, missing: str, verdict: Verdict) -> None:
    assert judge(history(*lines, without=[missing]))[name].verdict == verdict


INCOMPLETE = {
    "effects": (DONE, "no_lost_tasks", "effects", INCONCLUSIVE),
    "effects, and a task found nowhere": (LOST, "no_lost_tasks", "effects", INCONCLUSIVE),
    "effects, and a duplicate among them": (DOUBLED, "no_duplicate_effects", "effects", BROKEN),
    "effects, and no duplicate among them": (DONE, "no_duplicate_effects", "effects", INCONCLUSIVE),
    "the ledger": (DONE, "no_lost_tasks", "published", INCONCLUSIVE),
    "the ledger, and a task of it found nowhere": (LOST, "no_lost_tasks", "published", BROKEN),
    "the ledger, and a task that is not in it": ([*DONE, "effect x"], "conservation", "published", INCONCLUSIVE),
    "the wire, which is not needed": (DONE, "no_lost_tasks", "wire", HELD),
}


@pytest.mark.parametrize(("lines", "name", "incomplete", "verdict"), INCOMPLETE.values(), ids=INCOMPLETE)
def test_incomplete_evidence(lines: list[str], name: str, incomplete: str, verdict: Verdict) -> None:
    assert judge(history(*lines, f"incomplete {incomplete}"))[name].verdict == verdict


def test_an_empty_file_is_evidence_that_nothing_was_found() -> None:
    assert judge(history(*DONE))["no_lost_tasks"].verdict == HELD


def test_nothing_judges_without_what_it_needs() -> None:
    given = FENCE | TASKS | {"drained": {"queue": "q"}, "recovered": {"within": "5s"}, "playbook_succeeded": None}
    judgement = judge(history(invariants=given, without=list(FILES), plan={"seed": 1}))
    assert {result.verdict for result in judgement.results} == {INCONCLUSIVE}


@pytest.mark.parametrize(
    "spoil",
    [
        "no end",
        "a gap",
        "a line twice",
        "a line in another's place",
        "its beginning is gone",
        "the end is not last",
        "missing",
        "incomplete",
        "not read",
        "started again",
    ],
)
def test_a_fence_is_inconclusive_without_a_whole_wire(spoil: str) -> None:
    run = history(*DONE, "step stop v2 begin", "step stop v2 end", "deliver a to v1 from q", "ack a by v1", invariants=FENCE)
    assert judge(run)["version_fence"].verdict == HELD
    wire = run / "wire.jsonl"
    lines = wire.read_text().splitlines(keepends=True)
    match spoil:
        case "missing":
            wire.unlink()
        case "incomplete":
            with (run / "timeline.jsonl").open("a") as timeline:
                timeline.write('{"at": 1, "event": "incomplete", "name": "wire", "state": "from"}\n')
        case _:
            spoilt = {
                "no end": lines[:-1],
                "a gap": [*lines[:1], *lines[2:]],
                "a line twice": [*lines[:2], *lines[1:]],
                "a line in another's place": [*lines[:2], lines[1], *lines[3:]],
                "not read": [line.replace('"ack"', '"incomplete"') for line in lines],
                "its beginning is gone": lines[2:],
                "started again": [line.replace('"ack"', '"start"') for line in lines],
                "the end is not last": [*lines, lines[1].replace('"seq":2', f'"seq":{len(lines) + 1}')],
            }
            wire.write_text("".join(spoilt[spoil]))
    assert judge(run)["version_fence"].verdict == INCONCLUSIVE


def test_an_effect_past_the_fence_stands_without_the_wire() -> None:
    assert judge(history(*LATE, invariants=FENCE))["version_fence"].verdict == BROKEN


DRILLS: dict[str, tuple[list[str], dict[str, Any], list[str]]] = {
    "nothing declared": (DONE, {}, []),
    "half of the tasks confirmed": ([*DONE, "publish b fail"], {}, []),
    "half of the tasks confirmed, at their second attempts": ([*DONE, "publish b fail", "publish a ok attempt 2"], {}, []),
    "a third of the tasks confirmed": (
        [*DONE, "publish b fail", "publish c unknown"],
        {},
        ["only 1 of 3 tasks was confirmed, so the drill hardly touched the playbook"],
    ),
    "two fifths of the tasks confirmed": (
        ["publish a ok", "publish b ok", "effect a", "effect b", "publish c skipped", "publish d skipped", "publish e skipped"],
        {},
        ["only 2 of 5 tasks were confirmed, so the drill hardly touched the playbook"],
    ),
    "a stage that came to rest": ([*DONE, "phase settle begin", "phase settle end"], {}, []),
    "nothing published": ([], {}, ["no task's publish was confirmed"]),
    "nothing confirmed": (["publish a unknown", "effect a"], {}, ["no task's publish was confirmed"]),
    "everything skipped": (["publish a skipped"], {}, ["no task's publish was confirmed"]),
    "a fault that took effect": ([*DONE, f"{CUT} begin", f"{CUT} took_effect", f"{CUT} cleared"], FAULT, []),
    "a fault that did not take effect": (
        [*DONE, f"{CUT} begin", f"{CUT} no_effect"],
        FAULT,
        ['the fault "broker link cut" never took effect'],
    ),
    "a fault nobody saw take effect": ([*DONE, f"{CUT} begin", f"{CUT} cleared"], FAULT, ['the fault "broker link cut" never took effect']),
    "a fault that was armed": ([*DONE, f"{CUT} armed"], FAULT, ['the fault "broker link cut" never began']),
    "a fault that is not mentioned": ([*DONE, *PLAYED], FAULT, ['the fault "broker link cut" never began']),
    "a fault that was skipped": ([*DONE, f"{CUT} skipped"], FAULT, ['the fault "broker link cut" never began']),
    "a fault that took_effect one of two": (
        [*DONE, f"{CUT} begin on l1", f"{CUT} begin on l2", f"{CUT} took_effect on l2", f"{CUT} no_effect on l1", f"{CUT} cleared on l2"],
        FAULT,
        ['the fault "broker link cut" never took effect on l1'],
    ),
    "a playbook that ran": ([*DONE, *PLAYED], PLAYBOOK, []),
    "a playbook that failed": (
        [*DONE, "phase playbook begin", "phase playbook end exit 1"],
        PLAYBOOK,
        ["the playbook failed with exit code 1"],
    ),
    "a playbook that was killed": (
        [*DONE, "phase playbook begin", "phase playbook timeout"],
        PLAYBOOK,
        ["the playbook was still running at its timeout and was killed"],
    ),
    "a playbook of which nobody knows how it ended": (
        [*DONE, "phase playbook begin", "phase playbook end"],
        PLAYBOOK,
        ["the playbook failed with exit code unknown"],
    ),
    "a playbook that failed, then ran again": ([*DONE, "phase playbook begin", "phase playbook end exit 1", *PLAYED], PLAYBOOK, []),
    "a playbook that never started": ([*DONE, "phase drive begin"], PLAYBOOK, ["the playbook never started"]),
    "a playbook without an end": ([*DONE, "phase playbook begin"], PLAYBOOK, ["the playbook was not seen to end"]),
    "a playbook that was not found": (
        [*DONE, "phase playbook begin", "phase playbook end exit 127"],
        PLAYBOOK,
        ["the playbook never ran: it ended with exit code 127 before its first step"],
    ),
    "a playbook whose last step was not found": (
        [*DONE, "phase playbook begin", "step x begin", "step x end", "phase playbook end exit 127"],
        PLAYBOOK,
        ["the playbook failed with exit code 127"],
    ),
    "a deployment that worked": ([*DONE, "phase deployment begin", "phase deployment end exit 0"], DEPLOYMENT, []),
    "a deployment that failed": (
        [*DONE, "phase deployment begin", "phase deployment end exit 2"],
        DEPLOYMENT,
        ["the deployment failed with exit code 2"],
    ),
    "a deployment that was killed": (
        [*DONE, "phase deployment begin", "phase deployment timeout"],
        DEPLOYMENT,
        ["the deployment was still running at its timeout and was killed"],
    ),
    "a deployment that never started": ([*DONE, *PLAYED], DEPLOYMENT, ["the deployment never started"]),
    "no timeline": (DONE, PLAYBOOK, ["there is no timeline.jsonl to say what happened"]),
}


@pytest.mark.parametrize(("lines", "sections", "reasons"), DRILLS.values(), ids=DRILLS)
def test_a_drill_proves_something_only_when_it_happened(lines: list[str], sections: dict[str, Any], reasons: list[str]) -> None:
    judgement = judge(history(*lines, sections=sections, invariants={"no_lost_tasks": None}))
    assert list(judgement.preconditions) == reasons
    assert judgement.verdict == (INCONCLUSIVE if reasons else HELD)
    assert judgement["no_lost_tasks"].verdict == judgement.verdict


def test_a_lost_task_breaks_a_drill_whose_fault_never_took_effect() -> None:
    judgement = judge(history(*LOST, f"{CUT} begin", f"{CUT} no_effect", sections=FAULT))
    assert (judgement.verdict, judgement["no_duplicate_effects"].verdict) == (BROKEN, INCONCLUSIVE)


def test_a_load_that_was_not_seen_to_end_leaves_the_ledger_incomplete() -> None:
    begun = history(*DONE, "phase load begin", sections=LOAD)
    ended = history(*DONE, "phase load begin", "phase load end", sections=LOAD)
    assert [judge(run)["no_lost_tasks"].verdict for run in (begun, ended)] == [INCONCLUSIVE, HELD]


NOT_AT_REST = "the stage did not come to rest within the time it was given (settle.within)"
RESTLESS = ["phase settle begin", "phase settle timeout", "phase collect begin", "phase collect end"]
UNSETTLED = {
    "done": (DONE, "no_lost_tasks", INCONCLUSIVE),
    "found nowhere": (LOST, "no_lost_tasks", INCONCLUSIVE),
    "still waiting": ([*LOST, "leftover a ready in tasks.v2"], "no_lost_tasks", INCONCLUSIVE),
    "not conserved yet": (LOST, "conservation", INCONCLUSIVE),
    "not recovered yet": (LOST, "recovered", INCONCLUSIVE),
    "not drained yet": ([*DONE, "leftover a ready in tasks.v2"], "drained", INCONCLUSIVE),
    "drained": (DONE, "drained", INCONCLUSIVE),
    "done once": (DONE, "no_duplicate_effects", INCONCLUSIVE),
    "done twice": (DOUBLED, "no_duplicate_effects", BROKEN),
    "done by a version that is out": (LATE, "version_fence", BROKEN),
}


@pytest.mark.parametrize(("lines", "name", "verdict"), UNSETTLED.values(), ids=UNSETTLED)
def test_a_stage_that_did_not_come_to_rest(lines: list[str], name: str, verdict: Verdict) -> None:
    given = TASKS | FENCE | {"recovered": {"within": "5s"}, "drained": {"queue": "tasks.v2"}}
    judgement = judge(history(*lines, *RESTLESS, invariants={name: given[name]}))
    assert (judgement.preconditions, judgement[name].verdict) == ((NOT_AT_REST,), verdict)


def test_a_stage_that_did_not_come_to_rest_is_one_reason() -> None:
    assert judge(history(*DONE, *RESTLESS)).sentence == f"Inconclusive: {NOT_AT_REST}."


def test_a_stage_that_did_not_come_to_rest_is_told_with_what_still_moved() -> None:
    run = history(*DONE, *RESTLESS)
    lines = (run / "timeline.jsonl").read_text()
    (run / "timeline.jsonl").write_text(lines.replace('"timeout"', '"timeout","detail":"workers.beat.1 published to celery every 2 s"'))
    judgement = judge(run)
    assert judgement.sentence == f"Inconclusive: {NOT_AT_REST}: workers.beat.1 published to celery every 2 s."
    assert "every 2 s" in judgement["no_lost_tasks"].reason


def test_a_playbook_that_failed_leaves_the_rest_held_where_it_is_judged_itself() -> None:
    run = history(
        *DONE, "phase playbook begin", "phase playbook end exit 1", sections=PLAYBOOK, invariants=TASKS | {"playbook_succeeded": None}
    )
    judgement = judge(run)
    assert (judgement.preconditions, judgement["playbook_succeeded"].verdict, judgement["no_lost_tasks"].verdict) == ((), BROKEN, HELD)


def test_a_queue_that_was_looked_into_too_early_is_not_known_to_be_drained() -> None:
    run = history(*DONE, "leftover b ready in tasks.v2", "incomplete leftovers", invariants={"drained": {"queue": "tasks.v2"}})
    assert judge(run)["drained"].verdict == INCONCLUSIVE


def test_collecting_that_was_not_seen_to_end_leaves_effects_and_leftovers_incomplete() -> None:
    begun = history(*LOST, "phase collect begin")
    ended = history(*LOST, "phase collect begin", "phase collect end")
    assert [judge(run)["no_lost_tasks"].verdict for run in (begun, ended)] == [INCONCLUSIVE, BROKEN]


def test_a_drill_without_its_timeline_is_inconclusive() -> None:
    judgement = judge(history(*LOST, sections=LOAD))
    assert (judgement.verdict, judgement["no_lost_tasks"].verdict) == (INCONCLUSIVE, INCONCLUSIVE)


def test_inconclusive_says_what_is_missing() -> None:
    result = judge(history(*DONE, without=["leftovers"]))["no_lost_tasks"]
    assert (result.reason, result.count, result.findings) == ("there is no leftovers.jsonl", 0, ())
