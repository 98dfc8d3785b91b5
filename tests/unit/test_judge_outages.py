"""Publishes that nobody answered: what of it is the drill's or the playbook's own, and when nothing was there for the playbook to meet."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from histories import START, history, run_directory
from history_lines import SECOND

from drillbook.api import judge
from drillbook.evidence import Effect, Event, Published, Wire
from drillbook.judge.verdict import Verdict

SECTIONS: dict[str, Any] = {
    "load": {"rate": "10/s", "duration": "10s"},
    "playbook": {"run": "./rollback.sh", "start": {"at": "10s"}},
}
RESTART = {"faults": [{"name": "gone", "restart": {"target": "broker"}, "at": "5s"}]}
SLOW = {"faults": [{"name": "gone", "cut": {"link": "load -> broker"}, "at": "5s"}]}


def at(seconds: float) -> int:
    return START + round(seconds * SECOND)


def published(task: int, due: float, answered: float | None, outcome: str = "ok") -> Published:
    """One publish: when it was due and when it was answered; None: never."""
    resolved = at(due + 10 if answered is None else answered)
    said = "unknown" if answered is None else outcome
    sent = None if outcome == "unsent" else at(due)
    return Published(f"t{task}", "charge", None, 1, "q", at(due), sent, resolved, "fail" if said == "unsent" else said)  # type: ignore[arg-type]


def steady(until: float, *silent: tuple[float, float], every: float = 0.1, begin: float = 0.0, lost: str = "") -> list[Published]:
    """A publish at every step of time, answered at once; of those that are due in a silence none, or as ``lost`` says."""
    rows = []
    for number in range(round((until - begin) / every)):
        due = begin + number * every
        quiet = any(first <= due < last for first, last in silent)
        answered = None if quiet and not lost else due + 0.01
        rows.append(published(round(due * 1000), due, answered, lost if quiet and lost else "ok"))
    return rows


def event(when: float, kind: str, name: str, state: str, **more: Any) -> Event:
    return Event(at(when), kind, name, state, **more)  # type: ignore[arg-type]


def reasons(
    ledger: Sequence[Published],
    playbook: tuple[float, float],
    *more: Event | Wire,
    load_until: float | None = None,
    sections: dict[str, Any] | None = None,
    plan: dict[str, Any] | None = None,
) -> tuple[str, ...]:
    """The preconditions of a run in which the playbook ran at that time."""
    begin, end = playbook
    timeline = [
        event(0, "phase", "load", "begin"),
        event(begin, "phase", "playbook", "begin"),
        event(end, "phase", "playbook", "end", exit_code=0),
        event(max(end, 60) if load_until is None else load_until, "phase", "load", "end"),
        *[one for one in more if isinstance(one, Event)],
    ]
    records = {
        "published": list(ledger),
        "effects": [Effect(row.task, row.task, "v1", "workers.v1.1", row.resolved_at) for row in ledger],
        "leftovers": [],
        "timeline": sorted(timeline, key=lambda one: one.at),
        "wire": [one for one in more if isinstance(one, Wire)],
    }
    scenario = {"title": "x"} | SECTIONS | (sections or {}) | {"invariants": {"no_duplicate_effects": None}}
    run = run_directory(records, scenario)
    if plan is not None:
        (run / "plan.json").write_text(json.dumps(plan))
    judgement = judge(run)
    assert judgement.verdict == (Verdict.INCONCLUSIVE if judgement.preconditions else Verdict.HELD)
    return judgement.preconditions


def silent(lost: float, whole: float) -> tuple[str, ...]:
    return (f"publishes were due and none was confirmed for {lost:.1f} s of the playbook's {whole:.1f} s",)


PLAIN: dict[str, tuple[list[Published], tuple[float, float], tuple[str, ...]]] = {
    "every publish answered": (steady(30), (10, 20), ()),
    "silent for most of it": (steady(30, (12, 19)), (10, 20), silent(7.0, 10)),
    "silent for less than half of it": (steady(30, (12, 16.5)), (10, 20), ()),
    "silent twice, together for most of it": (steady(40, (10, 13), (15, 18)), (10, 20), silent(6.0, 10)),
    "silent before it and after it": (steady(40, (5, 10), (20, 25)), (10, 20), ()),
    "a short one in the middle of a silence": (steady(40, (5, 12)), (8, 8.2), silent(0.2, 0.2)),
    "a short one, and a confirm that took its time": (steady(30, (8, 8.5)), (8.1, 8.3), ()),
    "publishes refused from a moment of the playbook on": (steady(30, (12, 20), lost="fail"), (10, 20), ()),
    "publishes refused since before the playbook": (steady(30, (8, 20), lost="fail"), (10, 20), silent(10.0, 10)),
    "publishes that could not be sent": (steady(30, (10, 20), lost="unsent"), (10, 20), silent(10.0, 10)),
    "one publish in three seconds": (steady(40, every=3.0), (10, 20), ()),
    "nothing due for most of it": ([*steady(10.5), *steady(20, begin=19.5)], (10, 20), ()),
    "never answered any more": (steady(25, (10, 25), begin=-10), (10, 20), silent(10.0, 10)),
    "slow to answer, with few of them": ([published(n, 3.0 * n, 3.0 * n + 0.9) for n in range(12)], (10, 20), ()),
}


@pytest.mark.parametrize(("ledger", "playbook", "said"), PLAIN.values(), ids=PLAIN)
def test_publishes_must_be_answered_for_half_of_the_playbook(
    ledger: list[Published], playbook: tuple[float, float], said: tuple[str, ...]
) -> None:
    assert reasons(ledger, playbook) == said


def test_a_load_that_had_ended_counts() -> None:
    assert reasons(steady(12), (10, 20), load_until=12) == ("the load had ended for 8.0 s of the playbook's 10.0 s",)
    assert reasons(steady(16), (10, 20), load_until=16) == ()


def test_a_load_that_ended_at_its_most_says_so() -> None:
    sections = {"load": {"rate": "10/s", "duration": "5s", "most": "6s"}, "playbook": {"run": "./rollback.sh", "start": {"at": "10s"}}}
    said = reasons(steady(12), (10, 20), load_until=12, sections=sections)
    assert said == ("the load had ended (load.most is 6 s) for 8.0 s of the playbook's 10.0 s",)


def test_a_load_that_ended_in_silence_says_both() -> None:
    assert reasons(steady(15, (11, 15)), (10, 20), load_until=15) == (
        "the load had ended, or publishes were due and none was confirmed, for 9.0 s of the playbook's 10.0 s",
    )


def test_the_drill_s_own_outage_is_left_out() -> None:
    gone = [
        event(when, "fault", "gone", state, target="broker")
        for when, state in ((10, "begin"), (11, "took_effect"), (18, "end"), (18, "cleared"))
    ]
    ledger = steady(40, (10, 19))
    assert reasons(ledger, (10, 20), *gone, sections=RESTART) == ()
    cut = [event(one.at / 1e9 - START / 1e9, "fault", "gone", one.state, target="load -> broker") for one in gone]
    met = Wire(1, at(1), "open", "load -> broker", "load", connection=1)
    ends = [met, Wire(2, at(60), "end")]
    assert reasons(ledger, (10, 20), *cut, *ends, sections=SLOW) == ()


def test_a_silence_long_after_an_outage_is_not_the_outage_s() -> None:
    gone = [
        event(when, "fault", "gone", state, target="broker")
        for when, state in ((5, "begin"), (6, "took_effect"), (8, "end"), (8, "cleared"))
    ]
    assert reasons(steady(80, (5, 60), begin=-70), (20, 50), *gone, sections=RESTART) == silent(30.0, 30)


def test_what_the_playbook_does_to_publishers_is_left_out() -> None:
    ledger = steady(40, (10, 19))
    stopped = [event(10, "container", "broker", "stopped"), event(17, "container", "broker", "started")]
    assert reasons(ledger, (10, 20), *stopped) == ()
    blocked = [Wire(1, at(10), "blocked", "load -> broker", "load", connection=1), Wire(2, at(18), "unblocked", connection=1, peer="load")]
    assert reasons(ledger, (10, 20), *blocked) == ()
    refused = [Wire(n, at(10 + n), "refused", "load -> broker", "load", connection=n) for n in range(9)]
    assert reasons(ledger, (10, 20), *refused) == ()
    closed = Wire(1, at(10), "close", "load -> broker", "load", connection=1, reason="320 CONNECTION_FORCED (broker)")
    assert reasons(ledger, (10, 20), closed) == ()


def test_publishers_that_leave_by_themselves_are_not_the_playbook_s_doing() -> None:
    closed = Wire(1, at(10), "close", "load -> broker", "load", connection=1, reason="connection lost (client)")
    assert reasons(steady(40, (10, 19)), (10, 20), closed) == silent(9.0, 10)


FEW = "were confirmed, so the drill hardly touched the playbook"


def test_tasks_that_the_plan_has_and_the_ledger_has_not_count() -> None:
    assert reasons(steady(20), (10, 20), plan={"tasks": 400}) == ()
    assert reasons(steady(20), (10, 20), plan={"tasks": 500}) == (f"only 200 of 500 tasks {FEW}",)


def test_tasks_of_the_broker_s_own_outage_count_on_neither_side() -> None:
    gone = [
        event(when, "fault", "gone", state, target="broker")
        for when, state in ((5, "begin"), (6, "took_effect"), (28, "end"), (28, "cleared"))
    ]
    ledger = steady(30, (5, 28))
    assert reasons(ledger, (1, 4), *gone, sections=RESTART, plan={"tasks": 300}) == ()
    assert reasons(ledger, (1, 4), *gone, sections=RESTART, plan={"tasks": 500}) == (
        f"only 69 of 269 tasks that were due while the broker could be reached {FEW}",
    )


def test_tasks_of_an_outage_that_the_playbook_made_count_on_neither_side() -> None:
    stopped = [event(6, "container", "broker", "stopped"), event(28, "container", "broker", "started")]
    ledger = steady(30, (6, 28))
    assert reasons(ledger, (5, 29), *stopped, plan={"tasks": 300}) == ()
    assert reasons(ledger, (5, 29), *stopped, plan={"tasks": 500}) == (
        f"only 79 of 279 tasks that were due while the broker could be reached {FEW}",
    )
    assert reasons(ledger, (1, 4), *stopped, plan={"tasks": 300}) == (f"only 80 of 300 tasks {FEW}",)


def test_tasks_that_were_refused_as_the_playbook_had_taken_their_queue_away_count_on_neither_side() -> None:
    assert reasons(steady(30, (6, 28), lost="fail"), (5, 29), plan={"tasks": 300}) == ()


def test_a_silence_that_began_before_the_playbook_is_not_its_own_where_it_ends_in_a_refusal() -> None:
    refused = [published(round(due * 10), due, due + 0.01, "fail") for due in (18.5, 19.0, 19.5)]
    ledger = [row for row in steady(60, (5, 20)) if row.task not in {one.task for one in refused}]
    assert reasons([*ledger, *refused], (10, 20)) == silent(8.5, 10)


def test_tasks_that_a_cut_of_the_load_s_own_link_kept_away_count_on_neither_side() -> None:
    cut = [
        event(when, "fault", "gone", state, target="load -> broker")
        for when, state in ((5, "begin"), (6, "took_effect"), (28, "end"), (28, "cleared"))
    ]
    wire = [Wire(1, at(1), "open", "load -> broker", "load", connection=1), Wire(2, at(60), "end")]
    assert reasons(steady(30, (5, 28)), (1, 4), *cut, *wire, sections=SLOW, plan={"tasks": 300}) == ()


def test_the_equation_counts_all_that_were_due() -> None:
    run = history("publish a ok", "effect a", "publish b ok", "effect b", plan={"tasks": 1})
    equation = judge(run).equation
    assert equation is not None
    assert (equation.planned, equation.ok) == (2, 2)
