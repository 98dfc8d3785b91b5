"""Faults: one file each, found by its ``kind``; other distributions add theirs by the entry point group ``drillbook.faults``.

In: a stage and the name of a victim. Out: a fault that took effect, and one that cleared. ``base`` says what a fault is, ``wire_fault``
what those have in common that hit messages.

A fault touches nothing but the containers and links of its own stage, and imports no Docker: the stage is handed to it.
"""

from __future__ import annotations

from drillbook.core.additions import declared, import_all
from drillbook.core.errors import UsageError
from drillbook.faults.base import ContainerFault, Fault, FaultStage, Hits, LinkFault
from drillbook.faults.wire_fault import WireFault

GROUP = "drillbook.faults"
"""Entry points of this group name a class, a subclass of `Fault`."""

__all__ = ["GROUP", "KINDS", "ContainerFault", "Fault", "FaultStage", "LinkFault", "WireFault", "kinds"]


def _found() -> dict[str, type[Fault]]:
    """By kind.

    Raises:
        UsageError: what another distribution adds cannot be imported, or two are of one kind.
    """
    import_all(__name__, __path__, GROUP, "fault")
    found: dict[str, type[Fault]] = {}
    for fault in sorted(declared(Fault.__subclasses__(), "kind"), key=lambda fault: fault.kind):
        if (first := found.get(fault.kind)) is not None:
            raise UsageError(f"{_name(first)} and {_name(fault)} are faults of one kind, {fault.kind}.", "Rename or remove one.")
        found[fault.kind] = fault
    return found


def _name(fault: type[Fault]) -> str:
    return f"{fault.__module__}.{fault.__name__}"


KINDS: dict[str, type[Fault]] = _found()


def kinds(hits: Hits) -> list[str]:
    """The names of the kinds that hit links, containers or messages."""
    return [kind for kind, fault in KINDS.items() if getattr(fault, "hits", None) == hits]
