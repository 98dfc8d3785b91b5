"""The drills of configuration management: their own invariant, and that they tell one story."""

import json
from pathlib import Path

import pytest
from histories import START, run_directory
from ruamel.yaml import YAML

from drillbook.api import judge
from drillbook.evidence import Event
from drillbook.evidence.kinds.effects import Effect
from drillbook.validation.loader import load

FOLDER = Path(__file__).parents[2] / "scenarios" / "configuration_ansible"
CARELESS = ("policy_forgotten", "queue_type", "half_applied")


def judged(*work: str) -> tuple[str, list[str]]:
    """The verdict and what it says of effects such as ``app.1 v1``, in order; ``deploy`` stands for the deployment."""
    deployed = work.index("deploy") if "deploy" in work else 0
    effects = [
        Effect(f"charge-{number}", f"charge-{number}", line.split()[1], f"workers.{line.split()[0]}", START + number)
        for number, line in enumerate(work)
        if line != "deploy"
    ]
    timeline = [Event(START + deployed, "phase", "deployment", "begin"), Event(START + len(work), "phase", "deployment", "end")]
    run = run_directory(
        {"effects": effects, "timeline": timeline},
        {"title": "Settings", "invariants": {"settings_restored": None}},
        sql={"settings_restored": (FOLDER / "settings_restored.sql").read_text()},
    )
    result = judge(run).results[0]
    return str(result.verdict), [finding.why for finding in result.findings] or [result.reason]


def test_workers_that_came_back_to_their_settings_hold():
    assert judged("app.1 v1", "app.2 v1", "deploy", "app.1 v2", "app.2 v2", "app.1 v1", "app.2 v1")[0] == "held"


def test_one_worker_that_kept_the_new_settings_is_found_among_those_that_did_not():
    assert judged("app.1 v1", "app.2 v1", "deploy", "app.1 v2", "app.2 v2", "app.1 v1", "app.2 v2") == (
        "broken",
        ["workers.app.2 did its last task with v2, and worked with v1 before the deployment."],
    )


def test_a_worker_that_did_nothing_before_the_deployment_is_not_known():
    assert judged("app.1 v1", "deploy", "app.1 v1", "app.2 v1")[0] == "inconclusive"


def test_no_effect_at_all_is_not_known():
    assert judged("deploy")[0] == "inconclusive"


@pytest.mark.parametrize("name", [*CARELESS, "killed"])
def test_every_other_drill_differs_in_its_playbook_and_faults_alone(name: str):
    good, other = load(FOLDER / "scenario.yaml"), load(FOLDER / f"{name}.yaml")
    told = {"title", "description", "tags", "expect", "playbook", "faults"}
    assert other.model_dump(exclude=told) == good.model_dump(exclude=told)


def test_the_settings_in_the_image_are_those_of_the_first_commit():

    settings = json.loads((FOLDER / "worker" / "settings.json").read_text())
    broker, workers = (YAML(typ="safe").load(FOLDER / "commits" / "1" / f"{name}.yml") for name in ("broker", "workers"))
    assert settings == {**workers, "queue": broker["served"], "arguments": broker["queues"][broker["served"]]}
