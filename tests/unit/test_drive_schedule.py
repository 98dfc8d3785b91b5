"""The story of a drill: what waits for what, told by small histories, and rules that no random history breaks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from drillbook.drive.schedule import Abandon, Act, BeginFaults, Decided, Deploy, EndLoad, Schedule, Waits
from drillbook.plan import make_plan
from drillbook.scenario import Scenario
from drillbook.scenario.moments import Confirmed, GivenTo, TaskCount
from drillbook.validation.partial_scenario import STRICT

GIVEN_WITHIN = 20
DRILL = """
title: A drill
stage:
  broker: {queues: {tasks: {}}}
  workers: {v1: {image: x}, v2: {image: x, started: false}}
load: {rate: 10/s, duration: 10s, linger: 1s, most: 60s}
deployment: {run: deploy, at: 1s, given_within: 20s}
playbook: {run: playbook, start: {at: 3s}}
monitors: {slow: {queue_depth: tasks, above: 1}}
faults: []
invariants: {no_lost_tasks: }
"""


def scenario(**changes: Any) -> Scenario:
    """The drill with parts replaced; None takes one away."""
    raw = YAML(typ="safe").load(DRILL)
    for name, value in changes.items():
        part, _, key = name.partition("__")
        if value is None:
            del raw[part]
        elif key:
            raw[part][key] = value
        else:
            raw[part] = value
    return Scenario.model_validate(raw, **STRICT)


def story(**changes: Any) -> Told:
    made = scenario(**changes)
    return Told(Schedule(made, make_plan(made, 1).faults))


@dataclass
class Told:
    """A story and the facts it is told, at a moment of the test's own."""

    story: Schedule
    elapsed: float = 0.0
    raised: dict[str, float] = field(default_factory=dict)
    counts: dict[TaskCount, bool] = field(default_factory=dict)
    tasks: int = 0
    without: list[str] = field(default_factory=list)
    at_work: bool = False

    def reached(self, tasks: TaskCount) -> bool:
        return self.counts.get(tasks, False)

    def confirmed(self) -> int:
        return self.tasks

    def idle(self) -> list[str]:
        return self.without

    def lasting(self) -> bool:
        return self.at_work

    def at(self, elapsed: float) -> list[str]:
        """What is to be done by then; programs begin when they are told to."""
        self.elapsed, said = elapsed, []
        for act in self.story.next(self):
            said.append(word(act))
            if isinstance(act, Deploy | Decided):
                self.story.began("deployment" if isinstance(act, Deploy) else "playbook", elapsed)
        return said

    def ends(self, which: Any, elapsed: float) -> None:
        self.story.ended(which, elapsed)


def word(act: Act) -> str:
    match act:
        case Deploy():
            return "deploy"
        case Decided(reason):
            return f"roll back: {reason}"
        case Waits(why):
            return f"wait: {why}"
        case BeginFaults(trigger, moment):
            return f"faults {trigger} {moment}"
        case EndLoad():
            return "end load"
        case Abandon(why):
            return f"abandon: {why}"


def deployed(told: Told, at: float = 2.0) -> Told:
    """The deployment has run."""
    told.at(1.0)
    told.ends("deployment", at)
    return told


def rolled_back(told: Told, at: float = 5.0) -> Told:
    """Deployment and playbook have run."""
    deployed(told).at(3.0)
    told.ends("playbook", at)
    return told


def test_the_deployment_begins_at_its_time():
    told = story()
    assert (told.at(0.9), told.at(1.0), told.at(1.1)) == ([], ["deploy"], [])


def test_the_deployment_begins_after_so_many_tasks():
    told = story(deployment={"run": "deploy", "after": {"tasks": "200 confirmed"}}, playbook__start={"at": "50s"})
    assert told.at(5.0) == []
    told.counts[Confirmed(200)] = True
    assert told.at(5.1) == ["deploy"]


def test_the_playbook_waits_for_the_end_of_the_deployment_and_says_so_once():
    told = story()
    told.at(1.0)
    assert (told.at(3.0), told.at(3.1)) == (["wait: the deployment has not ended"], [])
    told.ends("deployment", 9.0)
    assert told.at(9.0) == ["roll back: at"]


