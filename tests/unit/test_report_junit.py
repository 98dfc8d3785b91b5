"""The JUnit report and verdict.json, as a CI server reads them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

from small_run import at, hand_made, opened

from drillbook.evidence import Event
from drillbook.evidence.documents import FORMAT
from drillbook.judge.verdict import Finding, Judgement, Result, StoryMoment, Verdict
from drillbook.report import write

LOST = Finding(
    "charge-000012", "It was confirmed, left no effect and remains nowhere.", "drain v2", (StoryMoment(at(1), "published, confirmed"),)
)
RESULTS = (
    Result("no_lost_tasks", "Nothing is lost.", Verdict.BROKEN, 12, (LOST,)),
    Result("version_fence", "The fence holds.", Verdict.INCONCLUSIVE, 0, reason="wire is incomplete from 12.1 s on."),
    Result("drained", "Queues are empty.", Verdict.HELD, 0),
)
JUDGEMENT = Judgement("A drill", Verdict.BROKEN, "Broken.", RESULTS, None, (), ("no_lost_tasks",), 7, "drillbook run x --seed 7")


def suite(tmp_path: Path, judgement: Judgement) -> ElementTree.Element:
    run = hand_made(
        tmp_path / "reports" / "versioned_workers" / "now-7", Event(at(0), "phase", "load", "begin"), Event(at(2.5), "note", "x", "said")
    )
    found = ElementTree.parse(write(opened(run), judgement)["junit.xml"]).find("testsuite")
    assert found is not None
    return found


def case(found: ElementTree.Element, name: str) -> ElementTree.Element:
    [one] = [case for case in found.iter("testcase") if case.get("name") == name]
    return one


def test_a_suite_is_a_drill_and_counts_its_invariants(tmp_path: Path) -> None:
    found = suite(tmp_path, JUDGEMENT)
    assert {name: found.get(name) for name in ("name", "tests", "failures", "errors", "time")} == {
        "name": "versioned_workers", "tests": "3", "failures": "1", "errors": "1", "time": "2.500",
    }  # fmt: skip
    assert {one.get("classname") for one in found.iter("testcase")} == {"versioned_workers"}


def test_a_broken_invariant_fails_with_its_first_counterexample(tmp_path: Path) -> None:
    [failure] = case(suite(tmp_path, JUDGEMENT), "no_lost_tasks")
    assert failure.tag == "failure"
    assert failure.get("message") == (
        "charge-000012: It was confirmed, left no effect and remains nowhere. In the step “drain v2”. (and 11 more)"
    )


def test_an_inconclusive_invariant_is_an_error_and_never_skipped(tmp_path: Path) -> None:
    [error] = case(suite(tmp_path, JUDGEMENT), "version_fence")
    assert (error.tag, error.get("message")) == ("error", "wire is incomplete from 12.1 s on.")


def test_a_held_invariant_has_nothing_to_say(tmp_path: Path) -> None:
    assert list(case(suite(tmp_path, JUDGEMENT), "drained")) == []


def test_a_drill_that_could_prove_nothing_is_not_green(tmp_path: Path) -> None:
    held = Judgement(
        "A drill", Verdict.INCONCLUSIVE, "Inconclusive.", RESULTS[2:], None, ("Nothing was published.", "No fault took effect.")
    )
    found = suite(tmp_path, held)
    assert (found.get("tests"), found.get("errors")) == ("2", "1")
    assert case(found, "preconditions")[0].text == "Nothing was published.\nNo fault took effect."


def test_a_declared_break_stays_a_failure_and_is_named_as_expected(tmp_path: Path) -> None:
    found = suite(tmp_path, JUDGEMENT)
    properties = {one.get("name"): one.get("value") for one in found.iter("property")}
    assert found.get("failures") == "1"
    assert properties == {
        "title": "A drill",
        "verdict": "broken",
        "seed": "7",
        "replay": "drillbook run x --seed 7",
        "run_directory": "reports/versioned_workers/now-7",
        "expected_broken": "no_lost_tasks",
    }


def test_characters_that_xml_cannot_hold_are_replaced(tmp_path: Path) -> None:
    evil = Finding("a\x00\x1b]]>&<\ud800", "why\x08")
    judgement = Judgement("t\x00", Verdict.BROKEN, "s", (Result("n", "s", Verdict.BROKEN, 1, (evil,)),), None)
    assert case(suite(tmp_path, judgement), "n")[0].get("message") == "a��]]>&<�: why�"


def test_verdict_json_is_the_judgement_with_the_version_of_its_format(tmp_path: Path) -> None:
    content = json.loads(write(opened(hand_made(tmp_path)), JUDGEMENT)["verdict.json"].read_text())
    assert content.pop("format") == FORMAT
    assert content == json.loads(json.dumps(JUDGEMENT.as_json()))


def test_a_failure_ends_with_the_command_that_explains_its_first_task(tmp_path: Path) -> None:
    [failure] = case(suite(tmp_path, JUDGEMENT), "no_lost_tasks")
    assert (failure.text or "").splitlines()[-1] == "drillbook explain reports/versioned_workers/now-7 charge-000012"


def test_notes_are_a_property_and_stand_in_the_verdict_file(tmp_path: Path) -> None:
    noted = replace(JUDGEMENT, notes=("The playbook began while the deployment still ran.",))
    properties = {one.get("name"): one.get("value") for one in suite(tmp_path, noted).iter("property")}
    assert properties["notes"] == "The playbook began while the deployment still ran."
    verdict = next(tmp_path.rglob("verdict.json"))
    assert json.loads(verdict.read_text())["notes"] == ["The playbook began while the deployment still ran."]
