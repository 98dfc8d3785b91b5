"""What the harness tells the tap, what it reads of it on the wire, and what becomes of a fault whose tap is dead."""

from __future__ import annotations

import json
from pathlib import Path
from threading import Event
from types import SimpleNamespace

import pytest

from drillbook.core.errors import HarnessError
from drillbook.drive.fault_runner import FaultRunner
from drillbook.drive.wire_moment import WireMoment
from drillbook.evidence import RunDirectory
from drillbook.evidence.wire_tail import WireTail
from drillbook.faults.drop import Drop
from drillbook.faults.kill import Kill
from drillbook.plan import PlannedFault
from drillbook.stage.tap_control import TapControl
from drillbook.tap.rules import Rule, read

LINKS = ("workers.v1.1 -> broker",)


def rule(name: str = "lost", **more: object) -> Rule:
    return Rule(f"{name}#1", name, LINKS, "ack", **{"action": "drop"} | more)  # type: ignore[arg-type]


class Told:
    """A tap that says on the wire what a test has it say."""

    def __init__(self, folder: Path) -> None:
        self.wire = folder / "wire.jsonl"
        self.signals = 0
        self.alive = True
        self.refusing = False
        self.answers: list[list[str]] = []
        """What it says at each signal."""
        self.control = TapControl(folder / "tap", WireTail(self.wire), self.hang_up, lambda: self.alive)
        self.rules = self.control.prepare()

    def hang_up(self) -> None:
        self.signals += 1
        if self.answers:
            self.says(*self.answers.pop(0), task="a", peer="workers.v1.1")
        if self.refusing:
            raise HarnessError("the engine did not signal tap.")

    def says(self, *reasons: str, name: str = "lost", **more: object) -> Told:
        with self.wire.open("a") as file:
            for reason in reasons:
                file.write(json.dumps({"event": "fault", "at": 1, "rule": name, "reason": reason, **more}) + "\n")
        return self


@pytest.fixture
def tap(tmp_path: Path) -> Told:
    return Told(tmp_path)


def test_the_file_holds_the_whole_set_that_is_armed_now(tap: Told) -> None:
    first, second = rule(), rule("held up", task="a", seconds=1.5)
    for one in (first, second):
        tap.control.arm(one)
    assert read(tap.rules, LINKS) == (first, second)
    tap.control.disarm(first)
    assert read(tap.rules, LINKS) == (second,)


def test_the_file_is_there_before_anything_is_armed(tap: Told) -> None:
    assert read(tap.rules, LINKS) == ()


def test_the_file_can_be_prepared_where_its_folder_is_there_already(tap: Told) -> None:
    assert tap.control.prepare() == tap.rules
    assert read(tap.rules, LINKS) == ()


def test_the_tap_is_told_once_of_each_change(tap: Told) -> None:
    tap.control.arm(rule())
    tap.control.arm(rule())
    tap.control.disarm(rule())
    tap.control.disarm(rule())
    assert tap.signals == 2


@pytest.mark.parametrize(
    ("action", "lines", "acted", "finished"),
    [
        ("drop", ["ack dropped", "connection severed"], 1, False),
        ("drop", ["ack dropped", "ack dropped"], 2, True),
        ("hold", ["ack held"], 1, False),
        ("hold", ["ack held", "ack let go", "ack held"], 2, False),
        ("hold", ["ack held", "ack let go", "ack held", "ack dropped"], 2, True),
        ("close", ["channel closed", "channel closed"], 2, True),
    ],
)
def test_a_rule_is_finished_when_all_its_messages_are_hit_and_none_is_held(tap: Told, action, lines, acted, finished) -> None:
    wanted = Rule("lost#1", "lost", LINKS, "ack", action, count=2)
    tap.says("armed", *lines)
    assert (tap.control.acted(wanted), tap.control.finished(wanted)) == (acted, finished)


def test_a_dead_tap_has_disarmed_everything(tap: Told) -> None:
    tap.says("armed")
    assert not tap.control.disarmed(rule())
    tap.alive = False
    assert tap.control.disarmed(rule())


def test_a_signal_to_a_dead_tap_is_no_error_and_one_to_a_living_tap_is(tap: Told) -> None:
    tap.refusing, tap.alive = True, False
    tap.control.arm(rule())
    tap.alive = True
    with pytest.raises(HarnessError, match="did not signal"):
        tap.control.disarm(rule())