def test_the_playbook_waits_until_what_was_deployed_was_given_a_task():
    told = story()
    told.without = ["v2"]
    deployed(told)
    assert told.at(3.0) == ["wait: v2 was given no task yet"]
    told.without = []
    assert told.at(4.0) == ["roll back: at"]


def test_a_playbook_that_may_start_while_deploying_does():
    told = story(playbook__start={"at": "3s", "while_deploying": True})
    told.without = ["v2"]
    told.at(1.0)
    assert told.at(3.0) == ["roll back: at"]


def test_a_version_that_may_idle_is_rolled_back_all_the_same():
    told = story(deployment__may_idle=True)
    told.without = ["v2"]
    assert deployed(told).at(3.0) == ["roll back: at"]


def test_a_version_that_is_never_given_a_task_leaves_nothing_to_roll_back():
    told = story()
    told.without = ["v2"]
    deployed(told, at=2.0).at(3.0)
    assert told.at(2.0 + GIVEN_WITHIN) == ["abandon: the playbook never began: v2 was given no task yet", "end load"]
    assert told.story.over


def test_several_versions_that_were_given_nothing_are_all_named():
    told = story()
    told.without = ["v2", "v3"]
    assert deployed(told).at(3.0) == ["wait: v2 and v3 were given no task yet"]


def test_an_idle_version_is_given_up_when_no_more_tasks_can_come():
    told = story(deployment__given_within="5m")
    told.without = ["v2"]
    deployed(told).at(3.0)
    assert told.at(60.0) == ["end load"]
    assert told.at(60.1) == ["abandon: the playbook never began: v2 was given no task yet", "end load"]


def test_an_idle_version_is_not_given_up_before_the_playbook_is_due():
    told = story(playbook__start={"at": "50s"})
    told.without = ["v2"]
    assert deployed(told).at(49.9) == []
    assert told.at(50.0) == ["abandon: the playbook never began: v2 was given no task yet", "end load"]


def test_an_alert_decides_only_once_the_deployment_has_ended():
    told = story(playbook__start={"when": "slow", "no_later_than": "20s after deployment"})
    told.raised["slow"] = 7.0
    told.at(1.0)
    assert told.at(2.0) == []
    told.ends("deployment", 4.0)
    assert told.at(4.0) == ["roll back: alert slow"]


def test_no_later_than_counts_from_the_end_of_the_deployment():
    told = deployed(story(playbook__start={"when": "slow", "no_later_than": "20s after deployment"}), at=30.0)
    assert (told.at(49.9), told.at(50.0)) == ([], ["roll back: no_later_than"])


def test_a_bare_time_counts_from_the_start_of_the_load():
    told = deployed(story(playbook__start={"when": "slow", "no_later_than": "20s"}), at=15.0)
    assert (told.at(19.9), told.at(20.0)) == ([], ["roll back: no_later_than"])


@pytest.mark.parametrize("edge", ["start", "end"])
def test_a_playbook_may_start_at_an_edge_of_the_deployment(edge: str):
    told = story(playbook__start={"after": {"deployment": edge}, "while_deploying": True})
    first = told.at(1.0)
    told.ends("deployment", 2.0)
    assert (first + told.at(2.0)).count(f"roll back: after deployment {edge}") == 1
    assert (f"roll back: after deployment {edge}" in first) == (edge == "start")


def test_a_playbook_may_start_after_so_many_tasks():
    told = deployed(story(playbook__start={"after": {"tasks": "20 given to v2"}}))
    assert told.at(3.0) == []
    told.counts[GivenTo(20, "v2")] = True
    assert told.at(3.1) == ["roll back: after 20 given to v2"]


FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "at a time": ({"at": "1500ms"}, "faults at 1.5"),
    "at a time after the deployment": ({"at": "2s after deployment"}, "faults at after deployment 2.0"),
    "after the deployment": ({"after": {"deployment": "end"}}, "faults event deployment end"),
    "at the playbook's start": ({"after": {"playbook": "start"}}, "faults event playbook start"),
    "at the playbook's end": ({"after": {"playbook": "end"}}, "faults event playbook end"),
    "after so many tasks": ({"after": {"tasks": "200 confirmed"}}, "faults event 200 confirmed"),
}


