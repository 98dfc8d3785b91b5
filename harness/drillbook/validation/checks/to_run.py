"""All that could keep a drill from running, or from running as it is written."""

from __future__ import annotations

from drillbook.validation.checks import drive, gate, messages, on_wire, outside, programs, references, stage
from drillbook.validation.draft import Draft


def check(draft: Draft) -> references.Names:
    """Every check of a scenario that is to be run; what names there are comes back, for those of the invariants."""
    programs.check(draft)
    names = references.known_names(draft, programs.playbook_steps(draft))
    references.check(draft, names)
    stage.check(draft)
    drive.check(draft)
    messages.check(draft)
    gate.check(draft)
    on_wire.check(draft)
    outside.check(draft)
    return names
