"""Faults: one file each, found by its ``kind``. In: a stage and the name of a victim. Out: a fault that bit, and one that lifted.

``base`` says what a fault is, ``on_wire`` what those have in common that hit messages.

A fault touches nothing but the containers and links of its own stage, and imports no Docker: the stage is handed to it.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Iterator

from drillbook.faults.base import Fault, Stage
from drillbook.faults.on_wire import WireFault

__all__ = ["KINDS", "Fault", "Stage", "WireFault"]


def _found() -> dict[str, type[Fault]]:
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return {fault.kind: fault for fault in sorted(_kinds(Fault.__subclasses__()), key=lambda fault: fault.kind)}


def _kinds(faults: Iterable[type[Fault]]) -> Iterator[type[Fault]]:
    for fault in faults:
        if "kind" in vars(fault):
            yield fault
        yield from _kinds(fault.__subclasses__())


KINDS: dict[str, type[Fault]] = _found()
