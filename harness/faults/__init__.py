"""Faults: one file each, found by its ``kind``. In: a stage and the name of a victim. Out: a fault that bit, and one that lifted.

A fault touches nothing but the containers and links of its own stage, and imports no Docker: the stage is handed to it.
"""

from __future__ import annotations

import importlib
import pkgutil

from harness.faults.base import Fault, Stage

__all__ = ["KINDS", "Fault", "Stage"]


def _found() -> dict[str, type[Fault]]:
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return {fault.kind: fault for fault in sorted(Fault.__subclasses__(), key=lambda fault: fault.kind)}


KINDS: dict[str, type[Fault]] = _found()
