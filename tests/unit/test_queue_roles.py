"""Which queues keep dead letters, and which only delay: it decides when a stage is at rest, and what a remaining task is called."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from drillbook.rabbitmq.queue_roles import dead_letter_queues, delay_queues, delays, resting_queues, running
from drillbook.scenario import Broker


def broker(queues: dict[str, Any], **more: Any) -> Broker:
    return Broker.model_validate({"queues": queues, **more})


def test_a_queue_that_another_sends_its_dead_letters_to_keeps_them() -> None:
    assert dead_letter_queues(broker({"tasks": {"dead_letter_to": "dead"}, "dead": {}})) == {"dead"}


def test_arguments_over_the_default_exchange_count_like_the_short_form() -> None:
    arguments = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"}
    assert dead_letter_queues(broker({"tasks": {"arguments": arguments}, "dead": {}})) == {"dead"}


def test_a_dead_letter_exchange_of_a_policy_leads_to_the_queues_bound_to_it() -> None:
    declared = broker(
        {"tasks": {}, "dead": {}},
        exchanges={"dlx": {"type": "fanout"}},
        bindings=[{"from": "dlx", "to": "dead"}],
        policies={"dead": {"pattern": "^tasks$", "definition": {"dead-letter-exchange": "dlx"}}},
    )
    assert dead_letter_queues(declared) == {"dead"}


def test_a_policy_for_other_queues_says_nothing() -> None:
    policies = {"dead": {"pattern": "^other$", "definition": {"dead-letter-exchange": "", "dead-letter-routing-key": "dead"}}}
    assert dead_letter_queues(broker({"tasks": {}, "dead": {}}, policies=policies)) == set()


def test_a_queues_own_arguments_win_over_a_policy() -> None:
    policies = {"dead": {"pattern": ".*", "definition": {"dead-letter-exchange": "", "dead-letter-routing-key": "elsewhere"}}}
    arguments = {"x-dead-letter-routing-key": "dead"}
    declared = broker({"tasks": {"arguments": arguments}, "dead": {}, "elsewhere": {}}, policies=policies)
    assert "dead" in dead_letter_queues(declared)


def test_a_retry_queue_with_a_time_to_live_delays_and_keeps_nothing() -> None:
    declared = broker(
        {
            "tasks": {"dead_letter_to": "retry"},
            "retry": {"dead_letter_to": "tasks", "arguments": {"x-message-ttl": 5000}},
        }
    )
    assert delay_queues(declared) == {"retry"}
    assert dead_letter_queues(declared) == set()


def test_a_pattern_that_only_the_broker_can_read_matches_nothing_here() -> None:
    policies = {"dead": {"pattern": "^(?|tasks)$", "definition": {"dead-letter-exchange": "", "dead-letter-routing-key": "dead"}}}
    assert dead_letter_queues(broker({"tasks": {}, "dead": {}}, policies=policies)) == set()


BACK = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "tasks"}


def test_how_long_a_queue_delays_is_what_its_arguments_say() -> None:
    assert delays(broker({"tasks": {}, "retry": {"arguments": BACK | {"x-message-ttl": 40_000}}})) == {"retry": 40.0}


def test_of_two_times_to_live_the_lower_one_holds_as_with_the_broker() -> None:
    policies = {"soon": {"pattern": "^retry$", "definition": {"message-ttl": 1500}}}
    assert delays(broker({"tasks": {}, "retry": {"arguments": BACK | {"x-message-ttl": 40_000}}}, policies=policies)) == {"retry": 1.5}


def test_a_time_to_live_that_is_no_number_is_not_known() -> None:
    assert delays(broker({"tasks": {}, "retry": {"arguments": BACK | {"x-message-ttl": "later"}}})) == {"retry": None}


QUEUES: dict[str, Any] = {"tasks": {"dead_letter_to": "dead"}, "dead": {}, "later": {}, "aside": {}, "log": {"type": "stream"}}


def test_tasks_may_rest_in_dead_letter_queues_streams_and_where_an_invariant_has_them_parked() -> None:
    invariants = {"no_lost_tasks": {"parked": ["later"]}, "no_stuck_tasks": {"allow": ["aside", "celeryev.*"]}, "conservation": None}
    assert resting_queues(broker(QUEUES), invariants) == {"dead", "log", "later", "aside"}


def test_a_queue_that_may_differ_or_that_may_expire_its_tasks_is_none_where_they_may_rest() -> None:
    invariants = {"topology_restored": {"allow": ["later"]}, "nothing_expired": {"allow": ["aside"]}, "no_lost_tasks": {"allow": ["dead"]}}
    assert resting_queues(broker(QUEUES), invariants) == {"dead", "log"}


def test_what_runs_is_read_from_the_broker_without_its_own_bindings_and_those_of_exchanges() -> None:
    answers: dict[str, list[dict[str, Any]]] = {
        "queues": [{"name": "b", "type": "quorum", "arguments": {"x-message-ttl": 5}}, {"name": "a", "arguments": {}}],
        "bindings": [
            {"source": "in", "destination": "a", "destination_type": "queue", "routing_key": "k"},
            {"source": "in", "destination": "out", "destination_type": "exchange", "routing_key": "k"},
            {"source": "", "destination": "a", "destination_type": "queue", "routing_key": "a"},
        ],
        "policies": [{"name": "p", "pattern": "^a", "definition": {"max-length": 1}, "apply-to": "queues", "priority": 2}],
    }
    client: Any = SimpleNamespace(api=lambda _, path: SimpleNamespace(json=lambda: answers[path.partition("/")[0]]))
    found = running(client)
    assert {name: (queue.type, queue.arguments) for name, queue in found.queues.items()} == {
        "a": ("classic", {}),
        "b": ("quorum", {"x-message-ttl": 5}),
    }
    assert [(binding.source, binding.to, binding.key) for binding in found.bindings] == [("in", "a", "k")]
    assert [(name, policy.pattern, policy.priority) for name, policy in found.policies.items()] == [("p", "^a", 2)]
