"""What a queue is for: one that keeps dead letters, one that only delays, one where tasks may remain. Pure, but for :func:`running`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from drillbook.rabbitmq.broker import BrokerClient
from drillbook.scenario import Binding, Broker, Policy, Queue


def dead_letter_queues(broker: Broker) -> set[str]:
    """Queues where refused tasks end: a queue that delays passes its tasks on and is none."""
    found: set[str] = set()
    delaying = delay_queues(broker)
    for name, queue in broker.queues.items():
        if name in delaying:
            continue
        settings = _settings(broker, name)
        exchange, key = settings.get("dead-letter-exchange"), settings.get("dead-letter-routing-key")
        if queue.dead_letter_to is not None:
            found.add(queue.dead_letter_to)
        elif exchange == "":
            found |= {key for key in [key] if key in broker.queues}
        elif exchange is not None:
            found |= {binding.to for binding in broker.bindings if binding.source == exchange and binding.to in broker.queues}
    return found - delaying


def delay_queues(broker: Broker) -> set[str]:
    """Queues whose tasks go elsewhere by themselves when their time to live is over."""
    return set(delays(broker))


def delays(broker: Broker) -> dict[str, float | None]:
    """The queues that delay, each with the longest time in seconds that a task stays in it; None: its settings do not say."""
    return {
        name: _time_to_live(broker, name)
        for name, queue in broker.queues.items()
        if "message-ttl" in _settings(broker, name) and ("dead-letter-exchange" in _settings(broker, name) or queue.dead_letter_to)
    }


def resting_queues(broker: Broker, invariants: Mapping[str, Mapping[str, Any] | None]) -> set[str]:
    """Queues where a task may remain for good: dead letters, streams (which keep what they have), and parking queues.

    Args:
        broker: what is declared.
        invariants: by name, each with its parameters. ``parked`` of any of them names parking queues, and so does ``allow`` of
            ``no_stuck_tasks``; an ``allow`` of another one is about something else.
    """
    named = [(given or {}).get("parked") for given in invariants.values()] + [(invariants.get("no_stuck_tasks") or {}).get("allow")]
    parking = {queue for queues in named for queue in queues or [] if queue in broker.queues}
    streams = {name for name, queue in broker.queues.items() if queue.type == "stream"}
    return dead_letter_queues(broker) | streams | parking


def running(client: BrokerClient) -> Broker:
    """The broker's queues, bindings and policies as they are now, what programs made included.

    Raises:
        ConnectionError: the management API does not answer.
        HarnessError: it refuses.
    """
    queues = client.api("GET", "queues/%2F?disable_stats=true&enable_queue_totals=true").json()
    bindings = client.api("GET", "bindings/%2F").json()
    policies = client.api("GET", "policies/%2F").json()
    return Broker.model_construct(
        queues={
            queue["name"]: Queue.model_construct(type=queue.get("type", "classic"), arguments=queue["arguments"], dead_letter_to=None)
            for queue in sorted(queues, key=lambda queue: str(queue["name"]))
        },
        bindings=[
            Binding.model_construct(source=binding["source"], to=binding["destination"], key=binding["routing_key"])
            for binding in bindings
            if binding["source"] and binding["destination_type"] == "queue"
        ],
        policies={
            policy["name"]: Policy.model_construct(
                pattern=policy["pattern"], definition=policy["definition"], apply_to=policy["apply-to"], priority=policy["priority"]
            )
            for policy in policies
        },
    )


def _settings(broker: Broker, queue: str) -> dict[str, Any]:
    """What arguments and policies say of a queue; arguments win, as with the broker (rabbitmq.com/docs/policies)."""
    return {**_policy(broker, queue), **_arguments(broker, queue)}


def _policy(broker: Broker, queue: str) -> dict[str, Any]:
    matching = [policy for policy in broker.policies.values() if policy.apply_to != "exchanges" and _matches(policy.pattern, queue)]
    return max(matching, key=lambda policy: policy.priority).definition if matching else {}


def _arguments(broker: Broker, queue: str) -> dict[str, Any]:
    return {name.removeprefix("x-"): value for name, value in broker.queues[queue].arguments.items()}


def _time_to_live(broker: Broker, queue: str) -> float | None:
    """Seconds; of numbers the lower one wins, as with the broker (rabbitmq.com/docs/parameters#policies)."""
    said = [settings.get("message-ttl") for settings in (_policy(broker, queue), _arguments(broker, queue))]
    return min((float(value) / 1000 for value in said if isinstance(value, int)), default=None)


def _matches(pattern: str, queue: str) -> bool:
    try:
        return re.search(pattern, queue) is not None
    except re.error:  # the broker's own dialect knows more than Python's
        return False
