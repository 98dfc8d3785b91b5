"""All that could keep a drill from running, or from running as it is written."""

from __future__ import annotations

from drillbook.validation.checks import drive, evidence, feature_gate, messages, programs, references, stage, wire_faults
from drillbook.validation.partial_scenario import PartialScenario


def check(partial: PartialScenario) -> references.Names:
    """Every check of a scenario that is to be run; what names there are comes back, for those of the invariants."""
    programs.check(partial)
    names = references.known_names(partial, programs.playbook_steps(partial))
    references.check(partial, names)
    stage.check(partial)
    drive.check(partial)
    messages.check(partial)
    feature_gate.check(partial)
    wire_faults.check(partial)
    evidence.check(partial)
    return names
