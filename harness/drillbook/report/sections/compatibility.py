"""What the old version can decode of what was left; shown where it was asked."""

from __future__ import annotations

from drillbook.report.section import Facts, Reported, Section


def _facts(run: Reported) -> Facts | None:
    rows = run.judgement.compatibility
    return {"by": rows[0].by} if rows else None


section = Section(
    "What {by} can decode of what was left",
    place=40,
    facts=_facts,
    about="by task type and version, and why not; where the version that is rolled back to was asked.",
)
