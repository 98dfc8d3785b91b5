"""``states.jsonl``: the state of each task in the workers' own table, where the scenario names it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from drillbook.evidence.kind import Kind

TaskState = Literal["queued", "executing", "completed", "failed"]


@dataclass(frozen=True, slots=True)
class State:
    """The state of one task in the workers' own table, read after settling."""

    task: Annotated[str, "the task's id"]
    state: Annotated[TaskState, "as the workers say"]
    version: Annotated[str | None, "the version that brought it there"] = None
    worker: Annotated[str | None, "the worker that brought it there"] = None
    at: Annotated[int | None, "when it came into this state"] = None


_MOMENTS = """
select task, coalesce(states."at", ended."at"), 7, 0, 'states',
       'its state ' || case when states."at" is null then 'is ' else 'became ' end || state
         || coalesce(', by ' || worker, '') || coalesce(' (' || version || ')', ''),
       null, null, null, null, null
from ended, states semi join told using (task)
"""


KIND = Kind(
    50,
    State,
    about="the state of each task in the workers' own table, where the scenario names it",
    page="""\
The state of one task in the workers' own table: one row of the scenario's `states.query`, run after settling.

@FIELDS@
""",
    complete="at rest",
    section="states",
    told="what state it was in",
    moments=_MOMENTS,
)
