"""A starved machine as a cause: what came too late only because nothing had a processor is inconclusive; what never came stays broken."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from histories import history

from drillbook.api import judge
from drillbook.judge import machine
from drillbook.judge.verdict import Verdict

HELD, BROKEN, INCONCLUSIVE = Verdict.HELD, Verdict.BROKEN, Verdict.INCONCLUSIVE
BUSY, QUIET = ["machine 90 % busy", "machine 76 % busy"] * 5, ["machine 60 % busy"] * 10
STARVED = "the machine was starved (something waited for a processor 83 % of the time)"
RECOVERED: dict[str, Any] = {"recovered": {"within": "5s"}}
UNHARMED: dict[str, Any] = {"unharmed": {"types": ["charge"], "within": "5s"}}
LATE = {
    "recovered": (RECOVERED, f"a was done 11.0 s after its confirm, 5.0 s are allowed: {STARVED}"),
    "unharmed": (UNHARMED, f"a was done 11.0 s after it was meant to be sent, 5.0 s are allowed: {STARVED}"),
}


@pytest.mark.parametrize(("invariants", "reason"), LATE.values(), ids=LATE)
def test_late_on_a_starved_machine_is_inconclusive_and_names_it(invariants: dict[str, Any], reason: str) -> None:
    judgement = judge(history("publish a ok", *BUSY, "effect a", invariants=invariants))
    (result,) = judgement.results
    assert (result.verdict, result.reason) == (INCONCLUSIVE, reason)
    assert judgement.sentence == f"Inconclusive: {reason}."


FENCED: dict[str, Any] = {"publish_fence": {"after": {"step": "stop v2"}, "grace": "5s"}}
STOPPED = ["publish a ok", "effect a", "step stop v2 begin", "step stop v2 end"]


def test_published_after_the_grace_on_a_starved_machine_is_inconclusive_and_names_it() -> None:
    (result,) = judge(history(*STOPPED, *BUSY, "publish b ok", "effect b", invariants=FENCED)).results
    said = f"b was published 11.0 s after the step had ended, 5.0 s are allowed: {STARVED}"
    assert (result.verdict, result.reason) == (INCONCLUSIVE, said)


@pytest.mark.parametrize(("load", "grace"), [(QUIET, "5s"), (BUSY, "0s")], ids=["it had time", "none was allowed"])
def test_published_after_the_step_is_broken(load: list[str], grace: str) -> None:
    fenced = {"publish_fence": FENCED["publish_fence"] | {"grace": grace}}
    assert judge(history(*STOPPED, *load, "publish b ok", "effect b", invariants=fenced)).verdict == BROKEN


OWN = (Path(__file__).parents[2] / "scenarios" / "event_sourcing_replay" / "undisturbed.sql").read_text()


@pytest.mark.parametrize(("load", "verdict"), [(BUSY, INCONCLUSIVE), (QUIET, BROKEN), ([], HELD)], ids=["starved", "late", "in time"])
def test_a_shipped_drills_own_limit_names_the_machine_too(load: list[str], verdict: Verdict) -> None:
    lines = ["publish a ok", *load, "effect a in notify"]
    undisturbed = {"undisturbed": {"source": "notify", "within": "5s"}}
    sources = {"effects": {"sources": {"notify": {"query": "select 1"}}}}
    judged = judge(history(*lines, invariants=undisturbed, sections=sources, sql={"undisturbed": OWN}))
    assert judged.verdict == verdict
    assert (STARVED in judged.sentence) == (verdict is INCONCLUSIVE)


@pytest.mark.parametrize("invariants", [RECOVERED, UNHARMED], ids=["recovered", "unharmed"])
@pytest.mark.parametrize(
    "lines",
    [
        ["publish a ok", *QUIET, "effect a"],
        ["publish a ok", "wait 10", "effect a"],
        ["publish a ok", *BUSY],
        [*BUSY, "publish a ok", *QUIET, "effect a"],
        ["publish a ok", *QUIET, "effect a", *BUSY],
        ["publish a ok", *QUIET, "effect a", "publish b ok", *BUSY, "effect b"],
    ],
    ids=["it had time", "nothing tells", "never done", "starved before", "starved afterwards", "one of two while it had time"],
)
def test_late_for_another_reason_is_broken(lines: list[str], invariants: dict[str, Any]) -> None:
    (result,) = judge(history(*lines, invariants=invariants)).results
    assert (result.verdict, result.count) == (BROKEN, 1)


def test_in_time_on_a_starved_machine_is_held() -> None:
    assert judge(history("publish a ok", "effect a", *BUSY, invariants=RECOVERED)).verdict == HELD


def test_a_worker_that_stood_still_on_a_starved_machine_is_inconclusive() -> None:
    stuck: dict[str, Any] = {"no_stuck_tasks": {"within": "5s"}}
    lines = ["publish a ok", "deliver a to v1 from q"]
    end = ["effect a", "ack a by v1"]
    assert judge(history(*lines, *BUSY, *end, invariants=stuck, empty=["counters"])).verdict == INCONCLUSIVE
    assert judge(history(*lines, *QUIET, *end, invariants=stuck, empty=["counters"])).verdict == BROKEN
    assert STARVED.split(" (")[0] in judge(history(*lines, *BUSY, *end, invariants=stuck, empty=["counters"])).sentence


PLAYBOOK = {"playbook": {"run": "./rollback.sh", "start": {"at": "1s"}}}
TIMEOUTS = {
    "settling": (["phase settle begin", *BUSY, "phase settle timeout"], {}, "the stage did not come to rest"),
    "the playbook": (["phase playbook begin", *BUSY, "phase playbook timeout"], PLAYBOOK, "the playbook was still running at its timeout"),
}


@pytest.mark.parametrize(("lines", "sections", "begins"), TIMEOUTS.values(), ids=TIMEOUTS)
def test_a_time_that_ran_out_on_a_starved_machine_names_it_once(lines: list[str], sections: dict[str, Any], begins: str) -> None:
    judgement = judge(history("publish a ok", "effect a", *lines, sections=sections, invariants={"no_lost_tasks": None}))
    (reason,) = judgement.preconditions
    assert reason.startswith(begins)
    assert reason.endswith(f", while {STARVED}")
    assert judgement.sentence == f"Inconclusive: {reason}."


HAD_TIME = {"it was not busy": QUIET, "nothing tells": ["wait 10"], "just below the bound": ["machine 79 % busy"] * 10}


@pytest.mark.parametrize("load", HAD_TIME.values(), ids=HAD_TIME)
def test_a_time_that_ran_out_on_a_machine_that_had_time_does_not_name_it(load: list[str]) -> None:
    lines = ["publish a ok", "effect a", "phase settle begin", *load, "phase settle timeout"]
    (reason,) = judge(history(*lines, invariants={"no_lost_tasks": None})).preconditions
    assert reason.startswith("the stage did not come to rest")
    assert "starved" not in reason


def test_a_machine_is_starved_from_the_bound_on() -> None:
    lines = ["publish a ok", "effect a", "phase settle begin", "machine 80 % busy", "phase settle timeout"]
    (reason,) = judge(history(*lines, invariants={"no_lost_tasks": None})).preconditions
    assert reason.endswith("the machine was starved (something waited for a processor 80 % of the time)")


def test_the_judge_and_its_sql_have_one_bound() -> None:
    sql = (Path(machine.__file__).parent / "views" / "machine.sql").read_text()
    assert re.findall(r">= (0\.\d+)", sql) == [str(machine.STARVED)]
