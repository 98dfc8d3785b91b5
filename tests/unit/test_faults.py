"""Every fault on a stage in memory: it begins, takes effect, ends and clears, and it clears where its victim is dead."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import ValidationError
from stub_stage import StubStage, drill

from drillbook.core.additions import _load
from drillbook.core.errors import UsageError
from drillbook.faults import Fault
from drillbook.faults import reset as resetting
from drillbook.faults.bandwidth import Bandwidth
from drillbook.faults.base import Hits, Use
from drillbook.faults.close_channel import CloseChannel
from drillbook.faults.cut import Cut
from drillbook.faults.drop import Drop
from drillbook.faults.hold import Hold
from drillbook.faults.kill import Kill
from drillbook.faults.kinds import KINDS, kinds
from drillbook.faults.latency import Latency
from drillbook.faults.pause import Pause
from drillbook.faults.reset import Reset
from drillbook.faults.restart import Restart
from drillbook.tap.rules import Rule

WORKER, LINK = "workers.v1.1", "workers.v1.1 -> broker"
RULE = Rule("it#1", "it", (LINK,), "ack", "hold")
MADE: dict[str, tuple[Fault, str]] = {
    "kill": (Kill(target=WORKER), WORKER),
    "pause": (Pause(target=WORKER), WORKER),
    "restart": (Restart(target=WORKER), WORKER),
    "cut, dropping": (Cut(link=LINK), LINK),
    "cut, refusing": (Cut(link=LINK, how="refuse"), LINK),
    "latency": (Latency(link=LINK, delay=0.4), LINK),
    "bandwidth": (Bandwidth(link=LINK, rate=64_000.0), LINK),
    "reset": (Reset(link=LINK), LINK),
    "drop": (Drop(link=LINK).planned(RULE), LINK),
    "hold": (Hold(link=LINK, delay=2.0).planned(RULE), LINK),
    "close_channel": (CloseChannel(link=LINK).planned(RULE), LINK),
}
ON_CONTAINERS = {name: made for name, made in MADE.items() if made[1] == WORKER}
ON_LINKS = {name: made for name, made in MADE.items() if name in ("cut, dropping", "cut, refusing", "latency", "bandwidth", "reset")}
ON_WIRE = {name: made for name, made in MADE.items() if name in ("drop", "hold", "close_channel")}


def each(made: dict[str, tuple[Fault, str]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        ("fault", "victim"), [(fault.model_copy(deep=True), victim) for fault, victim in made.values()], ids=made
    )


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resetting, "PROBE_SECONDS", 0.1)


@pytest.fixture
def stage(tmp_path: Path) -> StubStage:
    return StubStage(tmp_path, drill())


@each(MADE)
def test_a_fault_that_has_not_begun_has_not_bitten(stage: StubStage, fault: Fault, victim: str) -> None:
    if not isinstance(fault, Restart):  # nobody asks it before
        assert not fault.took_effect(stage, victim)


@each(MADE)
def test_a_fault_that_has_begun_is_seen_to_take_effect(stage: StubStage, fault: Fault, victim: str) -> None:
    fault.begin(stage, victim)
    stage.tap_process.passes("ack", WORKER)
    assert fault.took_effect(stage, victim)


@each({name: made for name, made in MADE.items() if name != "restart"})
def test_a_fault_that_has_not_ended_has_not_lifted(stage: StubStage, fault: Fault, victim: str) -> None:
    fault.begin(stage, victim)
    assert not fault.cleared(stage, victim)


@each(MADE)
def test_a_fault_that_has_ended_is_seen_to_have_lifted(stage: StubStage, fault: Fault, victim: str) -> None:
    fault.begin(stage, victim)
    fault.end(stage, victim)
    assert fault.cleared(stage, victim)


@each(MADE)
def test_a_fault_that_has_ended_leaves_its_victim_as_it_was(stage: StubStage, fault: Fault, victim: str) -> None:
    fault.begin(stage, victim)
    fault.end(stage, victim)
    assert (stage.container(WORKER).status, stage.link(LINK).round_trip_seconds(5.0)) == ("running", 0.0)


@each(MADE)
def test_a_fault_touches_no_other_victim(stage: StubStage, fault: Fault, victim: str) -> None:
    fault.begin(stage, victim)
    assert stage.container("workers.v1.2").status == "running"
    assert stage.link("workers.v1.2 -> broker").round_trip_seconds(5.0) == 0.0


# Where the victim is dead, or does what it likes


@each(ON_CONTAINERS)
def test_a_fault_whose_victim_died_ends_without_an_error(stage: StubStage, fault: Fault, victim: str) -> None:
    fault.begin(stage, victim)
    stage.container(victim).status = "gone"
    fault.end(stage, victim)


@pytest.mark.parametrize("fault", [Kill(target=WORKER), Pause(target=WORKER)], ids=["kill", "pause"])
def test_a_fault_whose_victim_is_gone_has_lifted(stage: StubStage, fault: Fault) -> None:
    stage.container(WORKER).status = "gone"
    assert fault.cleared(stage, WORKER)


def test_a_restart_whose_service_never_comes_back_has_not_lifted(stage: StubStage) -> None:
    stage.container(WORKER).status = "gone"
    assert not Restart(target=WORKER).cleared(stage, WORKER)


def test_a_container_that_was_dead_already_was_not_killed_by_the_fault(stage: StubStage) -> None:
    fault = Kill(target=WORKER)
    stage.container(WORKER).dies(1)
    fault.begin(stage, WORKER)
    assert not fault.took_effect(stage, WORKER)


def test_a_frozen_container_can_be_killed(stage: StubStage) -> None:
    fault = Kill(target=WORKER)
    stage.container(WORKER).pause()
    fault.begin(stage, WORKER)
    assert fault.took_effect(stage, WORKER)


def test_a_container_that_survives_its_kill_was_not_bitten(stage: StubStage) -> None:
    fault = Kill(target=WORKER)
    stage.container(WORKER).stuck = True
    fault.begin(stage, WORKER)
    assert not fault.took_effect(stage, WORKER)


def test_a_victim_that_vanished_when_it_was_killed_was_bitten(stage: StubStage) -> None:
    fault = Kill(target=WORKER)
    fault.begin(stage, WORKER)
    stage.container(WORKER).status = "gone"
    assert fault.took_effect(stage, WORKER)


def test_a_killed_container_that_somebody_else_started_is_not_started_again(stage: StubStage) -> None:
    fault = Kill(target=WORKER)
    fault.begin(stage, WORKER)
    stage.container(WORKER).start()
    fault.end(stage, WORKER)
    assert stage.log.count(f"start {WORKER}") == 1


def test_a_container_that_does_not_run_is_not_frozen(stage: StubStage) -> None:
    stage.container(WORKER).dies(1)
    Pause(target=WORKER).begin(stage, WORKER)
    assert stage.container(WORKER).status == "exited"


def test_a_container_that_a_playbook_let_go_on_is_not_let_go_on_again(stage: StubStage) -> None:
    fault = Pause(target=WORKER)
    fault.begin(stage, WORKER)
    stage.container(WORKER).unpause()
    fault.end(stage, WORKER)
    assert fault.cleared(stage, WORKER)


def test_a_restart_that_did_nothing_has_not_bitten(stage: StubStage) -> None:
    fault = Restart(target=WORKER)
    stage.container(WORKER).stuck = True
    fault.begin(stage, WORKER)
    assert not fault.took_effect(stage, WORKER)


def test_a_service_that_was_stopped_after_its_restart_is_started_when_the_fault_ends(stage: StubStage) -> None:
    fault = Restart(target=WORKER)
    fault.begin(stage, WORKER)
    stage.container(WORKER).kill()
    fault.end(stage, WORKER)
    assert stage.container(WORKER).status == "running"


def test_a_restart_has_not_lifted_before_the_service_answers(stage: StubStage) -> None:
    fault = Restart(target=WORKER)
    stage.container(WORKER).serves = False
    fault.begin(stage, WORKER)
    assert not fault.cleared(stage, WORKER)


# Links


@each(ON_LINKS)
def test_a_fault_that_the_link_does_not_feel_has_not_bitten(stage: StubStage, fault: Fault, victim: str) -> None:
    stage.link(victim).deaf = True
    fault.begin(stage, victim)
    assert not fault.took_effect(stage, victim)


def test_a_cut_that_drops_lets_connections_stand(stage: StubStage) -> None:
    Cut(link=LINK).begin(stage, LINK)
    assert [kind for kind, _ in stage.link(LINK).harms.values()] == ["drop"]


def test_a_cut_that_refuses_closes_them(stage: StubStage) -> None:
    Cut(link=LINK, how="refuse").begin(stage, LINK)
    assert [kind for kind, _ in stage.link(LINK).harms.values()] == ["refuse"]


def test_a_link_as_slow_as_the_least_delay_both_ways_is_slow_enough(stage: StubStage) -> None:
    fault = Latency(link=LINK, delay=0.5, jitter=0.25)
    stage.link(LINK).delay("another", 0.25, 0.0)
    assert fault.took_effect(stage, LINK)


def test_a_link_that_is_slow_but_less_than_the_fault_makes_it_was_not_bitten(stage: StubStage) -> None:
    stage.link(LINK).delay("another", 0.24, 0.0)
    assert not Latency(link=LINK, delay=0.5, jitter=0.25).took_effect(stage, LINK)


def test_a_dead_link_is_not_a_slow_one(stage: StubStage) -> None:
    stage.link(LINK).drop("another")
    assert not Latency(link=LINK, delay=0.4).took_effect(stage, LINK)


def test_a_link_that_another_fault_slows_a_little_has_lifted(stage: StubStage) -> None:
    stage.link(LINK).delay("another", 0.3, 0.0)
    assert Latency(link=LINK, delay=0.4).cleared(stage, LINK)


def test_a_link_still_as_slow_as_the_fault_made_it_has_not_lifted(stage: StubStage) -> None:
    stage.link(LINK).delay("another", 0.4, 0.0)
    assert not Latency(link=LINK, delay=0.4).cleared(stage, LINK)


def test_a_link_as_slow_as_jitter_lets_it_be_has_not_lifted(stage: StubStage) -> None:
    stage.link(LINK).delay("the fault itself", 0.5, 0.25)
    assert not Latency(link=LINK, delay=0.5, jitter=0.25).cleared(stage, LINK)


def test_a_dead_link_has_not_lifted(stage: StubStage) -> None:
    stage.link(LINK).drop("another")
    assert not Latency(link=LINK, delay=0.4).cleared(stage, LINK)


@pytest.mark.parametrize("delay", [3.0, 60.0])
def test_a_delay_however_long_is_waited_for(stage: StubStage, delay: float) -> None:
    fault = Latency(link=LINK, delay=delay)
    fault.begin(stage, LINK)
    assert fault.took_effect(stage, LINK)


@pytest.mark.parametrize("jitter", [0.4, 0.5])
def test_jitter_that_hides_the_delay_is_refused(jitter: float) -> None:
    with pytest.raises(ValidationError, match="jitter must be smaller than delay"):
        Latency(link=LINK, delay=0.4, jitter=jitter)


@pytest.mark.parametrize(("rate", "narrow"), [(64_000.0, True), (64_100.0, False)], ids=["just as narrow", "less narrow"])
def test_a_link_is_narrow_when_it_carries_no_more_than_the_rate(stage: StubStage, rate: float, narrow: bool) -> None:
    stage.link(LINK).narrow("another", rate)
    assert Bandwidth(link=LINK, rate=64_000.0).took_effect(stage, LINK) is narrow


@pytest.mark.parametrize(("rate", "wide"), [(128_000.0, False), (128_100.0, True)], ids=["twice the rate", "more"])
def test_a_link_is_wide_again_when_it_carries_more_than_twice_the_rate(stage: StubStage, rate: float, wide: bool) -> None:
    stage.link(LINK).narrow("another", rate)
    assert Bandwidth(link=LINK, rate=64_000.0).cleared(stage, LINK) is wide


def test_a_dead_link_is_neither_narrow_nor_wide(stage: StubStage) -> None:
    stage.link(LINK).drop("another")
    fault = Bandwidth(link=LINK, rate=64_000.0)
    assert (fault.took_effect(stage, LINK), fault.cleared(stage, LINK)) == (False, False)


def test_a_probe_of_a_wide_link_is_no_larger_than_the_sink_takes() -> None:
    assert [Bandwidth(link=LINK, rate=rate)._size for rate in (64_000.0, 10_000_000.0)] == [32_000, 1 << 20]


def test_a_link_over_which_nothing_stood_was_not_reset(stage: StubStage) -> None:
    fault = Reset(link=LINK)
    stage.container("broker").status = "exited"
    fault.begin(stage, LINK)
    assert not fault.took_effect(stage, LINK)


def test_a_connection_that_a_reset_tried_is_not_left_open(stage: StubStage) -> None:
    Reset(link=LINK).begin(stage, LINK)
    assert [connection.closed for connection in stage.link(LINK).stood] == [True]


def test_a_link_that_a_reset_ended_once_and_that_answers_again_is_not_reset(stage: StubStage) -> None:
    fault = Reset(link=LINK)
    fault.begin(stage, LINK)
    stage.link(LINK).heal(fault)
    assert not fault.took_effect(stage, LINK)


# Messages


@each(ON_WIRE)
def test_a_fault_on_messages_lets_the_next_one_pass(stage: StubStage, fault: Fault, victim: str) -> None:
    fault.begin(stage, victim)
    for task in ("a", "b"):
        stage.tap_process.passes("ack", WORKER, task)
    assert [act.task for act in stage.tap.acts(fault.rule)] == ["a"]  # type: ignore[attr-defined]


ASKS = {
    "drop": (Drop(link=LINK), ("drop", None, True)),
    "drop, open": (Drop(link=LINK, sever=False), ("drop", None, False)),
    "hold": (Hold(link=LINK, delay=2.0), ("hold", 2.0, True)),
    "close": (CloseChannel(link=LINK), ("close", None, True)),
}


@pytest.mark.parametrize(("fault", "asked"), ASKS.values(), ids=ASKS)
def test_a_fault_on_messages_asks_the_tap_for_what_it_is(fault: Drop, asked: tuple[str, float | None, bool]) -> None:
    rule = fault.planned(RULE).rule
    assert (rule.action, rule.seconds, rule.sever) == asked


@pytest.mark.parametrize("message", ["publish", "confirm", "deliver", "ack"])
@pytest.mark.parametrize("sever", [True, False])
def test_only_what_both_ends_number_cannot_be_lost_on_a_connection_that_stays_open(sever: bool, message: Any) -> None:
    objections = list(Drop(link=LINK, sever=sever).objections(Use([LINK], message)))
    refused = ["sever"] if not sever and message in ("publish", "deliver") else []
    assert [objection.key for objection in objections] == refused
    assert all(f"no connection loses a {message} and goes on" in objection.why for objection in objections)


def test_planning_a_fault_leaves_the_one_of_the_scenario_as_it_is() -> None:
    fault = Drop(link=LINK)
    fault.planned(RULE)
    with pytest.raises(AssertionError):
        _ = fault.rule


# What each says of itself

SEVERS = {"kill": True, "restart": True, "cut, refusing": True, "reset": True}


@pytest.mark.parametrize("name", MADE)
def test_a_fault_says_whether_it_ends_connections(name: str) -> None:
    assert MADE[name][0].severs is SEVERS.get(name, False)


@pytest.mark.parametrize(("name", "aim"), [(name, victim) for name, (_, victim) in MADE.items()])
def test_a_fault_says_what_it_aims_at(name: str, aim: str) -> None:
    assert MADE[name][0].aim == aim


NATURE = {
    "kill": (False, True, False),
    "pause": (False, False, False),
    "restart": (True, False, False),
    "cut, dropping": (False, False, True),
    "latency": (False, False, False),
    "bandwidth": (False, False, False),
    "reset": (False, False, True),
    "drop": (True, False, False),
}


@pytest.mark.parametrize(("name", "nature"), NATURE.items(), ids=NATURE)
def test_a_fault_says_whether_it_is_momentary_stays_and_blocks(name: str, nature: tuple[bool, bool, bool]) -> None:
    fault = MADE[name][0]
    assert (fault.momentary, fault.stays, fault.blocks) == nature


def test_every_fault_is_found_by_its_kind() -> None:
    assert {type(fault) for fault, _ in MADE.values()} <= set(KINDS.values())
    assert all(KINDS[fault.kind] is type(fault) for fault, _ in MADE.values())


HITS: dict[Hits, list[str]] = {
    "link": ["bandwidth", "cut", "latency", "reset"],
    "container": ["kill", "pause", "restart"],
    "message": ["close_channel", "drop", "hold"],
}


@pytest.mark.parametrize(("hits", "expected"), HITS.items(), ids=HITS)
def test_kinds_are_found_by_what_they_hit(hits: Hits, expected: list[str]) -> None:
    assert kinds(hits) == expected


def test_a_fault_cannot_be_changed_once_it_is_made() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Kill(target=WORKER).pick = "one"


def test_a_fault_refuses_what_it_does_not_know() -> None:
    with pytest.raises(ValidationError):
        Kill(target=WORKER, for_="2s")  # type: ignore[call-arg]


# Those of other distributions


@pytest.mark.parametrize(
    ("dist", "whose"), [(None, "the fault it cannot"), (SimpleNamespace(name="another"), "the fault it of another cannot")]
)
def test_a_fault_of_another_distribution_that_cannot_be_loaded_is_told_by_whose_it_is(dist: Any, whose: str) -> None:
    entry: Any = SimpleNamespace(name="it", value="nowhere:It", dist=dist, load=lambda: import_module("nowhere"))
    with pytest.raises(UsageError, match=f"^{whose} be loaded from nowhere:It: "):
        _load(entry, "fault")
