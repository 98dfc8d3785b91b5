"""One drill on real parts in which faults come with messages: what each did, by the wire, the effects and the judge."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from conftest import Finished, run_drill

SCENARIO = Path(__file__).parent / "on_wire" / "scenario.yaml"
CARELESS, SOUND = "careless acknowledgements are lost", "sound acknowledgements are lost"
KILLED = "a careless worker dies between its commit and its acknowledgement"
CONFIRM, LATE, CLOSED = "a confirm is lost", "a delivery is late", "a channel is closed"
SLOW = "the load's link is slow when a task arrives"


@pytest.fixture(scope="module")
def drill(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """The drill, run once."""
    return run_drill(SCENARIO, tmp_path_factory.mktemp("reports"), "--seed", "3")


def lines(drill: Finished, stem: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (drill.run_directory / f"{stem}.jsonl").read_text().splitlines()]


def acts(drill: Finished, fault: str, ending: str) -> list[dict[str, Any]]:
    """The tap's lines of a fault that end so."""
    said = [line for line in lines(drill, "wire") if line["event"] == "fault" and line["rule"] == fault]
    return [line for line in said if line["reason"] == ending or line["reason"].endswith(f" {ending}")]


def effects(drill: Finished) -> Counter[str]:
    return Counter(line["task"] for line in lines(drill, "effects"))


def states(drill: Finished, fault: str) -> list[str]:
    return [event["state"] for event in drill.timeline if event["event"] == "fault" and event["name"] == fault]


def test_each_lost_acknowledgement_of_a_worker_without_an_inbox_leaves_exactly_one_effect_more(drill: Finished) -> None:
    lost = Counter(line["task"] for line in [*acts(drill, CARELESS, "dropped"), *acts(drill, KILLED, "dropped")])
    doubled = Counter({task: count - 1 for task, count in effects(drill).items() if count > 1})
    assert lost.total() == 3
    assert doubled == lost


def test_a_worker_with_an_inbox_survives_lost_acknowledgements_with_one_effect_each(drill: Finished) -> None:
    lost = {line["task"] for line in acts(drill, SOUND, "dropped")}
    assert lost
    assert {effects(drill)[task] for task in lost} == {1}
    assert {line["task"] for line in lines(drill, "wire") if line["event"] == "deliver" and line["redelivered"]} >= lost


def test_a_worker_dies_holding_the_acknowledgement_that_it_was_killed_for(drill: Finished) -> None:
    (held,), (dropped,) = acts(drill, KILLED, "held"), acts(drill, KILLED, "dropped")
    assert (held["task"], held["peer"]) == (dropped["task"], dropped["peer"])
    killed = [event["name"] for event in drill.timeline if event["event"] == "container" and event["state"] == "killed"]
    assert killed == [held["peer"]]
    assert not [
        line
        for line in lines(drill, "wire")
        if line["event"] == "ack" and line.get("connection") == held["connection"] and line["task"] == held["task"]
    ]


def test_a_publish_whose_confirm_is_lost_is_unknown_and_its_task_is_not_lost(drill: Finished) -> None:
    (dropped,) = acts(drill, CONFIRM, "dropped")
    outcomes = {line["task"]: line["outcome"] for line in lines(drill, "published")}
    assert outcomes[dropped["task"]] == "unknown"
    assert effects(drill)[dropped["task"]] == 1


def test_a_held_delivery_goes_on_when_its_time_is_over(drill: Finished) -> None:
    (held,), (let_go,) = acts(drill, LATE, "held"), acts(drill, LATE, "let go")
    assert held["task"] == let_go["task"]
    assert let_go["at"] - held["at"] >= 1_500_000_000
    assert effects(drill)[held["task"]] == 1


def test_a_closed_channel_gives_its_task_back(drill: Finished) -> None:
    (closed,) = acts(drill, CLOSED, "closed")
    wire = lines(drill, "wire")
    (close,) = [
        line for line in wire if line["event"] == "close" and line["connection"] == closed["connection"] and "drill" in line["reason"]
    ]
    assert close["channel"] == closed["channel"]
    again = [line for line in wire if line["event"] == "deliver" and line["task"] == closed["task"] and line["seq"] > close["seq"]]
    assert again
    assert again[0]["redelivered"]


def test_another_kind_of_fault_happens_while_the_message_is_held(drill: Finished) -> None:
    (held,), (let_go,) = acts(drill, SLOW, "held"), acts(drill, SLOW, "let go")
    moments = {event["state"]: event["at"] for event in drill.timeline if event["event"] == "fault" and event["name"] == SLOW}
    assert held["at"] <= moments["begin"] <= moments["took_effect"] <= let_go["at"]


@pytest.mark.parametrize("fault", [CARELESS, SOUND, CONFIRM, LATE, CLOSED, SLOW])
def test_a_fault_at_a_message_is_written_down_before_it_acts_and_bites_and_lifts(drill: Finished, fault: str) -> None:
    assert states(drill, fault) == ["armed", "begin", "took_effect", "end", "cleared"]


def test_a_fault_beside_a_step_counts_from_there(drill: Finished) -> None:
    (end,) = [event["at"] for event in drill.timeline if (event["event"], event["name"], event["state"]) == ("step", "look", "end")]
    (note,) = [event["at"] for event in drill.timeline if (event["event"], event["name"], event["state"]) == ("step", "note it", "begin")]
    (armed,) = acts(drill, CLOSED, "armed")
    assert end <= armed["at"] <= note


def test_every_fault_at_a_message_is_proven(drill: Finished) -> None:
    assert drill.verdict["preconditions"] == []


def test_only_what_a_worker_without_an_inbox_does_is_broken(drill: Finished) -> None:
    verdicts = {result["name"]: result["verdict"] for result in drill.verdict["results"]}
    assert verdicts == {
        "no_lost_tasks": "held",
        "no_duplicate_effects": "broken",
        "conservation": "held",
        "playbook_succeeded": "held",
    }, drill.stdout + drill.stderr
    (result,) = [result for result in drill.verdict["results"] if result["name"] == "no_duplicate_effects"]
    assert {finding["task"].split("-")[0] for finding in result["findings"]} == {"careless"}


def test_no_rule_is_left_when_the_drill_has_ended(drill: Finished) -> None:
    assert json.loads((drill.run_directory / "tap" / "rules.json").read_text()) == []
