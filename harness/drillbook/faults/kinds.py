"""Every kind of fault, by its name. It is apart from what a fault is, so that a distribution that adds one can be imported first."""

from __future__ import annotations

from drillbook import faults
from drillbook.core.additions import declared, import_all
from drillbook.core.errors import UsageError
from drillbook.faults.base import Fault, Hits

GROUP = "drillbook.faults"
"""Entry points of this group name a class, a subclass of `Fault`."""


def _found() -> dict[str, type[Fault]]:
    """By kind.

    Raises:
        UsageError: what another distribution adds cannot be imported, or two are of one kind.
    """
    import_all(faults.__name__, faults.__path__, GROUP, "fault")
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
