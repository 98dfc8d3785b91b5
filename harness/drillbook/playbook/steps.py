"""The steps of a program, read from its text before it runs: what `drillbook validate` lists and faults may name."""

from __future__ import annotations

from pathlib import Path

from drillbook.core.errors import HarnessError
from drillbook.playbook.command import take_apart


def step_names(command: str, folder: Path) -> list[str]:
    """The names of a program's steps, in the order of its text; empty where the text cannot be read.

    Args:
        command: the command line, as in the scenario.
        folder: the scenario's folder.
    """
    try:
        return list(take_apart(command, folder).read().names)
    except HarnessError:
        return []
