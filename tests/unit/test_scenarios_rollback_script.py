"""The drills of the rollback script: its rules decide as their file says, and its controls differ from it only in what is careless."""

import importlib.util
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from drillbook.playbook.steps import step_names
from drillbook.validation.loader import load

FOLDER = Path(__file__).parents[2] / "scenarios" / "rollback_script"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
KNOWN_BAD = ("fails_the_executing", "reschedules_the_done", "starts_afresh")


def _module() -> Any:
    spec = importlib.util.spec_from_file_location("rules_of_the_rollback_script", FOLDER / "rules.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


rules = _module()


def task(type: str = "charge", state: str = "queued", version: str | None = None, attempts: int = 0, age: float = 0.0) -> Any:
    return rules.Task("a", type, state, version, attempts, NOW - timedelta(seconds=age))


def decided(found: Any, file: Path = FOLDER / "rules.yaml") -> str:
    decision: str = rules.decide(rules.load(file), [found], NOW)["a"].decision
    return decision


def refused(folder: Path, text: str) -> str:
    (folder / "rules.yaml").write_text(text)
    with pytest.raises(rules.RulesError) as raised:
        rules.load(folder / "rules.yaml")
    return str(raised.value).removeprefix(f"{folder}/")


@pytest.mark.parametrize(
    ("found", "decision"),
    [
        (task(state="completed", version="v2", attempts=1), "left"),
        (task("payout", "completed", "v2", 1), "left"),
        (task("payout", "executing", "v2", 1), "failed"),
        (task("payout"), "rescheduled"),
        (task("quote", age=2.001), "failed"),
        (task("quote", age=2), "rescheduled"),
        (task("export", "failed", "v2", 3), "rescheduled"),
        (task("export", "failed", "v2", 4), "failed"),
        (task("charge", "executing", "v2", 1), "rescheduled"),
        (task("charge", age=3600), "rescheduled"),
    ],
)
def test_a_task_is_decided_on_as_the_rules_have_it(found: Any, decision: str):
    assert decided(found) == decision


def test_the_first_rule_that_matches_wins(tmp_path: Path):
    file = tmp_path / "rules.yaml"
    file.write_text("- {name: one, when: {type: charge}, then: leave}\n- {name: two, when: {}, then: fail}\n")
    assert [decided(task("charge"), file), decided(task("quote"), file)] == ["left", "failed"]


def test_tasks_that_no_rule_matches_are_refused_together_by_name(tmp_path: Path):
    file = tmp_path / "rules.yaml"
    file.write_text("- {name: one, when: {type: charge}, then: leave}\n")
    others = [rules.Task(name, "quote", "failed", "v2", 3, NOW) for name in "bc"]
    with pytest.raises(rules.RulesError, match=r"(?s)no rule matches 2 tasks.*b: quote, failed, v2, 3 attempts.*c: quote"):
        rules.decide(rules.load(file), [task("charge"), *others], NOW)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{}", "must be a list of rules"),
        ("- {name: a, then: leave}", "a rule has name, when and then"),
        ("- {name: a, when: {}, then: retry}", "then is 'retry'; it is one of leave, fail, reschedule"),
        ("- {name: a, when: {kind: charge}, then: fail}", "'kind' is no condition"),
        ("- {name: a, when: {state: done}, then: fail}", "there is no state 'done'"),
        ("- {name: a, when: {type: []}, then: fail}", "type is one word, or a list of them"),
        ("- {name: a, when: {attempts: 3}, then: fail}", "attempts is written {at_least: 1, at_most: 3}"),
        ("- {name: a, when: {older_than: 3}, then: fail}", "older_than is a number and a unit, such as 500ms, 30s or 5m; it is 3"),
        ("- {name: a, when: {}, then: fail}\n- {name: a, when: {}, then: leave}", "two rules are named 'a'"),
        ("- {name: a", "cannot be read"),
    ],
)
def test_a_rules_file_that_could_be_misread_is_refused(tmp_path: Path, text: str, expected: str):
    assert expected in refused(tmp_path, text)


def test_each_drill_names_the_steps_of_its_playbook():
    steps = {}
    for name in ("scenario", *KNOWN_BAD):
        playbook = load(FOLDER / f"{name}.yaml").playbook
        assert playbook is not None
        assert playbook.run is not None
        steps[name] = step_names(playbook.run, FOLDER)
    good = ["route to v1", "stop v2", "hold v1", "wait for unacked", "dry run", "apply", "apply again", "start v1", "verify"]
    assert steps == {
        "scenario": good,
        "fails_the_executing": ["route to v1", "dry run", "apply", "stop v2", "wait for unacked", "start v1"],
        "reschedules_the_done": good,
        "starts_afresh": ["route to v1", "stop v2", "wait for unacked", "dry run", "apply afresh", "start v1"],
    }


@pytest.mark.parametrize("name", KNOWN_BAD)
def test_a_known_bad_control_has_the_same_stage_load_deployment_and_alerts(name: str):
    good, bad = load(FOLDER / "scenario.yaml"), load(FOLDER / f"{name}.yaml")
    same = ("stage", "load", "deployment", "monitors", "settle", "states", "handled")
    assert [part for part in same if getattr(bad, part) != getattr(good, part)] == []


@pytest.mark.parametrize(
    ("name", "left_out"), [("fails_the_executing", set()), ("reschedules_the_done", set()), ("starts_afresh", {"no_overlap"})]
)
def test_a_known_bad_control_demands_what_the_known_good_one_does(name: str, left_out: set[str]):
    good, bad = load(FOLDER / "scenario.yaml").invariants, load(FOLDER / f"{name}.yaml").invariants
    assert {one: given for one, given in good.items() if one not in left_out} == bad
