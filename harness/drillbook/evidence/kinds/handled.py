"""``handled.jsonl``: what the rollback script decided for each task, by its own ledger, where the scenario names it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from drillbook.evidence.kind import Kind

TaskDecision = Literal["left", "failed", "rescheduled"]


@dataclass(frozen=True, slots=True)
class Handled:
    """What the rollback script did with one task, as its own ledger says, read after settling."""

    task: Annotated[str, "the task's id"]
    decision: Annotated[TaskDecision, "as the script says"]
    at: Annotated[int, "when it was decided"]
    done_at: Annotated[int | None, "when it was carried out; left out where the ledger does not say that it was"] = None
    rule: Annotated[str | None, "by which rule, where the ledger says so"] = None


_MOMENTS = """
select task, handled."at", 6, 0, 'handled',
       'the rollback script decided on it: ' || decision || coalesce(', by the rule "' || rule || '"', '')
         || case when done_at is null then '; its ledger does not say that this was done' else '' end,
       null, null, null, null, null
from handled semi join told using (task)
"""


KIND = Kind(
    60,
    Handled,
    about="what the rollback script decided for each task, by its own ledger, where the scenario names it",
    page="""\
What a rollback script did with one task: one row of the scenario's `handled.query`, the script's own ledger, run after settling.

@FIELDS@
""",
    complete="at rest",
    section="handled",
    told="what the rollback script decided on it",
    moments=_MOMENTS,
)
