"""Every name that stands for something declared elsewhere in the file must be declared there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from drillbook.core.problems import suggestion
from drillbook.core.refs import Kind, Ref
from drillbook.core.units import unit_among
from drillbook.scenario import Scenario
from drillbook.validation.draft import Draft
from drillbook.validation.walk import Leaf, leaves

OWN_EXCHANGES = ("amq.direct", "amq.fanout", "amq.topic", "amq.headers", "amq.match")
"""Every broker has these."""


@dataclass(frozen=True)
class Known:
    """The names of one kind.

    Args:
        names: all that would do.
        listed: those worth listing in a message.
    """

    names: Sequence[str]
    listed: Sequence[str]


Names = dict[Kind, Known]
"""Kinds left out cannot be told from this file; references to them are not checked."""


def known_names(draft: Draft, steps: Known | None) -> Names:
    """What references can name.

    Args:
        draft: the file.
        steps: the playbook's steps; None where they cannot be told.
    """
    source = draft.source
    plain: dict[Kind, tuple[str, ...]] = {
        "queue": ("stage", "broker", "queues"),
        "version": ("stage", "workers"),
        "invariant": ("invariants",),
    }
    names: Names = {kind: _same(source.names(*path)) for kind, path in plain.items() if source.names(*path)}
    names["monitor"] = _same(source.names("monitors"))
    names["fault"] = _same([entry.name for _, entry in draft.faults])
    if isinstance(source.get("stage", "broker"), dict):
        declared = source.names("stage", "broker", "exchanges")
        names["exchange"] = Known(["", *declared, *OWN_EXCHANGES], declared)
    if steps is not None:
        names["step"] = steps
    if draft.names is not None:
        stage, groups = draft.names, draft.names.groups()
        names["container"] = Known([*stage.containers(), *groups], [*stage.services, *groups[1:]])
        clients = [*groups, *stage.workers()]
        few = [link for link in stage.links() if not link.startswith("workers")]
        names["link"] = Known(
            [*few, *(f"{client} -> {service}" for client in clients for service in stage.reached)],
            [*few, *(f"{group} -> {service}" for group in groups[1:] for service in stage.reached)],
        )
    return names


def check(draft: Draft, names: Names) -> None:
    """References that name nothing, keys with nothing in them, and times without a unit."""
    for leaf in leaves(Scenario, draft.source.data):
        reference: Ref | None = leaf.marked(Ref)
        if leaf.value is None and leaf.optional and leaf.path[0] != "invariants":
            draft.source.refuse(draft.source.key(leaf.path), f"{leaf.path[-1]} has nothing in it; give it a value, or leave it out")
        elif meant := _unit_meant(leaf):
            said = f"{leaf.path[-1]}: {leaf.value:g} has no unit; write it as {leaf.value:g}{meant}"
            draft.source.refuse(draft.source.value(leaf.path), said)
        elif reference is not None and isinstance(leaf.value, str) and reference.kind in names:
            known = names[reference.kind]
            if not _is_known(draft, reference.kind, leaf.value, known):
                draft.source.refuse(draft.source.value(leaf.path), unknown(reference.kind, leaf.value, known))
    _bindings(draft, names)
    _held_steps(draft, names)


def unknown(kind: Kind, name: str, known: Known) -> str:
    """The message about a name that nothing has."""
    if kind == "step":
        return f"the playbook has no step {name}{suggestion(name, known.names) if known.listed else _none_read(known)}"
    if kind == "invariant":
        return f"{name} is not among the invariants of this file{suggestion(name, known.names)}"
    return f"there is no {kind} {name}{suggestion(name, known.names, known.listed)}"


def _none_read(known: Known) -> str:
    whole = f", or say {known.names[0]}, which is all of it" if known.names else ""
    return f"; none can be read from its program: name them in playbook.steps{whole}"


def _is_known(draft: Draft, kind: Kind, name: str, known: Known) -> bool:
    if kind in ("link", "container") and draft.names is not None:
        return ("->" in name) == (kind == "link") and bool(draft.names.resolve(name))
    return name in known.names


def _bindings(draft: Draft, names: Names) -> None:
    bindings = draft.source.get("stage", "broker", "bindings")
    if "queue" not in names or not isinstance(bindings, list):
        return
    known = [*names["queue"].names, *names["exchange"].names]
    for number in range(len(bindings)):
        path = ("stage", "broker", "bindings", number, "to")
        target = draft.source.get(*path)
        if isinstance(target, str) and (target not in known or not target):
            draft.source.refuse(draft.source.value(path), f"there is no queue or exchange {target}{suggestion(target, known[:-5])}")


def _held_steps(draft: Draft, names: Names) -> None:
    """The keys of `hold` are names of steps."""
    held = draft.source.names("playbook", "hold")
    for step in held if "step" in names else ():
        if step not in names["step"].names:
            draft.source.refuse(draft.source.key(("playbook", "hold", step)), unknown("step", step, names["step"]))


def _unit_meant(leaf: Leaf) -> str:
    """The unit that a number without one probably has; empty where it needs none."""
    unit = unit_among(leaf.metadata) if isinstance(leaf.value, float) else None
    return unit.assumed if unit else ""


def _same(names: Sequence[str]) -> Known:
    return Known(names, names)
