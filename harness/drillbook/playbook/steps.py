"""The steps of a program, read from its text before it runs: what `drillbook validate` lists and faults may name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from drillbook.core.errors import HarnessError
from drillbook.playbook.command import take_apart
from drillbook.playbook.runner import ProgramReading


def step_names(command: str, folder: Path) -> list[str]:
    """The names of a program's steps, in the order of its text; empty where the text cannot be read.

    Args:
        command: the command line, as in the scenario.
        folder: the scenario's folder.
    """
    return list(_reading(command, folder).names)


def all_step_names(command: str, folder: Path, called: str, named: Sequence[str]) -> list[str]:
    """The names of all steps that a program is known to have, each once: those of its text, or itself as a whole, and those that are named.

    Args:
        command: the command line, as in the scenario.
        folder: the scenario's folder.
        called: what the program is in the drill, ``deployment`` or ``playbook``.
        named: the steps that the scenario names.
    """
    reading = _reading(command, folder)
    whole = reading.whole_step(called, named)
    return list(dict.fromkeys([*([whole] if whole else []), *reading.names, *named]))


def _reading(command: str, folder: Path) -> ProgramReading:
    try:
        return take_apart(command, folder).read()
    except HarnessError:
        return ProgramReading()
