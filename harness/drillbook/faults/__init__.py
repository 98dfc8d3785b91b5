"""Faults: one file each, found by its ``kind``; other distributions add theirs by the entry point group ``drillbook.faults``.

In: a stage and the name of a victim. Out: a fault that bit, and one that lifted. ``base`` says what a fault is, ``on_wire`` what those have
in common that hit messages.

A fault touches nothing but the containers and links of its own stage, and imports no Docker: the stage is handed to it.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Iterator
from importlib.metadata import EntryPoint, entry_points

from drillbook.core.errors import UsageError
from drillbook.faults.base import ContainerFault, Fault, Hits, LinkFault, Stage
from drillbook.faults.on_wire import WireFault

GROUP = "drillbook.faults"
"""Entry points of this group name a class, a subclass of `Fault`."""

__all__ = ["GROUP", "KINDS", "ContainerFault", "Fault", "LinkFault", "Stage", "WireFault", "kinds"]


def _found() -> dict[str, type[Fault]]:
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    for entry in entry_points(group=GROUP):
        _load(entry)
    return {fault.kind: fault for fault in sorted(_kinds(Fault.__subclasses__()), key=lambda fault: fault.kind)}


def _load(entry: EntryPoint) -> None:
    """Import what another distribution adds; its classes are found as ours are.

    Raises:
        UsageError: it cannot be imported.
    """
    try:
        entry.load()
    except Exception as error:  # whatever an import of somebody else's may raise
        whose = f" of {entry.dist.name}" if entry.dist else ""
        raise UsageError(f"the fault {entry.name}{whose} cannot be loaded from {entry.value}: {error!r}.", "Mend or remove it.") from error


def _kinds(faults: Iterable[type[Fault]]) -> Iterator[type[Fault]]:
    for fault in faults:
        if "kind" in vars(fault):
            yield fault
        yield from _kinds(fault.__subclasses__())


KINDS: dict[str, type[Fault]] = _found()


def kinds(hits: Hits) -> list[str]:
    """The names of the kinds that hit links, containers or messages."""
    return [kind for kind, fault in KINDS.items() if getattr(fault, "hits", None) == hits]
