"""Every name that stands for something declared elsewhere in the file must be declared there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from drillbook.core.problems import suggestion
from drillbook.core.refs import NameKind, Ref
from drillbook.core.units import unit_among
from drillbook.scenario import Scenario
from drillbook.validation.model_fields import Leaf, leaves
from drillbook.validation.partial_scenario import PartialScenario

OWN_EXCHANGES = ("amq.direct", "amq.fanout", "amq.topic", "amq.headers", "amq.match")
"""Every broker has these."""


@dataclass(frozen=True)
class KnownNames:
    """The names of one kind.

    Args:
        names: all that would do.
        listed: those worth listing in a message.
    """

    names: Sequence[str]
    listed: Sequence[str]


Names = dict[NameKind, KnownNames]
"""Kinds left out cannot be told from this file; references to them are not checked."""


def known_names(partial: PartialScenario, steps: KnownNames | None) -> Names:
    """What references can name.

    Args:
        partial: the file.
        steps: the playbook's steps; None where they cannot be told.
    """
    source = partial.source
    plain: dict[NameKind, tuple[str, ...]] = {
        "queue": ("stage", "broker", "queues"),
        "version": ("stage", "workers"),
        "invariant": ("invariants",),
    }
    names: Names = {kind: _same(source.names(*path)) for kind, path in plain.items() if source.names(*path)}
    names["monitor"] = _same(source.names("monitors"))
    names["fault"] = _same([entry.name for _, entry in partial.faults])
    if isinstance(source.get("stage", "broker"), dict):
        declared = source.names("stage", "broker", "exchanges")
        names["exchange"] = KnownNames(["", *declared, *OWN_EXCHANGES], declared)
    if steps is not None:
        names["step"] = steps
    if partial.names is not None:
        stage, groups = partial.names, partial.names.groups()
        names["container"] = KnownNames([*stage.containers(), *groups], [*stage.services, *groups[1:]])
        clients = [*groups, *stage.workers()]
        few = [link for link in stage.links() if not link.startswith("workers")]
        names["link"] = KnownNames(
            [*few, *(f"{client} -> {service}" for client in clients for service in stage.reached)],
            [*few, *(f"{group} -> {service}" for group in groups[1:] for service in stage.reached)],
        )
    return names


def check(partial: PartialScenario, names: Names) -> None:
    """References that name nothing, keys with nothing in them, and times without a unit."""
    for leaf in leaves(Scenario, partial.source.data):
        reference: Ref | None = leaf.marked(Ref)
        if leaf.value is None and leaf.optional and leaf.path[0] != "invariants":
            partial.source.refuse(partial.source.key(leaf.path), f"{leaf.path[-1]} is empty: give it a value, or leave it out")
        elif meant := _unit_meant(leaf):
            said = f"{leaf.path[-1]}: {leaf.value:g} has no unit; write it as {leaf.value:g}{meant}"
            partial.source.refuse(partial.source.value(leaf.path), said)
        elif reference is not None and isinstance(leaf.value, str) and reference.kind in names:
            known = names[reference.kind]
            if not _is_known(partial, reference.kind, leaf.value, known):
                partial.source.refuse(partial.source.value(leaf.path), unknown(reference.kind, leaf.value, known))
    _bindings(partial, names)
    _held_steps(partial, names)


def unknown(kind: NameKind, name: str, known: KnownNames) -> str:
    """The message about a name that nothing has."""
    if kind == "step":
        return f"the playbook has no step {name}{suggestion(name, known.names) if known.listed else _none_read(known)}"
    if kind == "invariant":
        return f"{name} is not among the invariants of this file{suggestion(name, known.names)}"
    return f"there is no {kind} {name}{suggestion(name, known.names, known.listed)}"


def _none_read(known: KnownNames) -> str:
    whole = f", or say {known.names[0]}, which is all of it" if known.names else ""
    return f"; no steps can be read from its program: name them in playbook.steps{whole}"


def _is_known(partial: PartialScenario, kind: NameKind, name: str, known: KnownNames) -> bool:
    if kind in ("link", "container") and partial.names is not None:
        return ("->" in name) == (kind == "link") and bool(partial.names.resolve(name))
    return name in known.names


def _bindings(partial: PartialScenario, names: Names) -> None:
    bindings = partial.source.get("stage", "broker", "bindings")
    if "queue" not in names or not isinstance(bindings, list):
        return
    known = [*names["queue"].names, *names["exchange"].names]
    for number in range(len(bindings)):
        path = ("stage", "broker", "bindings", number, "to")
        target = partial.source.get(*path)
        if isinstance(target, str) and (target not in known or not target):
            partial.source.refuse(partial.source.value(path), f"there is no queue or exchange {target}{suggestion(target, known[:-5])}")


def _held_steps(partial: PartialScenario, names: Names) -> None:
    """The keys of `hold` are names of steps."""
    steps = partial.source.names("playbook", "hold")
    for step in steps if "step" in names else ():
        if step not in names["step"].names:
            partial.source.refuse(partial.source.key(("playbook", "hold", step)), unknown("step", step, names["step"]))


def _unit_meant(leaf: Leaf) -> str:
    """The unit that a number without one probably has; empty where it needs none."""
    unit = unit_among(leaf.metadata) if isinstance(leaf.value, float) else None
    return unit.assumed if unit else ""


def _same(names: Sequence[str]) -> KnownNames:
    return KnownNames(names, names)