SHORTFALLS = {
    "never came": (
        rule(nth=100),
        [("armed", {}), ("disarmed", {"count": 37})],
        "the 100th ack on {} never passed: 37 such messages passed",
    ),
    "of one task": (rule(nth=2, task="a"), [("armed", {}), ("disarmed", {"count": 1})], "the 2nd ack of a on {} never passed: 1 such {}"),
    "a teen": (rule(nth=112), [("armed", {}), ("disarmed", {"count": 0})], "the 112th ack on {} never passed: 0 such messages passed"),
    "too few": (rule(count=3), [("armed", {}), ("ack dropped", {}), ("disarmed", {"count": 1})], "1 of 3 were hit: 1 such messages passed"),
    "the tap died": (rule(), [("armed", {})], "the 1st ack on {} never passed: the tap does not say how many such messages passed"),
    "never armed": (rule(), [], "the tap did not take its rule"),
    "all": (rule(), [("armed", {}), ("ack dropped", {}), ("disarmed", {"count": 9})], None),
}


@pytest.mark.parametrize(("wanted", "lines", "sentence"), SHORTFALLS.values(), ids=SHORTFALLS)
def test_what_a_rule_lacks_is_told_with_how_many_messages_passed(tap: Told, wanted, lines, sentence) -> None:
    for reason, more in lines:
        tap.says(reason, **more)
    said = WireMoment(wanted, SimpleNamespace(tap=tap.control), Event()).shortfall()
    assert said == (sentence and sentence.format(LINKS[0], "messages passed"))


def test_a_message_that_was_no_victim_s_is_not_waited_for(tap: Told) -> None:
    tap.says("armed", "ack held", "ack dropped", peer="workers.v1.1", link=LINKS[0])
    assert not WireMoment(rule(action="hold"), SimpleNamespace(tap=tap.control), Event()).is_dropped(("workers.v2.1",))


@pytest.mark.parametrize("victim", ["workers.v1.1", LINKS[0], "broker"])
def test_a_message_of_what_the_fault_has_ended_is_waited_for_until_it_is_dropped(tap: Told, victim: str) -> None:
    tap.says("armed", "ack held", "ack dropped", peer="workers.v1.1", link=LINKS[0])
    assert WireMoment(rule(action="hold"), SimpleNamespace(tap=tap.control), Event()).is_dropped((victim,))


def states(run: RunDirectory) -> list[tuple[str, str | None]]:
    return [(event["state"], event.get("detail")) for event in map(json.loads, run.file("timeline").read_text().splitlines())]


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Drop(link=LINKS[0]).planned(rule()), ["armed", "begin", "end", "no_effect", "cleared"]),
        (Kill(target="workers.v1.1"), ["armed", "skipped"]),
    ],
    ids=["drop", "kill"],
)
def test_a_fault_whose_tap_is_dead_ends_when_the_drill_settles(tap: Told, tmp_path: Path, fault, expected) -> None:
    tap.alive = False
    run, failures = RunDirectory(tmp_path / "run"), []
    planned = PlannedFault("lost", fault, ("workers.v1.1",), "on", 0.0, None, rule())
    runner = FaultRunner((planned,), SimpleNamespace(tap=tap.control), run, failures.append)
    runner.trigger("on", 0.0)
    runner.clear_all()
    assert ([state for state, _ in states(run)], failures) == (expected, [])
    assert ("no_effect" if "begin" in expected else "skipped", "the tap did not take its rule") in states(run)


@pytest.mark.parametrize(
    ("fault", "action", "lines", "expected"),
    [
        (Drop(link=LINKS[0]).planned(rule()), "drop", ["ack dropped"], ("took_effect", "ack dropped: a of workers.v1.1")),
        (
            Kill(target="workers.v1.1"),
            "hold",
            ["ack held", "ack let go"],
            ("skipped", f"the 1st ack on {LINKS[0]} came when the drill settled"),
        ),
    ],
    ids=["drop", "kill"],
)
def test_a_message_that_comes_when_the_drill_settles_is_told_of(tap: Told, tmp_path: Path, fault, action, lines, expected) -> None:
    run, failures = RunDirectory(tmp_path / "run"), []
    tap.answers = [["armed"], [*lines, "disarmed"]]
    planned = PlannedFault("lost", fault, ("workers.v1.1",), "on", 0.0, None, rule(action=action))
    runner = FaultRunner((planned,), SimpleNamespace(tap=tap.control), run, failures.append)
    (counting,) = runner.trigger("on", 0.0)
    assert counting.wait(20)
    runner.clear_all()
    assert expected in states(run)
    assert failures == []
