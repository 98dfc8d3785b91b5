"""What is read from outside: sources of effects, task states, a script's ledger, the outbox, and where messages carry their ids."""

from __future__ import annotations

import re

from drillbook.core.problems import suggestion
from drillbook.evidence.task_id import body_steps
from drillbook.scenario import Load
from drillbook.validation.partial_scenario import PartialScenario

OF_THE_LOAD = ("intended_at", "attempt", "version")
"""Headers that the load sets itself."""


def check(partial: PartialScenario) -> None:
    """Sources that nothing can be read from, tasks that leave effects nowhere, and ids where the load writes something else."""
    _sources(partial)
    _types(partial)
    _database(partial)
    _ids(partial)


def _sources(partial: PartialScenario) -> None:
    source, base = partial.source, ("effects", "sources")
    if "sources" not in source.names("effects"):
        return
    if "query" in source.names("effects"):
        source.refuse(source.key(("effects", "query")), "effects are read by query or from sources: give one of them")
    if source.get(*base) == {}:
        source.refuse(source.key(base), "sources names none; leave it out, or name one")
    for name in source.names(*base):
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", name):
            source.refuse(
                source.key((*base, name)),
                f"{name} cannot name a source, as calls name it in their address: use letters, digits, _ and -, a letter first",
            )


def _types(partial: PartialScenario) -> None:
    """Each type must leave an effect somewhere: no source of its own would mean that it is always done."""
    source, base, load = partial.source, ("effects", "sources"), partial.part(Load, "load")
    if load is None or not source.names(*base):
        return
    covered: set[str] = set()
    for name in source.names(*base):
        types = source.get(*base, name, "types")
        covered |= (
            set(load.types) if types is None else {one for one in types if isinstance(one, str)} if isinstance(types, list) else set()
        )
        for number, one in enumerate(types if isinstance(types, list) else []):
            if isinstance(one, str) and one not in load.types:
                place = source.value((*base, name, "types", number))
                source.refuse(place, f"no task of the load has the type {one}{suggestion(one, list(load.types))}")
    for one in load.types:
        if one not in covered:
            source.refuse(source.key(base), f"tasks of type {one} leave an effect in none of the sources")


def _database(partial: PartialScenario) -> None:
    source, base = partial.source, ("effects", "sources")
    if partial.has_database:
        return
    for name in source.names(*base):
        if "query" in source.names(*base, name):
            source.refuse(source.key((*base, name, "query")), f"{name} is read from a database, and the stage has none")
    for part in ("states", "handled", "outbox"):
        if "query" in source.names(part):
            source.refuse(source.key((part, "query")), f"{part} is read from a database, and the stage has none")


def _ids(partial: PartialScenario) -> None:
    source, path = partial.source, ("stage", "id_from")
    place = source.get(*path)
    load = partial.part(Load, "load")
    if not isinstance(place, str) or load is None:
        return
    has_own_bodies = all(load.shape(name).body is not None for name in load.types)
    header, steps = place.removeprefix("header:"), body_steps(place)
    if place.startswith("header:") and header in OF_THE_LOAD:
        source.refuse(source.value(path), f"the load sets the header {header} itself: keep the id in another one")
    elif steps and not has_own_bodies and (steps[0] in ("type", "payload") or (steps[0] == "task" and len(steps) > 1)):
        source.refuse(source.value(path), f"the load fills {steps[0]} of its bodies itself: keep the id elsewhere, such as body:$.id")
