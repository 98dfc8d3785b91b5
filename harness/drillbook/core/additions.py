"""What other distributions add to Drillbook, by entry points; and finding what a package declares, a file each."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Iterator
from importlib.metadata import EntryPoint, entry_points
from typing import TypeVar

from drillbook.core.errors import UsageError

C = TypeVar("C")


def import_all(package: str, path: Iterable[str], group: str, what: str) -> None:
    """Import every module of a package, and what other distributions name in a group of entry points.

    Args:
        package: its name.
        path: its ``__path__``.
        group: such as ``drillbook.faults``.
        what: what an entry point adds, for the message: ``fault``.

    Raises:
        UsageError: something of another distribution cannot be imported.
    """
    for module in pkgutil.iter_modules(path):
        importlib.import_module(f"{package}.{module.name}")
    for entry in entry_points(group=group):
        _load(entry, what)


def declared(classes: Iterable[type[C]], name: str) -> Iterator[type[C]]:
    """Those of some classes and of all below them that say a name of their own, such as their ``kind``."""
    for one in classes:
        if name in vars(one):
            yield one
        yield from declared(one.__subclasses__(), name)


def _load(entry: EntryPoint, what: str) -> None:
    try:
        entry.load()
    except Exception as error:  # whatever an import of somebody else's may raise
        whose = f" of {entry.dist.name}" if entry.dist else ""
        raise UsageError(f"the {what} {entry.name}{whose} cannot be loaded from {entry.value}: {error!r}.", "Mend or remove it.") from error
