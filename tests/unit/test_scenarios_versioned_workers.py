"""The drills of versioned workers tell the same story: only the playbook and the workers' care differ."""

from pathlib import Path

from drillbook.playbook.steps import step_names
from drillbook.validation.loader import load

FOLDER = Path(__file__).parents[2] / "scenarios" / "versioned_workers"


def test_all_are_valid_and_name_steps_of_their_playbooks():
    for name, steps in (
        ("scenario", ["route to v1", "drain v2", "park v2 shapes", "stop v2", "move leftovers", "prove it"]),
        ("careless", ["stop v2", "delete v2 queue", "route to v1"]),
        ("moved_blindly", ["route to v1", "drain v2", "park v2 shapes", "stop v2", "move leftovers"]),
    ):
        scenario = load(FOLDER / f"{name}.yaml")
        assert scenario.playbook is not None
        assert step_names(scenario.playbook.run, FOLDER) == steps


def test_the_careless_one_has_the_same_stage_load_deployment_and_alerts():
    good, careless = load(FOLDER / "scenario.yaml"), load(FOLDER / "careless.yaml")
    assert good.stage is not None
    assert careless.stage is not None
    assert careless.stage.broker == good.stage.broker
    assert careless.stage.database == good.stage.database
    assert (careless.load, careless.deployment, careless.monitors) == (good.load, good.deployment, good.monitors)
    assert [fault.fault.kind for fault in careless.faults] == [fault.fault.kind for fault in good.faults]
    for version, workers in good.stage.workers.items():
        assert careless.stage.workers[version].replicas == workers.replicas


def test_the_careless_one_declares_what_it_breaks_and_nothing_that_breaks_for_the_same_reason():
    careless = load(FOLDER / "careless.yaml")
    assert careless.expect is not None
    assert set(careless.expect.broken) == {"no_lost_tasks", "no_duplicate_effects"}
    assert not {"conservation", "recovered"} & set(careless.invariants)


def test_the_incomplete_one_differs_from_the_known_good_one_in_nothing_but_its_playbook():
    good, blind = load(FOLDER / "scenario.yaml"), load(FOLDER / "moved_blindly.yaml")
    told = {"title", "description", "tags", "expect", "playbook"}
    assert blind.model_dump(exclude=told) == good.model_dump(exclude=told)
    assert blind.expect is not None
    assert set(blind.expect.broken) == {"no_lost_tasks", "decodable", "recovered"}
