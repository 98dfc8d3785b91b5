"""The gate of a bash script: ``gate.bash`` is at the other end of its socket."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from drillbook.playbook.gate import Edge, Gate
from drillbook.playbook.runners.run.script import step_name

_GATE = Path(__file__).with_name("gate.bash")


class ScriptGate(Gate):
    """One script's gate.

    Args:
        script: the script that is gated; the scripts it starts are not.
        within: functions that are looked through.
        aside: functions that are never steps.
    """

    def __init__(self, script: Path, within: Sequence[str], aside: Sequence[str]) -> None:
        super().__init__()
        self.environment = {
            "BASH_ENV": str(_GATE),
            "DRILLBOOK_GATE": str(self.theirs),
            "DRILLBOOK_GATE_SCRIPT": str(script.resolve()),
            "DRILLBOOK_GATE_WITHIN": " ".join(within),
            "DRILLBOOK_GATE_ASIDE": " ".join(aside),
        }

    def edge(self, line: str) -> Edge:
        """``begin function``, or ``end function status``."""
        what, function, status = [*line.split(" "), "", ""][:3]
        return Edge(step_name(function), what == "begin", int(status) if status.isdigit() else None)
