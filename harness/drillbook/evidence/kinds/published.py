"""``published.jsonl``: the publishers' ledger: one line an attempt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from drillbook.evidence.kind import Kind

Outcome = Literal["ok", "fail", "unknown", "skipped"]


@dataclass(frozen=True, slots=True)
class Published:
    """One attempt to publish a task."""

    task: Annotated[str, "the task's id, unique in the run: the message's `message_id`"]
    type: Annotated[str, "the task's type"]
    version: Annotated[str | None, "the message's version header; left out when it has none"]
    attempt: Annotated[int, "1 for the first"]
    routing_key: Annotated[str, "as published"]
    intended_at: Annotated[int, "when the seed's schedule wanted it sent; latencies are counted from here"]
    sent_at: Annotated[int | None, "when it was written to the connection; left out if it never was"]
    resolved_at: Annotated[int, "when its outcome was known"]
    outcome: Annotated[
        Outcome,
        "`ok`: confirmed. `fail`: refused (a nack or a return), or never sent. `unknown`: sent, and never confirmed; the broker "
        "may have it or not. `skipped`: never sent, as too many were unconfirmed already",
    ]
    reason: Annotated[str | None, "why it is not `ok`"] = None


_GAP = """
select 'the load was not seen to end' where list_contains($sections, 'load')
  and not exists (select 1 from timeline where event = 'phase' and name = 'load' and state = 'end')
"""

_MOMENTS = """
select task, coalesce(sent_at, intended_at) as "at", 1 as rank, attempt as place, 'published' as evidence,
       case when outcome = 'skipped' then 'skipped: too many publishes were in flight'
            when sent_at is null then 'not sent' || coalesce(': ' || reason, '')
            else 'published' || case when attempt > 1 then ' again' else '' end || ' with the key ' || routing_key end as what,
       case when outcome <> 'skipped' and sent_at is not null then 'send' end as move,
       'load' as who, null as queue, null as connection, null as channel
from published semi join told using (task)
union all
select task, resolved_at, 5, attempt, 'published',
       case outcome when 'ok' then 'confirmed' when 'fail' then 'refused by the broker' else 'never confirmed: outcome unknown' end
         || coalesce(': ' || reason, ''),
       case outcome when 'ok' then 'keep' when 'fail' then 'fail' end, 'load', null, null, null
from published semi join told using (task) where sent_at is not null and outcome <> 'skipped'
"""


KIND = Kind(
    10,
    Published,
    about="the publishers' ledger: one line an attempt",
    page="""\
One attempt to publish one task. A task that is tried again has a line for each attempt.

@FIELDS@
""",
    gap=_GAP,
    told="whether it was published",
    moments=_MOMENTS,
    latest="resolved_at",
)
