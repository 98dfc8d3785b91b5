"""What is declared on the broker, normalised, so that two moments can be compared line by line: lines of ``topology.jsonl``.

Left out is what the broker draws or assigns by itself: queues and exchanges whose names begin with ``amq.``, the default exchange and its
bindings, queues that belong to one connection (``exclusive``), nodes and states, and of consumers their tags, ports and connections.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

from drillbook.evidence.kinds.topology import Topology

Definitions = Mapping[str, Any]
"""As ``GET /api/definitions/<vhost>`` gives them, each queue with its ``type``."""
Consumers = Mapping[tuple[str, str], int]
"""How many consumers there are by queue and role: ``workers.v1``, ``operator`` …"""
_OWN_NAMES = "amq."
_SETTINGS = ("type", "durable", "auto_delete", "internal")


def snapshot(at: int, moment: Literal["before", "after"], definitions: Definitions, consumers: Consumers) -> list[Topology]:
    """Everything that is declared, as evidence.

    Args:
        at: when it was asked, in nanoseconds since the epoch.
        moment: which of the two.
        definitions: what the broker has.
        consumers: who consumes.
    """
    found = [*_queues(definitions), *_exchanges(definitions), *_bindings(definitions), *_policies(definitions), *_consumers(consumers)]
    return [Topology(at, moment, kind, name, field, json.dumps(value, sort_keys=True)) for kind, name, field, value in found]


_Setting = tuple[Literal["queue", "exchange", "binding", "policy", "consumer"], str, str, Any]


def _queues(definitions: Definitions) -> Iterator[_Setting]:
    for queue in _declared(definitions.get("queues", ())):
        for field, value in _settings(queue):
            yield "queue", queue["name"], field, value
        policy = effective_policy(queue["name"], definitions.get("policies", ()))
        if policy is not None:
            yield "queue", queue["name"], "policy", policy


def _exchanges(definitions: Definitions) -> Iterator[_Setting]:
    for exchange in _declared(definitions.get("exchanges", ())):
        for field, value in _settings(exchange):
            yield "exchange", exchange["name"], field, value


def _bindings(definitions: Definitions) -> Iterator[_Setting]:
    for binding in definitions.get("bindings", ()):
        if not binding["source"] or binding["destination"].startswith(_OWN_NAMES):
            continue
        key, arguments = binding["routing_key"], binding.get("arguments") or {}
        told = f' with "{key}"' if key else ""
        told += f" {json.dumps(arguments, sort_keys=True)}" if arguments else ""
        yield "binding", f"{binding['source']} -> {binding['destination_type']} {binding['destination']}{told}", "there", True


def _policies(definitions: Definitions) -> Iterator[_Setting]:
    for policy in definitions.get("policies", ()):
        for field in ("pattern", "apply-to", "priority"):
            yield "policy", policy["name"], field, policy[field]
        for field, value in policy["definition"].items():
            yield "policy", policy["name"], f"definition.{field}", value


def _consumers(consumers: Consumers) -> Iterator[_Setting]:
    for (queue, role), count in sorted(consumers.items()):
        if not queue.startswith(_OWN_NAMES):
            yield "consumer", queue, role, count


def effective_policy(queue: str, policies: Iterable[Mapping[str, Any]]) -> str | None:
    """The policy that applies to a queue: of those whose pattern matches the one with the highest priority (rabbitmq.com/docs/policies)."""
    matching = [policy for policy in policies if policy["apply-to"] != "exchanges" and _matches(policy["pattern"], queue)]
    return str(max(matching, key=lambda policy: (policy["priority"], policy["name"]))["name"]) if matching else None


def role(peer: str) -> str:
    """A client without the number of its container: ``workers.v1`` for ``workers.v1.2``."""
    return peer.rpartition(".")[0] if peer.startswith("workers.") else peer


def _matches(pattern: str, queue: str) -> bool:
    try:
        return re.search(pattern, queue) is not None
    except re.error:  # the broker's expressions are Perl's; the few that Python does not know match nothing here
        return False


def _declared(things: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    return (thing for thing in things if thing["name"] and not thing["name"].startswith(_OWN_NAMES))


def _settings(thing: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for field in _SETTINGS:
        if field in thing:
            yield field, thing[field]
    for name, value in (thing.get("arguments") or {}).items():
        yield f"arguments.{name}", value