def fault(**when: Any) -> list[dict[str, Any]]:
    return [{"name": "a fault", "pause": {"target": "workers.v1"}, **when}]


@pytest.mark.parametrize(("when", "expected"), FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_begins_once_at_its_moment(when: dict[str, Any], expected: str):
    told = story(faults=fault(**when))
    told.counts[Confirmed(200)] = True
    acts = told.at(1.0)
    told.ends("deployment", 2.0)
    acts += told.at(3.0) + told.at(4.0)
    told.ends("playbook", 5.0)
    acts += told.at(5.0) + told.at(6.0)
    assert acts.count(expected) == 1


def test_a_fault_after_the_deployment_does_not_begin_before():
    told = story(faults=fault(at="2s after deployment"), playbook__start={"at": "50s"})
    told.at(1.0)
    assert told.at(30.0) == []
    told.ends("deployment", 31.0)
    assert (told.at(32.9), told.at(33.0)) == ([], ["faults at after deployment 2.0"])


@pytest.mark.parametrize(("edge", "at_start"), [("start", ["faults event playbook start"]), ("end", [])])
def test_a_fault_begins_at_the_edge_of_the_playbook_that_it_names(edge: str, at_start: list[str]):
    told = deployed(story(faults=fault(after={"playbook": edge})))
    told.at(3.0)
    assert told.at(4.0) == at_start
    told.ends("playbook", 5.0)
    assert told.at(5.0) == (["faults event playbook end"] if edge == "end" else [])


def test_the_load_goes_on_until_the_playbook_has_ended_and_a_moment_more():
    told = deployed(story())
    told.at(3.0)
    assert told.at(30.0) == []
    told.ends("playbook", 30.0)
    told.at(30.0)
    told.tasks = 1
    assert (told.at(30.9), told.at(31.0)) == ([], ["end load"])
    assert told.story.over


def test_the_load_takes_as_long_as_the_scenario_says_at_least():
    told = rolled_back(story())
    told.at(5.0)
    assert told.at(9.9) == []
    told.at(10.0)
    told.tasks = 1
    assert told.at(11.0) == ["end load"]


def test_the_load_waits_for_an_outage_that_the_drill_made_and_for_a_task_after_it():
    told = rolled_back(story())
    told.at_work = True
    assert told.at(40.0) == []
    told.at_work, told.tasks = False, 7
    told.at(41.0)
    assert told.at(42.0) == []
    told.tasks = 8
    assert told.at(43.0) == ["end load"]


def test_the_load_waits_for_a_fault_that_comes_at_its_time():
    told = rolled_back(story(faults=fault(at="40s")))
    assert told.at(11.0) == []
    told.tasks = 1
    assert told.at(39.0) == []
    assert told.at(40.0) == ["faults at 40.0"]
    told.tasks = 2
    assert told.at(41.0) == ["end load"]


def test_the_load_waits_for_a_deployment_that_the_playbook_overtook():
    told = story(playbook__start={"at": "3s", "while_deploying": True})
    told.at(1.0)
    told.at(3.0)
    told.ends("playbook", 5.0)
    told.at(20.0)
    told.tasks = 1
    assert told.at(30.0) == []
    assert told.at(60.0) == ["end load"]
    assert not told.story.over
    told.ends("deployment", 70.0)
    assert told.story.over


def test_the_load_ends_at_the_latest_when_the_scenario_says_so_and_the_playbook_goes_on():
    told = deployed(story())
    told.at(3.0)
    assert told.at(60.0) == ["end load"]
    assert not told.story.over
    told.ends("playbook", 70.0)
    assert told.story.over


def test_a_playbook_that_comes_after_the_load_is_waited_for():
    told = deployed(story(playbook__start={"at": "70s"}))
    assert told.at(60.0) == ["end load"]
    assert not told.story.over
    assert told.at(70.0) == ["roll back: at"]


NEVER = {
    "the deployment": ({"deployment": {"run": "deploy", "after": {"tasks": "9000 confirmed"}}}, "the deployment never began"),
    "the playbook": ({"playbook__start": {"after": {"tasks": "9000 confirmed"}}}, "the playbook never began"),
}


@pytest.mark.parametrize(("changes", "expected"), NEVER.values(), ids=NEVER.keys())
def test_what_waits_for_tasks_is_given_up_when_no_more_arrive(changes: dict[str, Any], expected: str):
    told = story(**changes)
    if "deploy" in told.at(4.0):
        told.ends("deployment", 4.0)
    assert told.at(60.0) == ["end load"]
    assert told.at(60.1) == [f"abandon: {expected}: 9000 confirmed never came", "end load"]
    assert told.story.over


def test_without_a_deployment_nothing_is_waited_for():
    told = story(deployment=None, playbook__start={"at": "3s"})
    assert told.at(3.0) == ["roll back: at"]
    told.ends("playbook", 5.0)
    told.at(10.0)
    told.tasks = 1
    assert told.at(11.0) == ["end load"]
    assert told.story.over


# Random histories

STARTS: list[dict[str, Any]] = [
    {"at": "3s"},
    {"at": "3s after deployment"},
    {"after": {"deployment": "end"}},
    {"after": {"tasks": "20 given to v2"}},
    {"when": "slow", "no_later_than": "9s"},
    {"when": "slow", "no_later_than": "4s after deployment"},
]


Tick = tuple[float, bool, bool, bool, bool, int]
"""Seconds since the one before; whether programs end, v2 has worked, the alert is raised, the tasks are there; tasks confirmed."""


@dataclass
class History:
    """One random run of a story, tick by tick, in which programs end and tasks come when chance wants it."""

    told: Told
    log: list[tuple[float, str]] = field(default_factory=list)

    def run(self, ticks: Iterable[Tick]) -> History:
        for step, ends, worked, alert, counted, tasks in ticks:
            elapsed = self.told.elapsed + step
            self.told.without = [] if worked else ["v2"]
            self.told.tasks += tasks
            self.told.counts = {GivenTo(20, "v2"): counted}
            if alert:
                self.told.raised["slow"] = 1.0
            self.log += [(elapsed, act) for act in self.told.at(elapsed)]
            for which in ("deployment", "playbook"):
                if ends and self.told.story._open(which):  # type: ignore[arg-type]
                    self.told.ends(which, elapsed)
                    self.log.append((elapsed, f"{which} ended"))
            if self.told.story.over:
                break
        return self

    def when(self, starts: str) -> list[float]:
        return [elapsed for elapsed, act in self.log if act.startswith(starts)]


TICKS = st.lists(
    st.tuples(st.floats(0.1, 8.0), st.booleans(), st.booleans(), st.booleans(), st.booleans(), st.integers(0, 3)), min_size=5, max_size=60
)


def random_story(test: Callable[[History], None]) -> Callable[[], None]:
    @given(st.sampled_from(STARTS), TICKS)
    def run(start: dict[str, Any], ticks: list[Any]) -> None:
        test(History(story(playbook__start=start)).run(ticks))

    run.__name__ = test.__name__
    return run


def _never_before(history: History) -> None:
    for began in history.when("roll back"):
        assert history.when("deployment ended"), "the playbook began while the deployment ran"
        assert began >= history.when("deployment ended")[0]


def _once(history: History) -> None:
    for act in ("deploy", "roll back", "abandon"):
        assert len([word for _, word in history.log if word == act or word.startswith(f"{act}:")]) <= 1
    assert len(history.when("end load")) <= 1 + len(history.when("abandon"))


def _under_load(history: History) -> None:
    """The load outlasts the playbook, unless it has lasted as long as it may, or was given up."""
    for ended in history.when("end load"):
        told = history.when("playbook ended") and ended >= history.when("playbook ended")[0] and ended >= 10
        assert told or ended >= 60 or history.when("abandon")


test_a_playbook_never_begins_before_the_deployment_has_ended = random_story(_never_before)
test_each_act_is_done_once = random_story(_once)
test_the_load_outlasts_the_playbook = random_story(_under_load)


@given(st.sampled_from(STARTS), TICKS)
def test_every_story_ends_when_its_programs_do(start: dict[str, Any], ticks: list[Any]):
    history = History(story(playbook__start=start)).run(ticks)
    if not history.told.story.over:
        history.run([(5.0, True, True, True, True, 1)] * 40)
    assert history.told.story.over
