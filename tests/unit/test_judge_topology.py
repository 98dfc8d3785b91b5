"""Whether the broker is as it was: what differs between two moments, and what may."""

from __future__ import annotations

from typing import Any

import pytest
from histories import SECOND, START, history, run_directory

from drillbook.api import judge
from drillbook.evidence import Counter
from drillbook.evidence.kinds.topology import Topology
from drillbook.judge.verdict import Result, Verdict

ALL = [
    "queue tasks.v1 type quorum",
    "queue tasks.v1 arguments.x-delivery-limit 5",
    "exchange tasks type direct",
    "binding tasks_->_queue_tasks.v1 there true",
    "policy limits definition.max-length 100",
    "consumer tasks.v1 workers.v1 2",
]


def restored(before: list[str], after: list[str], counters: list[Counter] = [], **parameters: Any) -> Result:  # noqa: B006
    """Each line: kind, name, field, value; an underscore in a name stands for a space."""
    records = [_line("before", START, text) for text in before] + [_line("after", START + 60 * SECOND, text) for text in after]
    made = run_directory(
        {"topology": records, "counters": counters},
        {"title": "t", "invariants": {"topology_restored": parameters or None}},
    )
    return judge(made)["topology_restored"]


def _line(moment: Any, at: int, text: str) -> Topology:
    kind, name, field, value = text.split()
    return Topology(at, moment, kind, name.replace("_", " "), field, value)  # type: ignore[arg-type]


def whys(result: Result) -> list[str]:
    return [finding.why for finding in result.findings]


def without(text: str) -> list[str]:
    return [line for line in ALL if not line.startswith(text)]


def with_changed(old: str, new: str) -> list[str]:
    assert old in ALL
    return [new if line == old else line for line in ALL]


CHANGES = {
    "a queue that is gone": (without("queue"), "The queue tasks.v1 is gone."),
    "a queue that was left behind": ([*ALL, "queue tasks.v2 type quorum"], "The queue tasks.v2 was not there before."),
    "an argument": (
        with_changed("queue tasks.v1 arguments.x-delivery-limit 5", "queue tasks.v1 arguments.x-delivery-limit 20"),
        "The queue tasks.v1: arguments.x-delivery-limit was 5, and is 20.",
    ),
    "an argument that is not set any more": (
        without("queue tasks.v1 arguments"),
        "The queue tasks.v1: arguments.x-delivery-limit was 5, and is not set.",
    ),
    "a binding that is gone": (without("binding"), "The binding tasks -> queue tasks.v1 is gone."),
    "a policy's definition": (
        with_changed("policy limits definition.max-length 100", "policy limits definition.max-length 9"),
        "The policy limits: definition.max-length was 100, and is 9.",
    ),
    "a policy that was left behind": ([*ALL, "policy drain pattern x"], "The policy drain was not there before."),
    "a version that consumes no longer": (
        without("consumer"),
        "workers.v1 no longer consumes from tasks.v1: 2 consumers before, none after.",
    ),
    "a version that still consumes": (
        [*ALL, "consumer tasks.v1 workers.v2 1"],
        "workers.v2 still consumes from tasks.v1: none before, 1 after.",
    ),
}


@pytest.mark.parametrize(("after", "why"), CHANGES.values(), ids=CHANGES)
def test_what_differs_is_told_with_what_it_was_and_is(after: list[str], why: str) -> None:
    result = restored(ALL, after)
    assert (result.verdict, whys(result)) == (Verdict.BROKEN, [why])


def test_a_stage_that_is_as_before_is_restored() -> None:
    assert restored(ALL, ALL).verdict is Verdict.HELD


def test_a_version_of_which_a_worker_is_missing_still_consumes() -> None:
    assert restored(ALL, with_changed("consumer tasks.v1 workers.v1 2", "consumer tasks.v1 workers.v1 1")).verdict is Verdict.HELD


def test_the_number_of_consumers_matters_where_the_scenario_says_so() -> None:
    fewer = with_changed("consumer tasks.v1 workers.v1 2", "consumer tasks.v1 workers.v1 1")
    assert whys(restored(ALL, fewer, consumers="count")) == [
        "workers.v1 has not as many consumers on tasks.v1: 2 consumers before, 1 after."
    ]


def test_consumers_may_be_left_out() -> None:
    assert restored(ALL, without("consumer"), consumers="ignore").verdict is Verdict.HELD


def test_what_may_differ_may_with_its_bindings_and_consumers() -> None:
    more = [
        *("queue parked type quorum", 'binding tasks_->_queue_parked_with_"x" there true', "consumer parked workers.v1 1"),
        "binding parked_->_exchange_more there true",
    ]
    assert restored(ALL, [*ALL, *more], allow=["parked"]).verdict is Verdict.HELD


def test_what_may_differ_does_not_excuse_what_begins_like_it() -> None:
    assert whys(restored(ALL, [*ALL, "queue parked.too type quorum"], allow=["parked"])) == ["The queue parked.too was not there before."]


@pytest.mark.parametrize("allow", ["celeryev.*", "*.pidbox", "*", "a%b.pid*"])
def test_what_may_differ_can_be_named_by_a_part_of_it(allow: str) -> None:
    names = {"celeryev.*": "celeryev.05363c77", "*.pidbox": "v1@host.pidbox", "*": "anything", "a%b.pid*": "a%b.pidbox"}
    more = [
        f"queue {names[allow]} type classic",
        f"binding tasks_->_queue_{names[allow]} there true",
        f"consumer {names[allow]} workers.v1 1",
    ]
    assert restored(ALL, [*ALL, *more], allow=[allow]).verdict is Verdict.HELD


@pytest.mark.parametrize(("allow", "name"), [("a_c*", "abcd"), ("a%*", "abcd"), ("*.pidbox", "pidbox"), ("a*", "ba")])
def test_only_the_star_stands_for_anything(allow: str, name: str) -> None:
    assert whys(restored(ALL, [*ALL, f"queue {name} type quorum"], allow=[allow])) == [f"The queue {name} was not there before."]


def counted(edge: Any, exists: bool, consumers: int | None, seconds: int) -> Counter:
    return Counter(START + seconds * SECOND, "tasks.v1", exists, 0 if exists else None, consumers, "tidy up", edge)


def test_a_queue_that_is_gone_is_blamed_on_the_step_that_deleted_it() -> None:
    counters = [counted("start", True, 2, 10), counted("end", False, None, 11)]
    assert [finding.step for finding in restored(ALL, without("queue"), counters).findings] == ["tidy up"]


def test_a_version_that_consumes_no_longer_is_blamed_on_the_step_that_took_the_last_consumer() -> None:
    counters = [counted("start", True, 2, 10), counted("end", True, 0, 11)]
    assert [finding.step for finding in restored(ALL, without("consumer"), counters).findings] == ["tidy up"]


def test_a_drill_that_ended_before_settling_is_inconclusive() -> None:
    result = restored(ALL, [])
    assert (result.verdict, result.reason) == (Verdict.INCONCLUSIVE, "what is on the broker was not read after settling")


def test_a_broker_that_did_not_answer_afterwards_is_inconclusive() -> None:
    made = history("publish a ok", "incomplete topology", invariants={"topology_restored": None}, empty=("topology",))
    assert judge(made)["topology_restored"].verdict is Verdict.INCONCLUSIVE
