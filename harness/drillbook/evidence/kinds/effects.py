"""``effects.jsonl``: what the tasks did, read from outside after settling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from drillbook.evidence.kind import Kind


@dataclass(frozen=True, slots=True)
class Effect:
    """One effect of a task, read from outside after settling."""

    task: Annotated[str, "the task's id"]
    key: Annotated[str | None, "the idempotency key, where effects have one"]
    version: Annotated[str | None, "the version that did it"]
    worker: Annotated[str | None, "the worker that did it"]
    at: Annotated[int, "when it was done, by the database; of a call, when the sink took it"]
    source: Annotated[str | None, "the name of the source it was read from, where the scenario has `effects.sources`"] = None


_MOMENTS = """
select effects.task, "at", 3, 0, 'effects',
       case when call is null or (call.task = effects.task and call.moment = "at")
            then 'done by ' || coalesce(worker, 'a worker') || coalesce(' (' || effects.version || ')', '')
                 || coalesce(', in ' || effects.source, '')
                 || case when effects.key <> effects.task then ', key ' || effects.key else '' end
            else format('not done again by {}: its call, in {}, had the key {} that {} had used before', coalesce(worker, 'a worker'),
                        effects.source, effects.key, case when call.task = effects.task then 'a call' else call.task end) end,
       case when call is null or call.task = effects.task then 'done' end, worker, null, null, null
from (from effects semi join told using (task)) as effects
left join first_calls on first_calls.source = effects.source and first_calls.key = effects.key
"""


KIND = Kind(
    30,
    Effect,
    about="what the tasks did, read from outside after settling",
    page="""\
One effect of one task: one row of the scenario's `effects.query`, or of one of the queries in `effects.sources`, run after settling; or one
call to the effect sink.

@FIELDS@

A call that was repeated with the same key has a line each time. Where a query fails in its middle, or the sink's file is not complete, the
lines that came are here, and the timeline says that effects are incomplete.
""",
    complete="at rest",
    told="what it did",
    moments=_MOMENTS,
    latest="at",
)
