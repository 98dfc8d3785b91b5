"""What is declared on a broker, made comparable."""

from __future__ import annotations

from typing import Any

import pytest

from drillbook.drive.broker_watch import consumers_to_wait_for
from drillbook.rabbitmq.topology import effective_policy, role, snapshot

QUEUE = {"name": "tasks", "type": "quorum", "durable": True, "auto_delete": False, "arguments": {"x-delivery-limit": 5}}


def settings(definitions: dict[str, Any], consumers: dict[tuple[str, str], int] | None = None) -> set[tuple[str, str, str, str]]:
    return {(line.kind, line.name, line.field, line.value) for line in snapshot(1, "before", definitions, consumers or {})}


def test_every_setting_of_a_queue_is_a_line() -> None:
    assert settings({"queues": [QUEUE]}) == {
        ("queue", "tasks", "type", '"quorum"'),
        ("queue", "tasks", "durable", "true"),
        ("queue", "tasks", "auto_delete", "false"),
        ("queue", "tasks", "arguments.x-delivery-limit", "5"),
    }


def test_a_queue_names_the_policy_that_applies_to_it() -> None:
    policy = {"name": "ttl", "pattern": "^tasks", "apply-to": "queues", "priority": 0, "definition": {"message-ttl": 1000}}
    found = settings({"queues": [QUEUE], "policies": [policy]})
    assert ("queue", "tasks", "policy", '"ttl"') in found
    assert ("policy", "ttl", "definition.message-ttl", "1000") in found


def test_of_several_policies_the_one_with_the_highest_priority_applies() -> None:
    policies = [{"name": name, "pattern": ".*", "apply-to": "all", "priority": number} for number, name in enumerate("abc")]
    assert effective_policy("tasks", policies) == "c"


def test_a_policy_for_exchanges_applies_to_no_queue() -> None:
    assert effective_policy("tasks", [{"name": "ae", "pattern": ".*", "apply-to": "exchanges", "priority": 0}]) is None


def test_a_pattern_that_python_cannot_read_matches_nothing() -> None:
    assert effective_policy("tasks", [{"name": "odd", "pattern": "(?|x)", "apply-to": "queues", "priority": 0}]) is None


def test_what_the_broker_names_itself_is_left_out() -> None:
    own = {"name": "amq.gen-JzTY20BRgKO", "type": "classic", "durable": False}
    binding = {"source": "events", "destination": own["name"], "destination_type": "queue", "routing_key": ""}
    assert (
        settings({"queues": [own], "exchanges": [{"name": "amq.topic"}], "bindings": [binding]}, {("amq.gen-x", "workers.v1"): 1}) == set()
    )


def test_a_binding_is_named_by_its_ends_its_key_and_its_arguments() -> None:
    binding = {"source": "tasks", "destination": "v1", "destination_type": "exchange", "routing_key": "3", "arguments": {"b": 1, "a": 2}}
    assert settings({"bindings": [binding]}) == {("binding", 'tasks -> exchange v1 with "3" {"a": 2, "b": 1}', "there", "true")}


def test_values_are_json_with_sorted_keys() -> None:
    policy = {"name": "p", "pattern": "x", "apply-to": "queues", "priority": 0, "definition": {"args": {"b": 1, "a": 2}}}
    assert ("policy", "p", "definition.args", '{"a": 2, "b": 1}') in settings({"policies": [policy]})


def test_consumers_are_counted_by_queue_and_role() -> None:
    assert settings({}, {("tasks", "workers.v1"): 2}) == {("consumer", "tasks", "workers.v1", "2")}


def test_a_role_is_a_worker_without_its_number() -> None:
    assert (role("workers.v2.1"), role("operator")) == ("workers.v2", "operator")


def test_consumers_of_a_queue_that_a_worker_declared_for_itself_are_not_waited_for() -> None:
    before = {("tasks", "workers.v1"): 2, ("celeryev.05363c77", "workers.v1"): 1}
    assert consumers_to_wait_for(before, ["tasks", "tasks.dead"]) == {("tasks", "workers.v1")}


BOUND = {
    "nothing more": ({}, "", "in -> queue tasks"),
    "a key": ({}, "k", 'in -> queue tasks with "k"'),
    "arguments": ({"x": 1}, "", 'in -> queue tasks {"x": 1}'),
}


@pytest.mark.parametrize(("arguments", "key", "name"), BOUND.values(), ids=BOUND)
def test_a_binding_is_named_by_all_that_tells_it_from_others(arguments: dict[str, int], key: str, name: str) -> None:
    bindings = [{"source": "in", "destination": "tasks", "destination_type": "queue", "routing_key": key, "arguments": arguments}]
    assert [line.name for line in snapshot(1, "before", {"bindings": bindings}, {})] == [name]
