"""What had to hold, and the story of every counterexample."""

from __future__ import annotations

from drillbook.report.section import Facts, Reported, Section
from drillbook.report.sentences import HELD_STILL

FINDINGS_SHOWN = 5
"""Counterexamples of one invariant that are seen at once; the others are folded away."""


def _facts(_: Reported) -> Facts:
    return {"findings_shown": FINDINGS_SHOWN, "still": HELD_STILL}


section = Section(
    "Invariants",
    place=20,
    facts=_facts,
    link="Invariants",
    about="each sentence that had to hold. A broken one is followed by its counterexamples: the task, the playbook's step in which it "
    "went wrong, why a correct run cannot show this, and the task's story in time order: when, who had the task from then on, and "
    "what happened. Under it is the command that tells [the whole story](#one-task). An inconclusive one says what evidence is missing.",
)
