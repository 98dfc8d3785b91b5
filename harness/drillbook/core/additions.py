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


def by_name(classes: Iterable[type[C]], name: str, what: str) -> dict[str, type[C]]:
    """Of some classes and of all below them those that say a name of their own, by that name and in its order.

    Args:
        classes: the subclasses of what is looked for.
        name: the attribute that says it, such as ``kind``.
        what: what they are called, for the message: ``fault``.

    Raises:
        UsageError: two have the same.
    """
    found: dict[str, type[C]] = {}
    for one in sorted(_declared(classes, name), key=lambda one: str(getattr(one, name))):
        key = getattr(one, name)
        if (first := found.get(key)) is not None:
            raise UsageError(f"{_place(first)} and {_place(one)} are {what}s of one {name}, {key}.", "Rename or remove one.")
        found[key] = one
    return found


def _declared(classes: Iterable[type[C]], name: str) -> Iterator[type[C]]:
    for one in classes:
        if name in vars(one):
            yield one
        yield from _declared(one.__subclasses__(), name)


def _place(one: type) -> str:
    return f"{one.__module__}.{one.__name__}"


def _load(entry: EntryPoint, what: str) -> None:
    try:
        entry.load()
    except Exception as error:  # whatever an import of somebody else's may raise
        whose = f" of {entry.dist.name}" if entry.dist else ""
        raise UsageError(f"the {what} {entry.name}{whose} cannot be loaded from {entry.value}: {error!r}.", "Mend or remove it.") from error
