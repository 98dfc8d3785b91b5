"""``leftovers.jsonl``: tasks that still remain somewhere after settling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from drillbook.evidence.kind import Kind


@dataclass(frozen=True, slots=True)
class Leftover:
    """One task still remaining somewhere after settling."""

    task: Annotated[str, "the task's id"]
    queue: Annotated[str | None, "the queue it remains in; left out for a task in no queue"]
    state: Annotated[
        Literal["ready", "delayed", "unacked", "dead", "outbox", "cancelled"],
        "waiting in a queue; in a queue that passes its tasks on by itself when their time is over; unacknowledged by a consumer that is "
        "still connected; in a queue that takes dead letters; not yet sent from an outbox; set aside by the playbook, which "
        "wrote its id into the file `cancelled` in `DRILL_STATE_DIR`",
    ]
    deaths: Annotated[int, "how often it was dead-lettered, by the broker's `x-death` header"] = 0
    reason: Annotated[str | None, "of its first death, as the broker says it: `rejected`, `expired`, `maxlen`, `delivery_limit`"] = None
    history: Annotated[str | None, "its deaths, the first one first: `rejected in tasks.v2, 2 times; expired in tasks.retry`"] = None
    holder: Annotated[str | None, "of `unacked`: who has it, as the wire tells"] = None


_MOMENTS = """
select task, ended."at", 8, 0, 'leftovers',
       remaining(state, queue) || coalesce(', unacknowledged by ' || holder, '')
         || coalesce(' (' || history || ')', ' (' || reason || ')', '')
         || case when deaths > 1 and history is null then format(', dead-lettered {} times', deaths) else '' end,
       case when state in ('outbox', 'cancelled') then 'aside' else 'rest' end,
       case when state = 'unacked' then coalesce(holder, 'a consumer') end,
       case state when 'outbox' then 'the outbox' when 'cancelled' then 'the cancel ledger' else queue end, null, null
from ended, leftovers semi join told using (task)
union all
select task, ended."at", 9, 0, 'leftovers', 'no effect was found, and it remains nowhere', 'lost', null, null, null, null
from ended, tasks semi join told using (task)
where $whole and outcome <> 'skipped' and effects = 0 and remains_in is null
  and not exists (select 1 from evidence where name in ('effects', 'leftovers') and state = 'missing')
"""


KIND = Kind(
    40,
    Leftover,
    about="tasks that still remain somewhere after settling",
    page="""\
One task that still remains somewhere after settling, with the workers stopped. Every queue of the broker is looked into, those that a
program made too. What is read is kept until all has been read, and the queues are gone through until nothing new comes, so that a task that
moves on meanwhile, when its delay is over or its last delivery is used up, is found once. It is given back then.

@FIELDS@

The id is read where `stage.id_from` says; a message without one there is `(a message without an id, 12 bytes)`. Whether a queue takes dead
letters or passes its tasks on is told from the scenario and from the arguments, bindings and policies on the broker at that moment. A
stream keeps what was consumed from it: all its messages are here as `ready`. A queue that a client has to itself, and that does not
vanish with its client within 5 s, cannot be read: then leftovers are incomplete.
""",
    complete="at rest",
    told="where it remains",
    moments=_MOMENTS,
)
