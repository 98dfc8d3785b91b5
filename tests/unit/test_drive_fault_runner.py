"""The fault runner on a stage in memory: what begins when, what is written of it, what ends it, and what never began."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from stub_stage import StubStage, drill, told

from drillbook.core.wait import until
from drillbook.drive import fault_runner, wire_moment
from drillbook.drive.fault_runner import FaultRunner
from drillbook.faults import Fault
from drillbook.faults.cut import Cut
from drillbook.faults.drop import Drop
from drillbook.faults.hold import Hold
from drillbook.faults.kill import Kill
from drillbook.faults.latency import Latency
from drillbook.faults.pause import Pause
from drillbook.faults.restart import Restart
from drillbook.plan import PlannedFault
from drillbook.tap.rules import Rule

ONE, TWO = "workers.v1.1", "workers.v1.2"
LINK = f"{ONE} -> broker"
WITHIN = 30


@pytest.fixture
def stage(tmp_path: Path) -> StubStage:
    return StubStage(tmp_path, drill())


class Runner:
    """A fault runner, and what it says."""

    def __init__(self, stage: StubStage, *faults: PlannedFault) -> None:
        self.stage, self.failures = stage, []
        self.runner = FaultRunner(faults, stage, stage.run, self.failures.append)

    def begins(self, kind: Any = "at", moment: float | str = 1.0) -> Runner:
        """What waits for this begins, and has shown whether it takes effect."""
        assert all(ready.wait(WITHIN) for ready in self.runner.trigger(kind, moment))
        return self

    def settles(self) -> list[str]:
        """The drill settles; all that was written."""
        self.runner.clear_all()
        return self.said

    @property
    def said(self) -> list[str]:
        return [line.removeprefix("it ") for line in told(self.stage.run, "fault", detail=True)]

    def says(self, state: str) -> bool:
        """It is written sooner or later."""
        return until(lambda: any(line.split(":")[0] == state for line in self.said), WITHIN)


def planned(fault: Fault, *victims: str, seconds: float | None = None, name: str = "it", **more: Any) -> PlannedFault:
    return PlannedFault(**{"name": name, "fault": fault, "victims": victims, "trigger": "at", "moment": 1.0, "seconds": seconds, **more})


def held(fault: Fault, *victims: str, nth: int = 1, links: tuple[str, ...] = (LINK,), **more: Any) -> PlannedFault:
    """One that waits for a message."""
    return planned(fault, *victims, trigger="on", moment=0.0, rule=Rule("it#1", "it", links, "ack", "hold", nth), **more)


def wired(fault: Any, count: int = 1) -> PlannedFault:
    """One that hits messages."""
    made = fault.planned(Rule("it#1", "it", (LINK,), "ack", "hold", count=count))
    return planned(made, LINK, trigger="on", moment=0.0, rule=made.rule)


def paused(*victims: str, **more: Any) -> PlannedFault:
    return planned(Pause(target="workers.v1"), *victims, **more)


# What begins when


@pytest.mark.parametrize(("kind", "moment"), [("at", 2.0), ("event", 1.0), ("at after deployment", 1.0)])
def test_another_moment_begins_nothing(stage: StubStage, kind: str, moment: float) -> None:
    assert Runner(stage, paused(ONE)).runner.trigger(kind, moment) == []  # type: ignore[arg-type]


def test_a_fault_begins_once_however_often_its_moment_comes(stage: StubStage) -> None:
    runner = Runner(stage, paused(ONE)).begins()
    assert runner.runner.trigger("at", 1.0) == []


def test_every_fault_of_a_moment_begins(stage: StubStage) -> None:
    Runner(stage, paused(ONE, name="a"), paused(TWO, name="b")).begins()
    assert (stage.container(ONE).status, stage.container(TWO).status) == ("paused", "paused")


def test_a_fault_of_another_moment_still_begins_at_its_own(stage: StubStage) -> None:
    runner = Runner(stage, paused(ONE), paused(TWO, moment=2.0, name="later")).begins()
    runner.begins("at", 2.0)
    assert stage.container(TWO).status == "paused"


def test_nothing_begins_once_the_drill_settles(stage: StubStage) -> None:
    runner = Runner(stage, paused(ONE))
    runner.runner.close()
    assert runner.runner.trigger("at", 1.0) == []


def test_a_fault_whose_moment_never_came_is_skipped_and_says_so(stage: StubStage) -> None:
    assert Runner(stage, paused(ONE)).settles() == ["skipped: at 1 s never came"]


def test_a_fault_that_should_have_counted_from_the_start_is_skipped_where_there_was_none(stage: StubStage) -> None:
    assert Runner(stage, held(Kill(target=ONE), ONE)).settles() == ["skipped: the drive never began"]


def test_a_skipped_fault_is_told_once_however_often_the_drill_is_settled(stage: StubStage) -> None:
    runner = Runner(stage, paused(ONE))
    runner.settles()
    assert runner.settles() == ["skipped: at 1 s never came"]


# What is written, and in which order


def test_a_fault_is_written_down_with_what_undoes_it_before_it_acts(stage: StubStage) -> None:
    assert Runner(stage, paused(ONE)).begins().said[0] == "armed: undo: docker unpause"


def test_a_fault_without_a_time_lasts_until_the_drill_settles(stage: StubStage) -> None:
    runner = Runner(stage, paused(ONE)).begins()
    assert [line.split(":")[0] for line in runner.said] == ["armed", "begin", "took_effect"]
    assert [line.split(":")[0] for line in runner.settles()] == ["armed", "begin", "took_effect", "end", "cleared"]


def test_a_fault_with_a_time_ends_by_itself(stage: StubStage) -> None:
    runner = Runner(stage, paused(ONE, seconds=0.01)).begins()
    assert runner.says("cleared")
    assert stage.container(ONE).status == "running"


def test_a_fault_with_a_time_ends_when_the_drill_settles_before(stage: StubStage) -> None:
    runner = Runner(stage, paused(ONE, seconds=3600.0)).begins()
    assert runner.settles()[-1] == "cleared"


def test_a_fault_that_stays_is_never_undone(stage: StubStage) -> None:
    assert [line.split(":")[0] for line in Runner(stage, planned(Kill(target=ONE), ONE)).begins().settles()] == [
        "armed",
        "begin",
        "took_effect",
    ]
    assert stage.container(ONE).status == "exited"


def test_a_fault_that_stays_is_undone_where_it_has_a_time(stage: StubStage) -> None:
    Runner(stage, planned(Kill(target=ONE), ONE, seconds=0.01)).begins().settles()
    assert stage.container(ONE).status == "running"


def test_a_momentary_fault_ends_at_once(stage: StubStage) -> None:
    runner = Runner(stage, planned(Restart(target=ONE), ONE)).begins()
    assert runner.says("cleared")


def test_a_fault_that_does_not_take_effect_is_told_so(stage: StubStage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fault_runner, "EFFECT_WITHIN_SECONDS", 0.0)
    stage.link(LINK).deaf = True
    assert "no_effect" in Runner(stage, planned(Cut(link=LINK), LINK)).begins().said


def test_a_fault_that_bites_one_of_two_victims_has_not_bitten(stage: StubStage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fault_runner, "EFFECT_WITHIN_SECONDS", 0.0)
    stage.container(TWO).stuck = True
    assert "no_effect" in Runner(stage, paused(ONE, TWO)).begins().said


def test_a_fault_that_does_not_clear_is_told_so(stage: StubStage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fault_runner, "CLEARED_WITHIN_SECONDS", 0.0)
    runner = Runner(stage, paused(ONE)).begins()
    stage.container(ONE).stuck = True
    assert runner.settles()[-1] == "not_cleared"


def test_a_fault_hits_all_its_victims_and_lifts_from_all(stage: StubStage) -> None:
    runner = Runner(stage, paused(ONE, TWO)).begins()
    assert {stage.container(name).status for name in (ONE, TWO)} == {"paused"}
    runner.settles()
    assert {stage.container(name).status for name in (ONE, TWO)} == {"running"}


def test_what_goes_wrong_in_a_fault_is_told_and_keeps_nobody_waiting(stage: StubStage) -> None:
    runner = Runner(stage, paused("workers.v9.1")).begins()
    runner.settles()
    assert [type(error) for error in runner.failures] == [KeyError]


# What lasts

LASTING: dict[str, tuple[Callable[[], PlannedFault], bool]] = {
    "until the drill settles": (lambda: paused(ONE), False),
    "for a time": (lambda: paused(ONE, seconds=3600.0), True),
    "for good": (lambda: planned(Kill(target=ONE), ONE), False),
}


@pytest.mark.parametrize(("fault", "lasts"), LASTING.values(), ids=LASTING)
def test_only_a_fault_that_ends_by_itself_is_waited_for(stage: StubStage, fault: Callable[[], PlannedFault], lasts: bool) -> None:
    runner = Runner(stage, fault()).begins()
    assert runner.runner.lasting() is lasts
    runner.settles()


def test_nothing_lasts_before_anything_began(stage: StubStage) -> None:
    assert not Runner(stage, paused(ONE, seconds=1.0)).runner.lasting()


def test_a_fault_that_has_lifted_lasts_no_more(stage: StubStage) -> None:
    runner = Runner(stage, paused(ONE, seconds=0.01)).begins()
    assert until(lambda: not runner.runner.lasting(), WITHIN)
    assert runner.said[-1] == "cleared"


def test_a_momentary_fault_lasts_until_its_service_answers(stage: StubStage) -> None:
    stage.container(ONE).serves = False
    runner = Runner(stage, planned(Restart(target=ONE), ONE)).begins()
    assert runner.runner.lasting()
    stage.container(ONE).serves = True
    assert until(lambda: not runner.runner.lasting(), WITHIN)


def test_a_fault_that_waits_for_a_message_does_not_last_before_it_has_come(stage: StubStage) -> None:
    runner = Runner(stage, held(Pause(target=ONE), ONE, seconds=3600.0)).begins("on", 0.0)
    assert not runner.runner.lasting()
    stage.tap_process.passes("ack", ONE)
    assert until(runner.runner.lasting, WITHIN)
    runner.settles()


# A fault at a message: the tap holds it meanwhile


def test_a_fault_at_a_message_does_nothing_before_it_has_come(stage: StubStage) -> None:
    runner = Runner(stage, held(Pause(target=ONE), ONE, nth=2)).begins("on", 0.0)
    stage.tap_process.passes("ack", ONE)
    assert [line.split(":")[0] for line in runner.said] == ["armed"]
    runner.settles()


def test_a_fault_at_a_message_begins_with_it_and_says_which(stage: StubStage) -> None:
    runner = Runner(stage, held(Pause(target=ONE), ONE)).begins("on", 0.0)
    stage.tap_process.passes("ack", ONE, "task-7")
    assert runner.says("took_effect")
    assert "begin: ack held: task-7 of workers.v1.1" in runner.said
    runner.settles()


def test_the_message_goes_on_once_the_fault_has_bitten(stage: StubStage) -> None:
    runner = Runner(stage, held(Pause(target=ONE), ONE)).begins("on", 0.0)
    stage.tap_process.passes("ack", ONE)
    assert until(lambda: [act.what for act in stage.wire.poll().acts("it")] == ["ack held", "ack let go"], WITHIN)
    runner.settles()


def test_the_message_of_a_connection_that_the_fault_ends_is_dropped(stage: StubStage) -> None:
    runner = Runner(stage, held(Kill(target=ONE), ONE)).begins("on", 0.0)
    stage.tap_process.passes("ack", ONE)
    assert until(lambda: [act.what for act in stage.wire.poll().acts("it")] == ["ack held", "ack dropped"], WITHIN)
    runner.settles()


def test_only_the_victim_whose_message_it_was_is_hit(stage: StubStage) -> None:
    links = (LINK, f"{TWO} -> broker")
    runner = Runner(stage, held(Kill(target="workers.v1", pick="one"), ONE, TWO, links=links, victim_by_wire=True)).begins("on", 0.0)
    stage.tap_process.passes("ack", TWO)
    assert runner.says("took_effect")
    assert (stage.container(ONE).status, stage.container(TWO).status) == ("running", "exited")


def test_a_fault_at_a_message_ends_after_its_time(stage: StubStage) -> None:
    runner = Runner(stage, held(Pause(target=ONE), ONE, seconds=0.01)).begins("on", 0.0)
    stage.tap_process.passes("ack", ONE)
    assert runner.says("cleared")


def test_a_message_that_never_came_is_told_with_how_many_did(stage: StubStage) -> None:
    runner = Runner(stage, held(Pause(target=ONE), ONE, nth=3)).begins("on", 0.0)
    stage.tap_process.passes("ack", ONE)
    assert runner.settles()[1:] == [f"skipped: the 3rd ack on {LINK} never passed: 1 such messages passed"]


def test_a_rule_that_the_tap_did_not_take_is_told(stage: StubStage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire_moment, "ARMED_WITHIN_SECONDS", 0.0)
    stage.tap_process.reads = False
    runner = Runner(stage, held(Pause(target=ONE), ONE)).begins("on", 0.0)
    assert runner.settles()[1:] == ["skipped: the tap did not take its rule"]


def test_the_tap_forgets_the_rule_when_the_fault_is_done(stage: StubStage) -> None:
    runner = Runner(stage, held(Kill(target=ONE), ONE)).begins("on", 0.0)
    stage.tap_process.passes("ack", ONE)
    runner.settles()
    assert stage.wire.poll().disarmed("it")


# A fault that hits messages


def test_a_fault_on_messages_ends_when_the_tap_has_hit_them_all(stage: StubStage) -> None:
    runner = Runner(stage, wired(Drop(link=LINK), count=2)).begins("on", 0.0)
    stage.tap_process.passes("ack", ONE, "a")
    assert runner.says("took_effect")
    assert "end" not in runner.said
    stage.tap_process.passes("ack", ONE, "b")
    assert runner.says("cleared")
    assert runner.said[1:] == ["begin", "took_effect: ack dropped: a of workers.v1.1", "end", "cleared"]


def test_a_fault_on_messages_that_hit_too_few_says_how_many(stage: StubStage) -> None:
    runner = Runner(stage, wired(Drop(link=LINK), count=3)).begins("on", 0.0)
    stage.tap_process.passes("ack", ONE)
    assert runner.says("took_effect")
    assert runner.settles()[-1] == "cleared: 1 of 3 were hit: 1 such messages passed"


def test_a_fault_on_messages_that_met_none_has_not_bitten(stage: StubStage) -> None:
    runner = Runner(stage, wired(Drop(link=LINK))).begins("on", 0.0)
    assert runner.settles()[1:] == ["begin", "end", f"no_effect: the 1st ack on {LINK} never passed: 0 such messages passed", "cleared"]


def test_messages_that_are_still_held_go_on_when_the_drill_settles(stage: StubStage) -> None:
    runner = Runner(stage, wired(Hold(link=LINK, delay=3600.0))).begins("on", 0.0)
    stage.tap_process.passes("ack", ONE)
    assert runner.says("took_effect")
    runner.settles()
    assert [act.what for act in stage.wire.poll().acts("it")] == ["ack held", "ack let go"]


def test_a_fault_on_messages_does_not_last_for_the_story(stage: StubStage) -> None:
    runner = Runner(stage, wired(Drop(link=LINK))).begins("on", 0.0)
    assert not runner.runner.lasting()
    runner.settles()


def test_a_delay_is_not_lifted_as_long_as_the_link_is_slow(stage: StubStage) -> None:
    runner = Runner(stage, planned(Latency(link=LINK, delay=0.2), LINK)).begins()
    assert runner.settles()[-1] == "cleared"
    assert stage.link(LINK).harms == {}
