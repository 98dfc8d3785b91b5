"""What chance decides about faults: which victims, by the seed and the fault's own name, and never by anything else."""

from pathlib import Path

import pytest
from scenario_folder import SOUND, sound_folder

from drillbook import plan
from drillbook.scenario import Scenario
from drillbook.tap.rules import Rule
from drillbook.validation.loader import load

KILL = "kill: {target: workers.v2, pick: one}"


@pytest.fixture
def drill(tmp_path: Path):
    """Makes the sound scenario with one thing replaced."""
    file = sound_folder(tmp_path / "drill")

    def make(old: str = "", new: str = "") -> Scenario:
        file.write_text(SOUND.replace(old, new) if old else SOUND)
        return load(file)

    return make


def victims(scenario: Scenario, seed: int, fault: int = 1) -> tuple[str, ...]:
    return plan.make_plan(scenario, seed).faults[fault].victims


def test_the_same_seed_gives_the_same_plan(drill):
    assert plan.make_plan(drill(), 7) == plan.make_plan(drill(), 7)


def test_every_replica_is_drawn_by_some_seed(drill):
    assert {victims(drill(), seed) for seed in range(20)} == {("workers.v2.1",), ("workers.v2.2",)}


def test_another_fault_before_it_does_not_move_the_victims_of_a_fault(drill):
    more = drill("faults:\n", "faults:\n  - {name: first, pause: {target: workers, pick: one}, at: 1s}\n")
    assert [victims(more, seed, 2) for seed in range(20)] == [victims(drill(), seed) for seed in range(20)]


def test_two_faults_do_not_always_hit_the_same_victim(drill):
    twice = drill("faults:\n", "faults:\n  - {name: first, pause: {target: workers.v2, pick: one}, at: 1s}\n")
    assert {victims(twice, seed, 0) == victims(twice, seed, 2) for seed in range(20)} == {True, False}


def test_all_is_every_one_that_the_name_stands_for(drill):
    assert victims(drill(), 1, fault=0) == ("workers.v2.1 -> broker", "workers.v2.2 -> broker")


def test_a_number_draws_so_many_and_keeps_the_stages_order(drill):
    many = drill(KILL, "kill: {target: workers, pick: 3}")
    drawn = [victims(many, seed) for seed in range(20)]
    assert {len(names) for names in drawn} == {3}
    assert all(list(names) == [name for name in plan.workers(many) if name in names] for names in drawn)


def test_one_replica_by_its_number_is_just_that_one(drill):
    assert victims(drill(KILL, "kill: {target: workers.v2.2}"), 1) == ("workers.v2.2",)


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("at: 90s", ("at", 90.0)),
        ("before: {step: stop v2}", ("before", "stop v2")),
        ("during: {step: drain v2}", ("during", "drain v2")),
        ("after: {step: drain v2}", ("after", "drain v2")),
        ("when: backlog", ("when", "backlog")),
    ],
)
def test_a_fault_has_one_moment(drill, moment, expected):
    fault = plan.make_plan(drill("during: {step: drain v2}", moment), 1).faults[1]
    assert (fault.trigger, fault.moment) == expected


def at_message(drill, fault: str, on: str, seed: int = 1) -> plan.PlannedFault:
    return plan.make_plan(drill(f"{KILL}\n    during: {{step: drain v2}}", f"{fault}\n    on: {on}"), seed).faults[1]


def test_a_message_is_counted_over_all_links_of_the_fault_together(drill):
    fault = at_message(drill, "drop: {link: workers.v1 -> broker, sever: false}", "{wire: ack, nth: 9, count: 2, task: charge-000001}")
    assert fault.rule == Rule(
        id="a canary worker dies while it is drained#1",
        name="a canary worker dies while it is drained",
        links=("workers.v1.1 -> broker", "workers.v1.2 -> broker"),
        event="ack",
        action="drop",
        nth=9,
        count=2,
        task="charge-000001",
        sever=False,
    )
    assert (fault.trigger, fault.moment) == ("on", 0.0)


