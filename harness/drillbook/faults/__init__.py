"""Faults: one file each, found by its ``kind``; other distributions add theirs by the entry point group ``drillbook.faults``.

In: a stage and the name of a victim. Out: a fault that took effect, and one that cleared. ``base`` says what a fault is, ``wire_fault``
what those have in common that hit messages, ``kinds`` which there are.

A fault touches nothing but the containers and links of its own stage, and imports no Docker: the stage is handed to it.
"""

from __future__ import annotations

from drillbook.faults.base import ContainerFault, Fault, FaultStage, LinkFault
from drillbook.faults.wire_fault import WireFault

__all__ = ["ContainerFault", "Fault", "FaultStage", "LinkFault", "WireFault"]
