"""The JSON schema: an editor that follows it accepts what the loader accepts, and marks the mistakes that a schema can see."""

import jsonschema
import pytest
from ruamel.yaml import YAML
from scenario_folder import SOUND

from drillbook.validation.init import TEMPLATE
from drillbook.validation.schema import schema


@pytest.fixture(scope="module")
def validator():
    jsonschema.Draft202012Validator.check_schema(schema())
    return jsonschema.Draft202012Validator(schema())


def read(text: str):
    return YAML(typ="safe", pure=True).load(text)


def test_it_accepts_a_sound_scenario(validator):
    validator.validate(read(SOUND))


def test_it_accepts_what_init_writes(validator):
    validator.validate(read((TEMPLATE / "scenario.yaml.in").read_text()))


def test_it_accepts_its_own_examples(validator):
    for example in schema()["examples"]:
        validator.validate(example)


def test_every_key_says_what_it_means():
    parts = {"a scenario": schema(), **schema()["$defs"]}
    silent = [f"{name}.{key}" for name, part in parts.items() for key, value in part["properties"].items() if not value.get("description")]
    described = {name for name, part in parts.items() if part.get("description")}
    bare = [
        key for key in silent if parts[key.split(".")[0]]["properties"][key.split(".")[1]].get("$ref", "").split("/")[-1] not in described
    ]
    assert bare == []


def test_durations_have_their_defaults_as_one_writes_them():
    assert schema()["$defs"]["Playbook"]["properties"]["timeout"]["default"] == "5m"


def test_invariants_are_offered_with_their_parameters():
    offered = schema()["properties"]["invariants"]["properties"]
    assert offered["version_fence"]["required"] == ["version", "after"]


@pytest.mark.parametrize("moment", ["on: {wire: ack}", "on: {wire: ack, nth: 3}\n    after: {step: drain v2}"])
def test_it_accepts_a_message_as_a_moment_alone_or_beside_another(validator, moment):
    validator.validate(read(SOUND.replace("during: {step: drain v2}", moment)))


MISTAKES = {
    "an unknown key": ("size: 256", "sise: 256"),
    "a missing key": ("rate: 300/s, ", ""),
    "a wrong type": ("replicas: 2, env: {QUEUE: tasks.v1}", "replicas: two, env: {QUEUE: tasks.v1}"),
    "a bare duration": ("at: 10s", "at: 10"),
    "an unknown choice": ("{type: quorum, dead_letter_to: tasks.dead}", "{type: quorom}"),
    "two sources of workers": ("v1: {build: worker,", "v1: {build: worker, image: x,"),
    "two kinds of fault": ("    kill: {target: workers.v2, pick: one}\n", "    kill: {target: broker}\n    pause: {target: broker}\n"),
    "two moments": ("    at: 10s\n", "    at: 10s\n    when: backlog\n"),
    "two events of the drill": ("during: {step: drain v2}", "after: {step: drain v2, playbook: end}"),
    "an event that is none": ("during: {step: drain v2}", "after: {}"),
    "two starts of the deployment": ("{run: ./deploy.sh, at: 5s}", "{run: ./deploy.sh, at: 5s, after: {tasks: 200 confirmed}}"),
    "no start of the deployment": ("{run: ./deploy.sh, at: 5s}", "{run: ./deploy.sh}"),
    "two measures of a monitor": ("{queue_depth: tasks.v1, above: 100}", "{queue_depth: tasks.v1, query: select 1, above: 100}"),
    "two limits of a monitor": ("{queue_depth: tasks.v1, above: 100}", "{queue_depth: tasks.v1, above: 100, below: 1}"),
    "a latest time without an alert": ("{when: canary_slow, no_later_than: 20s}", "{at: 5s, no_later_than: 20s}"),
    "two starts of the playbook": ("{when: canary_slow, no_later_than: 20s}", "{when: canary_slow, no_later_than: 20s, at: 5s}"),
    "no moment": ("    at: 10s\n", ""),
    "a drop of nothing": ("kill: {target: workers.v2, pick: one}", "drop: {link: workers.v2 -> broker}"),
    "two moments beside a message": ("    at: 10s\n", "    at: 10s\n    when: backlog\n    on: {wire: ack}\n"),
    "a length for what ends by itself": ("latency: {link: workers.v2 -> broker, delay: 400ms, jitter: 100ms}", "restart: {target: broker}"),
    "a monitor of nothing": ("{queue_depth: tasks.v1, above: 100}", "{above: 100}"),
    "an alert without a latest time": ("{when: canary_slow, no_later_than: 20s}", "{when: canary_slow}"),
    "a part with nothing in it": ("deployment: {run: ./deploy.sh, at: 5s}", "deployment:"),
    "an unknown parameter of an invariant": ("recovered: {within: 30s}", "recovered: {within: 30s, x: 1}"),
    "a parameter left out": ("recovered: {within: 30s}", "recovered:"),
}


@pytest.mark.parametrize(("old", "new"), MISTAKES.values(), ids=MISTAKES.keys())
def test_it_marks_a_mistake(validator, old, new):
    assert SOUND.count(old) == 1
    assert not validator.is_valid(read(SOUND.replace(old, new)))