@pytest.mark.parametrize(
    ("fault", "action", "seconds"),
    [
        ("hold: {link: workers.v1 -> broker, delay: 2s}", "hold", 2.0),
        ("close_channel: {link: workers.v1 -> broker}", "close", None),
        ("cut: {link: workers.v1 -> broker}", "hold", None),
    ],
)
def test_the_tap_does_what_the_fault_asks_and_holds_the_message_for_those_that_ask_nothing(drill, fault, action, seconds):
    rule = at_message(drill, fault, "{wire: deliver}").rule
    assert (rule.action, rule.seconds) == (action, seconds)


def test_a_message_beside_another_moment_is_counted_from_there(drill):
    fault = at_message(drill, KILL, "{wire: ack, link: workers.v2 -> broker}\n    before: {step: stop v2}")
    assert (fault.trigger, fault.moment, fault.rule.nth) == ("before", "stop v2", 1)


def test_a_drop_on_some_links_counts_on_these_only(drill):
    fault = at_message(drill, "drop: {link: workers -> broker, pick: 2}", "{wire: ack}", seed=3)
    assert len(fault.victims) == 2
    assert fault.rule.links == fault.victims


VICTIMS = {
    "the one whose message it was": ("kill: {target: workers.v2, pick: one}", "workers.v2", ("workers.v2.2",)),
    "its link": ("latency: {link: workers.v2 -> database, pick: one, delay: 1s}", "workers.v2", ("workers.v2.2 -> database",)),
    "all, whoever it was": ("kill: {target: workers.v2}", "workers.v2", ("workers.v2.1", "workers.v2.2")),
    "the only one there is": ("kill: {target: broker, pick: one}", "workers.v2", ("broker",)),
}


@pytest.mark.parametrize(("fault", "client", "expected"), VICTIMS.values(), ids=VICTIMS)
def test_with_pick_one_the_message_chooses_among_several_victims(drill, fault, client, expected):
    planned = at_message(drill, fault, f"{{wire: ack, link: {client} -> broker}}")
    assert planned.hitting("workers.v2.2").victims == expected


def test_a_message_of_somebody_else_chooses_nobody(drill):
    drawn = {at_message(drill, KILL, "{wire: ack, link: workers.v1 -> broker}", seed).hitting("workers.v1.1").victims for seed in range(20)}
    assert drawn == {("workers.v2.1",), ("workers.v2.2",)}


def test_a_message_of_nobody_chooses_nobody(drill):
    scenario = drill(f"{KILL}\n    during: {{step: drain v2}}", f"{KILL}\n    on: {{wire: ack, link: workers.v1 -> broker}}")
    first, entry = scenario.faults
    nowhere = entry.model_copy(update={"on": entry.on.model_copy(update={"link": "workers.v9 -> broker"})})
    drawn = {victims(scenario.model_copy(update={"faults": [first, nowhere]}), seed) for seed in range(20)}
    assert drawn == {("workers.v2.1",), ("workers.v2.2",)}


def test_a_fault_without_a_length_lasts_until_settling(drill):
    assert [fault.seconds for fault in plan.make_plan(drill(), 1).faults] == [12.0, None]


def test_a_stage_has_a_link_from_each_client_to_each_service(drill):
    assert plan.links(drill("v1: {build: worker, replicas: 2", "v1: {build: worker, replicas: 1")) == [
        "load -> broker",
        "operator -> broker",
        "operator -> database",
        "workers.v1.1 -> broker",
        "workers.v1.1 -> database",
        "workers.v2.1 -> broker",
        "workers.v2.1 -> database",
        "workers.v2.2 -> broker",
        "workers.v2.2 -> database",
    ]


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("workers.v2", ["workers.v2.1", "workers.v2.2"]),
        ("workers", ["workers.v1.1", "workers.v1.2", "workers.v2.1", "workers.v2.2"]),
        ("broker", ["broker"]),
        ("workers.v1->database", ["workers.v1.1 -> database", "workers.v1.2 -> database"]),
        ("operator -> broker", ["operator -> broker"]),
        ("workers.v", []),
        ("workers.v2.3", []),
        ("load -> database", []),
        ("", []),
    ],
)
def test_a_reference_names_what_it_says_and_no_more(drill, reference, expected):
    assert plan.resolve(drill(), reference) == expected
