"""Effects that are read from several sources: what is done, done twice, and only half done."""

from __future__ import annotations

from typing import Any

import pytest
from histories import TASKS, history

from drillbook.api import judge
from drillbook.judge.verdict import Judgement, Verdict

HELD, BROKEN, INCONCLUSIVE = Verdict.HELD, Verdict.BROKEN, Verdict.INCONCLUSIVE
ROWS = {"query": "select * from rows"}
BOTH: dict[str, Any] = {"rows": ROWS, "calls": {"http": True}}
NOT_ALL: dict[str, Any] = {"rows": ROWS, "calls": {"http": True, "types": ["transfer"]}}
NOWHERE: dict[str, Any] = {"rows": ROWS | {"types": ["transfer"]}, "calls": {"http": True, "types": ["transfer"]}}
DONE = ["effect a in rows", "effect a in calls"]


def judged(*lines: str, sources: dict[str, Any] = BOTH, invariants: dict[str, Any] = TASKS) -> Judgement:
    return judge(history("publish a ok", *lines, sections={"effects": {"sources": sources}}, invariants=invariants))


LOST = {
    "an effect in each": (DONE, BOTH, HELD),
    "an effect in one of two": (["effect a in rows"], BOTH, BROKEN),
    "an effect in the other": (["effect a in calls"], BOTH, BROKEN),
    "an effect in neither": ([], BOTH, BROKEN),
    "two effects in one, none in the other": (["effect a in rows", "effect a in rows"], BOTH, BROKEN),
    "an effect in the only one that takes its type": (["effect a in rows"], NOT_ALL, HELD),
    "an effect only where its type has none": (["effect a in calls"], NOT_ALL, BROKEN),
    "an effect in a source that nobody declared": (["effect a in rows", "effect a in elsewhere"], BOTH, BROKEN),
    "an effect of which nobody says where": (["effect a in rows", "effect a"], BOTH, BROKEN),
    "a call whose key another task had used": (
        ["publish b ok", "effect b key x in calls", "effect b in rows", "effect a in rows", "effect a key x in calls"],
        BOTH,
        BROKEN,
    ),
}


@pytest.mark.parametrize(("lines", "sources", "verdict"), LOST.values(), ids=LOST)
def test_a_task_is_done_when_it_left_an_effect_in_each_source_of_its_type(
    lines: list[str], sources: dict[str, Any], verdict: Verdict
) -> None:
    result = judged(*lines, sources=sources)["no_lost_tasks"]
    assert (result.verdict, [finding.task for finding in result.findings]) == (verdict, [] if verdict is HELD else ["a"])


DOUBLED = {
    "once in each": (DONE, "task", HELD),
    "twice in rows": ([*DONE, "effect a in rows"], "task", BROKEN),
    "called again with the same key": ([*DONE, "effect a in calls"], "task", HELD),
    "called again with another key": ([*DONE, "effect a key a/2 in calls"], "task", BROKEN),
    "called twice without a key": (["effect a in rows", "effect a key none in calls", "effect a key none in calls"], "task", BROKEN),
    "called again with another key where keys count": ([*DONE, "effect a key a/2 in calls"], "key", HELD),
    "called twice without a key where keys count": (
        ["effect a in rows", "effect a key none in calls", "effect a key none in calls"],
        "key",
        BROKEN,
    ),
    "one key in rows and in calls where keys count": (DONE, "key", HELD),
    "one key twice in rows where keys count": ([*DONE, "effect a in rows"], "key", BROKEN),
    "twice where its type has no effect": (["effect a in rows", "effect a key x in calls", "effect a key y in calls"], "task", BROKEN),
}


@pytest.mark.parametrize(("lines", "by", "verdict"), DOUBLED.values(), ids=DOUBLED)
def test_a_task_is_done_twice_when_it_left_two_effects_in_one_source(lines: list[str], by: str, verdict: Verdict) -> None:
    assert judged(*lines, invariants={"no_duplicate_effects": {"by": by}})["no_duplicate_effects"].verdict == verdict


def test_a_task_done_twice_in_two_sources_is_one_task() -> None:
    result = judged(*DONE, "effect a by v2 in rows", "effect a by v2 key x in calls")["no_duplicate_effects"]
    assert [finding.why for finding in result.findings] == ["Done 2 times in rows: by workers.v1.1 (v1), then by workers.v2.1 (v2)."]


def test_a_lost_task_names_the_source_it_is_missing_from() -> None:
    whys = {
        "rows": judged("effect a in calls"),
        "calls": judged("effect a in rows"),
        "calls or rows": judged(),
    }
    for missing, judgement in whys.items():
        assert judgement["no_lost_tasks"].findings[0].why == f"It was confirmed, but left no effect in {missing} and remains nowhere."


def test_a_task_at_rest_names_the_source_it_is_missing_from() -> None:
    found = judged("effect a in rows", "leftover a dead in d")["no_lost_tasks"].findings
    assert found[0].why == "It is dead-lettered in d, and left no effect in calls."


def test_an_acknowledged_task_names_the_source_it_is_missing_from() -> None:
    found = judged("deliver a to v1 from q", "effect a in rows", "ack a by v1")["no_lost_tasks"].findings
    assert found[0].why == "workers.v1.1 acknowledged it, but it left no effect in calls and remains nowhere."


RECOVERED = {
    "both in time": (DONE, HELD),
    "the second late": (["effect a in rows", "wait 20", "effect a in calls"], BROKEN),
    "the second never": (["effect a in rows"], BROKEN),
    "late again where it was done in time": ([*DONE, "wait 20", "effect a in calls"], HELD),
}


@pytest.mark.parametrize(("lines", "verdict"), RECOVERED.values(), ids=RECOVERED)
def test_a_task_has_recovered_when_its_last_source_has_it(lines: list[str], verdict: Verdict) -> None:
    assert judged(*lines, invariants={"recovered": {"within": "10s"}})["recovered"].verdict == verdict


def test_the_equation_counts_what_is_done_in_each_source() -> None:
    equation = judged("publish b ok", *DONE, "effect a in rows", "effect a key x in calls", "effect b in rows").equation
    assert equation is not None
    assert (equation.ok, equation.done, equation.missing, equation.doubled) == (2, 1, 1, 1)


def test_a_type_that_no_source_takes_proves_nothing() -> None:
    judgement = judged("effect a in rows", sources=NOWHERE)
    assert judgement.preconditions == ("no source of effects takes the task type charge, so nothing tells whether such a task was done",)
    assert judgement.verdict == INCONCLUSIVE


def test_a_story_tells_where_it_was_done_and_what_was_only_repeated() -> None:
    lines = ["publish b ok", *DONE, "effect a by v2 in calls", "effect a in rows", "effect b in rows", "effect b key a in calls"]
    told = {finding.task: finding.story for result in judged(*lines).results for finding in result.findings}
    assert [moment.what for moment in told["a"]][2:] == [
        "done by workers.v1.1 (v1), in rows",
        "done by workers.v1.1 (v1), in calls",
        "not done again by workers.v2.1: its call, in calls, had the key a that a call had used before",
        "done by workers.v1.1 (v1), in rows",
    ]
    assert "not done again by workers.v1.1: its call, in calls, had the key a that a had used before" in [
        moment.what for moment in told["b"]
    ]


def test_where_no_source_is_named_effects_count_whatever_their_source() -> None:
    judgement = judge(history("publish a ok", "effect a in rows", "effect a in calls"))
    assert judgement["no_lost_tasks"].verdict == HELD
    assert judgement["no_duplicate_effects"].findings[0].why.startswith("Done 2 times: by")
