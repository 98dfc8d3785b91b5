"""Faults that took effect, but elsewhere than the scenario says, or that were not seen to clear: a drill of something else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from histories import history

from drillbook.api import judge
from drillbook.judge.verdict import Verdict

DONE = ["publish a ok", "effect a"]
STAGE = {"broker": {"queues": {"q": {}}}, "database": {}, "workers": {"v1": {"image": "x"}, "v2": {"image": "x"}}}
CUT: dict[str, Any] = {"name": "link cut", "cut": {"link": "workers.v2 -> broker"}}
KILL: dict[str, Any] = {"name": "worker killed", "kill": {"target": "workers.v2"}}
BEGIN, TOOK_EFFECT, CLEARED = (f"fault link cut {state}" for state in ("begin", "took_effect", "cleared"))
STEP = ("step drain begin", "step drain end")
NEXT = ("step stop begin", "step stop end")


def pinned(trigger: str, *lines: str, planned: bool = True) -> Path:
    entry = CUT | {trigger: "1s" if trigger == "at" else {"step": "drain"}}
    plan = {"faults": [{"name": "link cut", "trigger": trigger, "moment": 1.0 if trigger == "at" else "drain"}]}
    return history(*DONE, *lines, CLEARED, sections={"faults": [entry]}, plan=plan if planned else None)


IN_PLACE = {
    "before": ("before", [BEGIN, TOOK_EFFECT, *STEP]),
    "before, begun while the step before ran": ("before", ["step route begin", BEGIN, "step route end", TOOK_EFFECT, *STEP]),
    "during": ("during", ["step drain begin", BEGIN, TOOK_EFFECT, "step drain end"]),
    "during a step that never ended": (
        "during",
        ["phase playbook begin", "step drain begin", BEGIN, TOOK_EFFECT, "phase playbook timeout"],
    ),
    "during the second time the step ran": ("during", [STEP[0], BEGIN, STEP[1], STEP[0], TOOK_EFFECT, STEP[1]]),
    "after": ("after", [*STEP, BEGIN, TOOK_EFFECT, *NEXT]),
    "after the last step": ("after", [*STEP, BEGIN, TOOK_EFFECT]),
    "at a time, whatever ran": ("at", [*STEP, BEGIN, TOOK_EFFECT]),
}
OUT_OF_PLACE = {
    "before: when the step had begun": (
        "before",
        [BEGIN, "step drain begin", TOOK_EFFECT, "step drain end"],
        'only after the step "drain" had begun',
    ),
    "before: between two runs of the step": ("before", [BEGIN, *STEP, TOOK_EFFECT, *STEP], 'only after the step "drain" had begun'),
    "before: and the step never ran": ("before", [BEGIN, TOOK_EFFECT], 'but the step "drain" never ran'),
    "during: too early": ("during", [BEGIN, TOOK_EFFECT, *STEP], 'before the step "drain" had begun'),
    "during: too late": ("during", ["step drain begin", BEGIN, "step drain end", TOOK_EFFECT], 'only after the step "drain" had ended'),
    "during: when the program had been killed": (
        "during",
        ["phase playbook begin", "step drain begin", BEGIN, "phase playbook timeout", TOOK_EFFECT],
        'only after the step "drain" had ended',
    ),
    "after: too early": ("after", ["step drain begin", BEGIN, TOOK_EFFECT, "step drain end", *NEXT], 'before the step "drain" had ended'),
    "after: when the next had begun": (
        "after",
        [*STEP, BEGIN, "step stop begin", TOOK_EFFECT, "step stop end"],
        'only after the step "stop" had begun',
    ),
    "after: when the next had ended": ("after", [*STEP, BEGIN, *NEXT, TOOK_EFFECT], 'only after the step "stop" had begun'),
}


@pytest.mark.parametrize(("trigger", "lines"), IN_PLACE.values(), ids=IN_PLACE)
def test_a_fault_took_effect_where_it_is_pinned(trigger: str, lines: list[str]) -> None:
    assert judge(pinned(trigger, *lines)).preconditions == ()


@pytest.mark.parametrize(("trigger", "lines", "where"), OUT_OF_PLACE.values(), ids=OUT_OF_PLACE)
def test_a_fault_took_effect_elsewhere(trigger: str, lines: list[str], where: str) -> None:
    judgement = judge(pinned(trigger, *lines))
    assert judgement.preconditions == (f'the fault "link cut" took effect{"," if where.startswith("but") else ""} {where}',)
    assert judgement.verdict == Verdict.INCONCLUSIVE


def test_without_a_plan_nobody_asks_where_a_fault_took_effect() -> None:
    assert judge(pinned("during", BEGIN, TOOK_EFFECT, *STEP, planned=False)).preconditions == ()


def test_a_step_of_the_deployment_is_not_the_playbook_s() -> None:
    run = pinned("during", "step drain begin", BEGIN, TOOK_EFFECT, "step drain end")
    timeline = run / "timeline.jsonl"
    timeline.write_text(timeline.read_text().replace('"name":"drain"', '"name":"drain","program":"deployment"'))
    assert judge(run).preconditions == ('the fault "link cut" took effect, but the step "drain" never ran',)


def test_a_fault_that_took_effect_on_one_of_its_victims_elsewhere() -> None:
    lines = [
        f"{BEGIN} on l1",
        f"{BEGIN} on l2",
        f"{TOOK_EFFECT} on l1",
        STEP[0],
        f"{TOOK_EFFECT} on l2",
        STEP[1],
        f"{CLEARED} on l1",
        f"{CLEARED} on l2",
    ]
    plan = {"faults": [{"name": "link cut", "trigger": "before", "moment": "drain"}]}
    run = history(*DONE, *lines, sections={"faults": [CUT | {"before": {"step": "drain"}}]}, plan=plan)
    assert judge(run).preconditions == ('the fault "link cut" took effect only after the step "drain" had begun',)


KILLED = [f"fault worker killed {state}" for state in ("begin", "took_effect")]
CLEARS = {
    "seen to clear": (CUT, [BEGIN, TOOK_EFFECT, "fault link cut end", CLEARED], True),
    "never ended": (CUT, [BEGIN, TOOK_EFFECT], False),
    "ended, and nobody saw it clear": (CUT, [BEGIN, TOOK_EFFECT, "fault link cut end"], False),
    "ended in vain": (CUT, [BEGIN, TOOK_EFFECT, "fault link cut end", "fault link cut not_cleared"], False),
    "cleared from one of two": (
        CUT,
        [f"{BEGIN} on l1", f"{TOOK_EFFECT} on l1", f"{BEGIN} on l2", f"{TOOK_EFFECT} on l2", f"{CLEARED} on l2"],
        False,
    ),
    "a kill, which stays": (KILL, KILLED, True),
    "a kill, which stays, ended in vain": (KILL, [*KILLED, "fault worker killed not_cleared"], False),
    "a kill for a time": (KILL | {"for": "5s"}, KILLED, False),
    "a kill for a time, and the container back": (KILL | {"for": "5s"}, [*KILLED, "fault worker killed cleared"], True),
}


@pytest.mark.parametrize(("entry", "lines", "cleared"), CLEARS.values(), ids=CLEARS)
def test_a_fault_must_be_seen_to_clear_unless_it_stays(entry: dict[str, Any], lines: list[str], cleared: bool) -> None:
    judgement = judge(history(*DONE, *lines, sections={"faults": [entry | {"at": "1s"}]}))
    assert judgement.preconditions == (() if cleared else (f'the fault "{entry["name"]}" was not seen to clear',))


def test_a_fault_that_was_not_seen_to_clear_is_one_reason() -> None:
    run = history(
        *DONE,
        BEGIN,
        TOOK_EFFECT,
        "fault link cut end",
        sections={"faults": [CUT | {"at": "1s"}]},
        invariants={"recovered": {"within": "9s"}},
    )
    assert judge(run).sentence == 'Inconclusive: the fault "link cut" was not seen to clear.'


LOST: dict[str, Any] = {"name": "lost", "drop": {"link": "workers.v2 -> broker"}, "on": {"wire": "ack", "nth": 3}}
LOST_TOOK_EFFECT = ["fault lost begin", "fault lost took_effect", "fault lost cleared"]
ARMED, DROPPED = "tap lost: armed", "tap lost: ack dropped by v2"


def with_fault(entry: dict[str, Any], *lines: str, plan: dict[str, Any] | None = None) -> tuple[str, ...]:
    return judge(history(*DONE, *lines, sections={"faults": [entry]}, plan=plan)).preconditions


def test_a_fault_at_a_message_is_proven_by_the_line_of_the_tap() -> None:
    assert with_fault(LOST, *LOST_TOOK_EFFECT, ARMED, DROPPED, "tap lost: disarmed") == ()


@pytest.mark.parametrize(
    "lines", [[], [ARMED], ["tap other: armed", "tap other: ack dropped"]], ids=["no wire", "nothing hit", "another's"]
)
def test_a_fault_at_a_message_that_the_wire_does_not_show_proves_nothing(lines: list[str]) -> None:
    assert with_fault(LOST, *LOST_TOOK_EFFECT, *lines) == ('the wire does not show the message that the fault "lost" came with',)


def test_a_fault_that_hit_fewer_messages_than_it_was_to_hit_proves_nothing() -> None:
    twice = LOST | {"on": {"wire": "ack", "count": 2}}
    assert with_fault(twice, *LOST_TOOK_EFFECT, ARMED, DROPPED, "tap lost: connection severed") == (
        'the fault "lost" hit only 1 of 2 messages',
    )
    assert with_fault(twice, *LOST_TOOK_EFFECT, ARMED, DROPPED, DROPPED) == ()


HELD_UP: dict[str, Any] = {
    "name": "killed",
    "kill": {"target": "workers", "pick": "one"},
    "on": {"wire": "ack", "link": "workers -> broker"},
}
KILLED_AT = ["fault killed armed on workers.v1.1, workers.v2.1", "tap killed: armed", "tap killed: ack held by v2"]


def test_the_one_whose_message_it_was_is_the_only_one_asked_for() -> None:
    hit = ["fault killed begin on workers.v2.1", "fault killed took_effect on workers.v2.1"]
    assert with_fault(HELD_UP, *KILLED_AT, *hit, "tap killed: ack dropped by v2") == ()


def test_an_acknowledgement_that_went_on_although_its_worker_was_to_die_with_it_proves_nothing() -> None:
    hit = ["fault killed begin on workers.v2.1", "fault killed took_effect on workers.v2.1"]
    assert with_fault(HELD_UP, *KILLED_AT, *hit, "tap killed: ack let go by v2") == (
        'the fault "killed" took effect, but the message that it came with went on',
    )


def test_the_message_of_another_may_go_on() -> None:
    hit = ["fault killed begin on workers.v1.1", "fault killed took_effect on workers.v1.1"]
    assert with_fault(HELD_UP, *KILLED_AT, *hit, "tap killed: ack let go by v2") == ()


NEVER = {
    "never began": ("fault lost skipped", 'the fault "lost" never began: 37 such messages passed'),
    "never took effect": ("fault lost no_effect", 'the fault "lost" never took effect: 37 such messages passed'),
}


@pytest.mark.parametrize(("line", "reason"), NEVER.values(), ids=NEVER)
def test_a_fault_whose_message_never_came_says_how_many_did(line: str, reason: str) -> None:
    begun = [] if "skipped" in line else ["fault lost begin"]
    run = history(*DONE, *begun, line, sections={"faults": [LOST]})
    timeline = run / "timeline.jsonl"
    state = f'"state":"{line.split()[-1]}"'
    timeline.write_text(timeline.read_text().replace(state, f'{state},"detail":"37 such messages passed"'))
    assert judge(run).preconditions == (reason,)


COUNTED = {
    "before, and the message came in the step": ("before", [ARMED, "step drain begin", DROPPED, "step drain end"], ""),
    "before, counted too late": ("before", ["step drain begin", ARMED, DROPPED, "step drain end"], 'only after the step "drain" had begun'),
    "after, and the message came in the next step": ("after", [*STEP, ARMED, "step stop begin", DROPPED, "step stop end"], ""),
    "after, counted too early": ("after", ["step drain begin", ARMED, "step drain end", DROPPED], 'before the step "drain" had ended'),
}


@pytest.mark.parametrize(("trigger", "lines", "where"), COUNTED.values(), ids=COUNTED)
def test_the_messages_of_a_fault_pinned_to_a_step_are_counted_from_there(trigger: str, lines: list[str], where: str) -> None:
    plan = {"faults": [{"name": "lost", "trigger": trigger, "moment": "drain"}]}
    said = with_fault(LOST | {trigger: {"step": "drain"}}, *lines, *LOST_TOOK_EFFECT, plan=plan)
    assert said == ((f'the messages for the fault "lost" were counted {where}',) if where else ())


SLOW: dict[str, Any] = {"name": "slow", "latency": {"link": "workers.v2.1 -> broker", "delay": "100ms"}}
CUT_OFF: dict[str, Any] = {"name": "slow", "cut": {"link": "workers.v2.1 -> broker"}}
STOOD = [f"fault slow {state} on workers.v2.1 -> broker" for state in ("begin", "took_effect", "end", "cleared")]
NOBODY = 'the fault "slow" met nobody: {} workers.v2.1 -> broker in the 3.0 s that it was in effect'
NOTHING, UNCONNECTED = NOBODY.format("nothing passed"), NOBODY.format("nobody was connected, or came to connect, over")
PASSED = ["open v2", "closed v2 by the broker"]
FOR_4_S = [*STOOD[:2], "deliver a to v1 from q", "ack a by v1", *STOOD[2:]]
UNCONNECTED_4_S = UNCONNECTED.replace("3.0", "4.0")
UNHEALED = 'the fault "slow" was not seen to clear'
MET = {
    "slow, and something passed": (SLOW, [*STOOD[:2], "deliver a to v2 from q", *STOOD[2:]], None),
    "slow, and its connection ended": (SLOW, ["open v2", *STOOD[:2], "close v2", *STOOD[2:]], None),
    "slow, and all was over before": (SLOW, [*PASSED, *STOOD], NOTHING.replace("3.0", "2.0")),
    "slow, and nothing passed on a connection that stood": (SLOW, ["open v2", *STOOD], NOTHING.replace("3.0", "2.0")),
    "slow, and another's passed": (SLOW, [*STOOD[:2], "deliver a to v1 from q", *STOOD[2:]], NOTHING),
    "slow, and only knocked at": (SLOW, [*STOOD[:2], "refused v2", *STOOD[2:]], NOTHING),
    "slow, and something passed only afterwards": (SLOW, [*STOOD, "deliver a to v2 from q"], NOTHING.replace("3.0", "2.0")),
    "cut, with a connection": (CUT_OFF, ["open v2", *STOOD], None),
    "cut, with a connection that had ended": (CUT_OFF, [*PASSED, *STOOD], UNCONNECTED.replace("3.0", "2.0")),
    "cut, and nobody there": (CUT_OFF, STOOD, UNCONNECTED.replace("3.0", "2.0")),
    "cut, and its worker came meanwhile": (CUT_OFF, [*STOOD[:2], "started v2", *STOOD[2:]], None),
    "cut, and another's worker came": (CUT_OFF, [*STOOD[:2], "started v1", *STOOD[2:]], UNCONNECTED),
    "cut, and its worker had come more often than that": (CUT_OFF, [*PASSED, *PASSED, *FOR_4_S], None),
    "cut, and its worker came more often than that afterwards": (CUT_OFF, [*PASSED, *FOR_4_S, *PASSED, *PASSED], None),
    "cut, and its worker came no more often than that": (
        CUT_OFF,
        [*PASSED, "ack a by v1", "ack a by v1", *PASSED, *FOR_4_S],
        UNCONNECTED_4_S,
    ),
    "cut, and its worker came and had ended": (CUT_OFF, [*PASSED, *PASSED, "stopped v2", *FOR_4_S], UNCONNECTED_4_S),
    "cut, and its worker came often only afterwards": (CUT_OFF, [*FOR_4_S, *PASSED, *PASSED], UNCONNECTED_4_S),
    "cut to the end, and its worker had come twice": (CUT_OFF, [*PASSED, *PASSED, *STOOD[:2]], UNHEALED),
}


@pytest.mark.parametrize(("entry", "lines", "reason"), MET.values(), ids=MET)
def test_a_fault_on_a_link_must_have_met_somebody(entry: dict[str, Any], lines: list[str], reason: str | None) -> None:
    run = history(*DONE, *lines, sections={"faults": [entry | {"at": "1s"}]}, empty=["wire"])
    assert judge(run).preconditions == ((reason,) if reason else ())


def test_a_fault_on_several_links_has_met_somebody_when_one_of_them_was_used() -> None:
    both = [line.replace("workers.v2.1 -> broker", "workers.v1.1 -> broker, workers.v2.1 -> broker") for line in STOOD]
    entry = SLOW | {"latency": {"link": "workers -> broker", "delay": "100ms"}, "at": "1s"}
    run = history(*DONE, *both[:2], "deliver a to v2 from q", *both[2:], sections={"faults": [entry]})
    assert judge(run).preconditions == ()


ELSEWHERE = 'the fault "slow" met nobody: workers.v2.1 had no {} in the {}.0 s that it was in effect'
HELD_ONE = ["deliver a to v2 from q", *STOOD, "ack a by v2"]
UNSEEN = {
    "cut, and its client connected": (CUT_OFF, ["open v2", *STOOD], None),
    "cut, and its client started meanwhile": (CUT_OFF, [*STOOD[:2], "started v2", *STOOD[2:]], None),
    "cut, and its client never there": (CUT_OFF, STOOD, ELSEWHERE.format("connection to the broker", 2)),
    "cut, and its client gone": (CUT_OFF, [*PASSED, *STOOD], ELSEWHERE.format("connection to the broker", 2)),
    "slow, and its client had a task in hand": (SLOW, HELD_ONE, None),
    "slow, and its client was given one": (SLOW, [*STOOD[:2], "deliver a to v2 from q", *STOOD[2:]], None),
    "slow, and its client published one": (SLOW, [*STOOD[:2], "send a to q by v2", *STOOD[2:]], None),
    "slow, and its client only connected": (SLOW, ["open v2", *STOOD], ELSEWHERE.format("task in hand", 2)),
    "slow, and its client only opened": (SLOW, [*STOOD[:2], "open v2", *STOOD[2:]], ELSEWHERE.format("task in hand", 3)),
    "slow, and its client had ended its task": (SLOW, ["deliver a to v2 from q", "ack a by v2", *STOOD],
                                                ELSEWHERE.format("task in hand", 2)),
    "slow, and another had a task in hand": (SLOW, [line.replace("v2", "v1") if "fault" not in line else line for line in HELD_ONE],
                                             ELSEWHERE.format("task in hand", 2)),
    "slow, and its task had gone with its connection": (SLOW, ["open v2", "deliver a to v2 from q", "close v2", *STOOD],
                                                        ELSEWHERE.format("task in hand", 2)),
}  # fmt: skip


@pytest.mark.parametrize(("entry", "lines", "reason"), UNSEEN.values(), ids=UNSEEN)
def test_a_fault_on_a_link_that_the_wire_does_not_see_must_have_met_somebody_at_work(
    entry: dict[str, Any], lines: list[str], reason: str | None
) -> None:
    (kind,) = entry.keys() - {"name"}
    entry = entry | {kind: entry[kind] | {"link": "workers.v2.1 -> database"}, "at": "1s"}
    lines = [line.replace("broker", "database") if "fault" in line else line for line in lines]
    assert judge(history(*DONE, *lines, sections={"faults": [entry]}, empty=["wire"])).preconditions == ((reason,) if reason else ())


def test_what_a_program_tries_over_a_cut_link_leaves_no_trace_and_is_not_asked() -> None:
    lines = ["phase playbook begin", *[line.replace("workers.v2.1", "operator") for line in STOOD], "phase playbook end exit 0"]
    entry = {"name": "slow", "cut": {"link": "operator -> broker"}, "at": "1s"}
    playbook = {"playbook": {"run": "./rollback.sh", "start": {"at": "1s"}}}
    assert judge(history(*DONE, *lines, sections={"faults": [entry]} | playbook, empty=["wire"])).preconditions == ()
    early = [*lines[1:5], lines[0], lines[5]]
    (reason,) = judge(history(*DONE, *early, sections={"faults": [entry]} | playbook, empty=["wire"])).preconditions
    assert "met nobody" in reason


OPERATED: dict[str, Any] = {"playbook": {"run": "./rollback.sh", "start": {"at": "1s"}}, "stage": STAGE}
COLLECTED = ["phase collect begin", "phase collect end"]
USES = {
    "never": (["used {} 0 times"], True),
    "once": (["used {} 1 times"], False),
    "never, but others": (["used {} 0 times", "used workers.v1.1 -> database 7 times"], True),
    "only refused": (["used {} 0 times and refused"], False),
    "not told of": (["used workers.v1.1 -> database 0 times"], False),
    "told of incompletely": (["used {} 0 times", "incomplete links"], False),
}


@pytest.mark.parametrize("kind", ["cut", "latency", "reset"])
@pytest.mark.parametrize(("uses", "never"), USES.values(), ids=USES)
def test_a_fault_on_a_link_that_nobody_ever_used_met_nobody(kind: str, uses: list[str], never: bool) -> None:
    link = "operator -> database"
    lines = ["phase playbook begin", *[line.replace("workers.v2.1 -> broker", link) for line in STOOD], "phase playbook end exit 0"]
    entry = {"name": "slow", kind: {"link": link} | ({"delay": "100ms"} if kind == "latency" else {}), "at": "1s"}
    told = [line.format(link) for line in uses]
    run = history(*DONE, *lines, *COLLECTED, *told, sections={"faults": [entry]} | OPERATED, empty=["wire"])
    reason = 'the fault "slow" met nobody: nothing ever passed operator -> database'
    assert judge(run).preconditions == ((reason,) if never else ())


def test_a_run_without_a_word_of_links_is_judged_by_who_was_there() -> None:
    lines = ["phase playbook begin", *[line.replace("workers.v2.1 -> broker", "operator -> database") for line in STOOD]]
    entry = {"name": "slow", "cut": {"link": "operator -> database"}, "at": "1s"}
    run = history(*DONE, *lines, "phase playbook end exit 0", *COLLECTED, sections={"faults": [entry]} | OPERATED, empty=["wire"])
    assert judge(run).preconditions == ()


def test_uses_of_a_link_do_not_say_that_they_met_the_fault() -> None:
    link = "workers.v2.1 -> database"
    lines = [line.replace("workers.v2.1 -> broker", link) for line in STOOD]
    entry = {"name": "slow", "cut": {"link": link}, "at": "1s"}
    run = history(*DONE, *lines, *COLLECTED, f"used {link} 3 times", sections={"faults": [entry], "stage": STAGE}, empty=["wire"])
    assert judge(run).preconditions == (ELSEWHERE.format("connection to the broker", 2),)


@pytest.mark.parametrize(("times", "never"), [(0, True), (1, False)])
def test_a_fault_on_several_links_met_nobody_where_none_of_them_was_ever_used(times: int, never: bool) -> None:
    names = [f"workers.v{version}.1 -> database" for version in (1, 2)]
    lines = ["open v2", *[line.replace("workers.v2.1 -> broker", ", ".join(names)) for line in STOOD]]
    entry = {"name": "slow", "cut": {"link": "workers -> database"}, "at": "1s"}
    told = [f"used {names[0]} 0 times", f"used {names[1]} {times} times"]
    run = history(*DONE, *lines, *COLLECTED, *told, sections={"faults": [entry], "stage": STAGE}, empty=["wire"])
    reason = f'the fault "slow" met nobody: nothing ever passed {" or ".join(names)}'
    assert judge(run).preconditions == ((reason,) if never else ())


def test_a_fault_on_a_container_that_had_ended_met_nobody() -> None:
    restart = {"name": "again", "restart": {"target": "broker"}, "at": "1s"}
    lines = [f"fault again {state} on broker" for state in ("begin", "took_effect", "end", "cleared")]
    assert judge(history(*DONE, "stopped broker", *lines, sections={"faults": [restart]})).preconditions == (
        'the fault "again" met nobody: broker did not run when it began',
    )
    assert judge(history(*DONE, "stopped broker", "started broker", *lines, sections={"faults": [restart]})).preconditions == ()


def test_a_wire_that_is_not_whole_cannot_say_that_a_fault_met_nobody() -> None:
    run = history(*DONE, *STOOD, "incomplete wire", sections={"faults": [SLOW | {"at": "1s"}]}, empty=["wire"])
    assert judge(run).preconditions == ('nothing tells whether the fault "slow" met anybody: wire is incomplete: the tap died',)
