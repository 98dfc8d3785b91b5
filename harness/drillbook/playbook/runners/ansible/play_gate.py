"""The gate of a play: the same socket as a bash script's, with Ansible's callback plugin at the other end."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from drillbook.playbook.gate import Edge, Gate

_PLUGINS = Path(__file__).with_name("callback")


class PlayGate(Gate):
    """One play's gate.

    Args:
        environment: the play's own, whose folders of callback plugins stay.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        super().__init__()
        own = environment.get("ANSIBLE_CALLBACK_PLUGINS")
        self.environment = {
            "ANSIBLE_CALLBACK_PLUGINS": os.pathsep.join([str(_PLUGINS), *([own] if own else [])]),
            "DRILLBOOK_PLAY_GATE": str(self.theirs),
        }

    def edge(self, line: str) -> Edge:
        """``begin<TAB>name``, or ``end<TAB>name<TAB>code``, and ``<TAB>skipped`` where nothing was done."""
        what, step, code, fate = [*line.split("\t"), "", "", ""][:4]
        return Edge(step, what == "begin", int(code) if code.isdigit() else None, skipped=fate == "skipped")
