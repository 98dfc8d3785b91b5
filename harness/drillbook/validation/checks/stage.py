"""Stages that a broker, a database or the engine would refuse."""

from __future__ import annotations

import re

from drillbook.core.problems import suggestion
from drillbook.scenario import Exchange, Monitor, Queue, Service
from drillbook.stage.component import CLIENTS
from drillbook.stage.components import kinds
from drillbook.stage.components.services import ServiceComponent, variables
from drillbook.validation.partial_scenario import PartialScenario

EXCHANGE_TYPES = ("direct", "fanout", "topic", "headers")
PLUGIN_OF = {
    "x-consistent-hash": "rabbitmq_consistent_hash_exchange",
    "x-random": "rabbitmq_random_exchange",
    "x-recent-history": "rabbitmq_recent_history_exchange",
    "x-modulus-hash": "rabbitmq_sharding",
}


def check(partial: PartialScenario) -> None:
    """Names the broker keeps for itself, settings its queue types do not have, and what needs a database without one."""
    _queues(partial)
    _exchanges(partial)
    _services(partial)
    _workers(partial)
    _database(partial)


def _queues(partial: PartialScenario) -> None:
    source, base = partial.source, ("stage", "broker", "queues")
    for name in source.names(*base):
        path = (*base, name)
        _own_name(partial, path, name)
        queue = partial.part(Queue, *path)
        if queue and queue.delivery_limit is not None and queue.type != "quorum":
            source.refuse(source.key((*path, "delivery_limit")), f"a {queue.type} queue has no delivery limit; only quorum queues do")
        if queue and queue.dead_letter_to is not None and queue.type == "stream":
            source.refuse(source.key((*path, "dead_letter_to")), "a stream has no dead letters")


def _exchanges(partial: PartialScenario) -> None:
    source, base = partial.source, ("stage", "broker", "exchanges")
    plugins = source.get("stage", "broker", "plugins") or []
    for name in source.names(*base):
        path = (*base, name)
        _own_name(partial, path, name)
        exchange = partial.part(Exchange, *path)
        if exchange is None:
            continue
        if exchange.type not in EXCHANGE_TYPES and not exchange.type.startswith("x-"):
            source.refuse(
                source.value((*path, "type")), f"there is no exchange type {exchange.type}{suggestion(exchange.type, EXCHANGE_TYPES)}"
            )
        needed = PLUGIN_OF.get(exchange.type)
        if needed and needed not in plugins:
            source.refuse(source.value((*path, "type")), f"{exchange.type} needs {needed} in stage.broker.plugins")


def _own_name(partial: PartialScenario, path: tuple[str, ...], name: str) -> None:
    if name.startswith("amq.") or not name:
        partial.source.refuse(
            partial.source.key(path), "a name must not be empty" if not name else "names that begin with amq. are the broker's own"
        )


def _services(partial: PartialScenario) -> None:
    source, base = partial.source, ("stage", "services")
    taken = {*(kind for kind in kinds() if kind != ServiceComponent.kind), *CLIENTS}
    for name in source.names(*base):
        place = source.key((*base, name))
        if name in taken:
            source.refuse(place, f"{name} is a part of the stage already: give this server another name")
        elif not re.fullmatch(r"[a-z][a-z0-9-]*", name):
            source.refuse(
                place, f"{name} cannot name a server, as clients find it by that: use small letters, digits and -, a letter first"
            )
        for port in source.names(*base, name, "ports"):
            if not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]*", port):
                place = source.key((*base, name, "ports", port))
                source.refuse(place, f"{port} cannot name a port, as a variable has its name: use letters, digits and -, a letter first")


def _workers(partial: PartialScenario) -> None:
    source = partial.source
    declared = (variable for kind in kinds().values() for variable in kind.worker_variables)
    given = (*declared, *(variable for name in source.names("stage", "services") for variable in _addresses(partial, name)))
    for version in source.names("stage", "workers"):
        path = ("stage", "workers", version)
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", version):
            source.refuse(source.key(path), f"{version} cannot name a version: use letters, digits, _ and -, a letter first")
        for variable in source.names(*path, "env"):
            if variable in given:
                source.refuse(source.key((*path, "env", variable)), f"{variable} is set by the stage; leave it out")


def _addresses(partial: PartialScenario, name: str) -> tuple[str, ...]:
    service = partial.part(Service, "stage", "services", name)
    return variables(name, service) if service is not None else ()


def _database(partial: PartialScenario) -> None:
    source = partial.source
    if partial.has_database:
        return
    for name in source.names("monitors"):
        if partial.part(Monitor, "monitors", name) and "query" in source.names("monitors", name):
            source.refuse(source.key(("monitors", name, "query")), f"the monitor {name} asks a database, and the stage has none")
    if "query" in source.names("effects"):
        source.refuse(source.key(("effects", "query")), "effects are read from a database, and the stage has none")
