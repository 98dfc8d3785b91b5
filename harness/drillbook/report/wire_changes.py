"""What faults did to what passed on the wire, and what was purged, deleted or blocked there: marks above the curves. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from drillbook.report.source import ReportSource

MOST_ACTS = 400
"""Marks on the lanes."""
TOGETHER = 500_000_000
"""Nanoseconds: acts of one sort that follow each other sooner are one mark."""


@dataclass(frozen=True)
class WireChange:
    """Something on the wire that changed what passes, or what waits."""

    at: int
    """Nanoseconds since the epoch."""
    event: str
    name: str
    """Of fault its rule; of the others the queue or the client."""
    text: str
    count: int = 1


def acts(source: ReportSource) -> list[WireChange]:
    """What faults did to what passed on the wire, and what was purged, deleted or blocked there; those that fall together are one."""
    rows = source.rows(
        """
        with told as (
            select "at", seq, event, case event when 'fault' then coalesce(rule, '') else coalesce(queue, peer, '') end as name,
                   case event when 'fault' then coalesce(reason, '')
                     when 'purge' then coalesce(queue, 'a queue') || ' purged' || coalesce(' with ' || "count" || ' in it', '')
                     when 'delete' then coalesce(queue, 'a queue') || ' deleted' || coalesce(' with ' || "count" || ' in it', '')
                     else coalesce(peer, 'a client') || ' ' || event end as text
            from wire
            where event in ('purge', 'delete', 'blocked', 'unblocked')
               or (event = 'fault' and coalesce(reason, '') not in ('armed', 'disarmed'))),
        apart as (select *, "at" - lag("at", 1, 0) over same > $together as begins from told
                  window same as (partition by event, name, text order by seq)),
        grouped as (select *, sum(begins::int) over (partition by event, name, text order by seq) as number from apart)
        select min("at"), event, name, text, count(*) from grouped group by event, name, text, number order by 1, min(seq) limit $most
        """,
        most=MOST_ACTS,
        together=TOGETHER,
    )
    return [WireChange(*row) for row in rows]
