"""Whether a fault on a link met anybody: what passed there while it stood, or who would have used it.

A link to the broker that still carries something (slow): something passed there, as the wire shows. One that lets nothing pass (cut): a
connection was open when that began, its end shows on the wire, the worker at its end was started meanwhile, and so had to reach it, or it
came and went more often than that: twice before or after within as long a time, as one does whose channel is refused again and again.

A fault met nobody, whatever else there was, where nobody ever connected over its links, by the log of the proxies. That evidence does not
say what passed, or when; so of a link that does not lead to the broker, and was used or may have been, it is enough for a cut that its
client was connected to the broker, as for a cut there; where it is slow, its client must have moved a task or had one in hand, since what
does nothing waits for nothing. What a program tries over a link that refuses leaves no trace, and the wire sees nothing of its calls to the
management API: there it is enough that a program ran. A fault on several links met somebody when one of them was used.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import duckdb

from drillbook.judge.machine import starved

_RAN = """(list_contains($peers::varchar[], 'operator') and exists (
  select 1 from phases where name in ('deployment', 'playbook') and begin_at <= $end and coalesce(end_at, $end) >= $begin
))"""
_USED = f"""
with seen as (
  select count(*) filter ("at" between $begin and $end and event not in ('refused', 'fault', 'incomplete')) as passed,
         count(*) filter ("at" < $begin and channel is null and event = 'open')
           - count(*) filter ("at" < $begin and channel is null and event = 'close') as standing
  from wire where list_contains($peers::varchar[], peer)
), opened as (
  select peer, count(*) filter ("at" <= $begin and $begin - "at" <= $end - $begin) as before,
         count(*) filter ("at" >= $end and "at" - $end <= $end - $begin) as afterwards
  from wire where event = 'open' and channel is null and list_contains($peers::varchar[], peer) group by peer
), ended as (
  select name from timeline where event = 'container' and "at" < $begin
  group by name having arg_max(state, "at") in ('stopped', 'killed', 'died')
)
select any_value(passed) > 0 or ($there and any_value(standing) > 0) or ($there and exists (
  select 1 from timeline where event = 'container' and state = 'started' and list_contains($peers::varchar[], name)
    and "at" between $begin and $end
)) or ($there and exists (
  select 1 from opened where (before >= 2 or (before >= 1 and afterwards >= 2)) and peer not in (select name from ended)
)) or {_RAN}, any_value(state), any_value(reason)
from seen, evidence where name = 'wire'
"""  # noqa: S608
_WORKED = f"""
select exists (
  select 1 from wire where list_contains($peers::varchar[], peer) and "at" between $begin and $end and task is not null
    and event in ('publish', 'deliver', 'ack', 'nack', 'reject')
) or exists (
  select 1 from deliveries where list_contains($peers::varchar[], peer) and task is not null
    and "at" < $begin and coalesce(released_at > $begin, true)
) or {_RAN}, state, reason
from evidence where name = 'wire'
"""  # noqa: S608
_NEVER = """
select count(distinct link) = len(list_distinct($links::varchar[]))
from links, evidence
where evidence.name = 'links' and state = 'complete' and list_contains($links::varchar[], link) and connections = 0 and not refused
"""


class Stood(NamedTuple):
    """A fault on links, and when it was at work."""

    name: str
    links: Sequence[str]
    begin_at: int
    """Nanoseconds since the epoch."""
    end_at: int | None
    """None: it stood to the end."""
    blocks: bool
    """It let nothing pass."""


def nobody(database: duckdb.DuckDBPyConnection, fault: Stood, strict: bool) -> list[str]:
    """That a fault met nobody, the end of a sentence; an empty list when it did, or when nothing would show it.

    Args:
        database: the evidence with its views.
        fault: as it stood.
        strict: whether a wire that is not there is a reason.
    """
    if _never_used(database, fault.links):
        return [f'the fault "{fault.name}" met nobody: nothing ever passed {_listed(fault.links)}']
    peers = list(dict.fromkeys(link.split(" -> ")[0] for link in fault.links))
    seen = all(link.endswith(" -> broker") for link in fault.links)
    given = {
        "peers": peers,
        "begin": fault.begin_at,
        "end": 9_000_000_000_000_000_000 if fault.end_at is None else fault.end_at,
    }
    worked = not seen and not fault.blocks
    row = database.execute(_WORKED if worked else _USED, given if worked else given | {"there": fault.blocks}).fetchone()
    assert row is not None
    used, wire, why = row
    if used or (wire == "missing" and not strict):
        return []
    if wire != "complete":
        return [f'nothing tells whether the fault "{fault.name}" met anybody: {why}']
    lasted = "" if fault.end_at is None else f" in the {(fault.end_at - fault.begin_at) / 1e9:.1f} s that it was in effect"
    what = {
        (True, True): f"nobody was connected, or came to connect, over {_listed(fault.links)}",
        (True, False): f"nothing passed {_listed(fault.links)}",
        (False, True): f"{_listed(peers)} had no connection to the broker",
        (False, False): f"{_listed(peers)} had no task in hand",
    }[seen, fault.blocks]
    return [f'the fault "{fault.name}" met nobody: {what}{lasted}{starved(database, fault.begin_at, fault.end_at)}']


def _never_used(database: duckdb.DuckDBPyConnection, links: Sequence[str]) -> bool:
    """Whether it is known of each that nobody ever connected over it."""
    (never,) = database.execute(_NEVER, {"links": list(links)}).fetchone() or (False,)
    return bool(never)


def not_running(database: duckdb.DuckDBPyConnection, name: str, containers: Sequence[str], begin_at: int) -> list[str]:
    """That a fault on containers met nobody, as all of them had ended before it and were not started again.

    Args:
        database: the evidence with its views.
        name: of the fault.
        containers: that it hit.
        begin_at: when it began, in nanoseconds since the epoch.
    """
    rows = database.execute(
        """select name from timeline where event = 'container' and list_contains($names::varchar[], name) and "at" < $begin
           group by name having arg_max(state, "at") in ('stopped', 'killed', 'died')""",
        {"names": list(containers), "begin": begin_at},
    ).fetchall()
    dead = {container for (container,) in rows}
    if dead != set(containers):
        return []
    return [f'the fault "{name}" met nobody: {_listed(containers)} did not run when it began']


def _listed(names: Sequence[str]) -> str:
    return f"{' or '.join(names[:3])}{f' or {len(names) - 3} more' if len(names) > 3 else ''}"
