"""Every kind of fault, by its name. It is apart from what a fault is, so that a distribution that adds one can be imported first."""

from __future__ import annotations

from drillbook import faults
from drillbook.core.additions import by_name, import_all
from drillbook.faults.base import Fault, Hits

GROUP = "drillbook.faults"
"""Entry points of this group name a class, a subclass of `Fault`."""


def _found() -> dict[str, type[Fault]]:
    """By kind.

    Raises:
        UsageError: what another distribution adds cannot be imported, or two are of one kind.
    """
    import_all(faults.__name__, faults.__path__, GROUP, "fault")
    return by_name(Fault.__subclasses__(), "kind", "fault")


KINDS: dict[str, type[Fault]] = _found()


def kinds(hits: Hits) -> list[str]:
    """The names of the kinds that hit links, containers or messages."""
    return [kind for kind, fault in KINDS.items() if getattr(fault, "hits", None) == hits]
