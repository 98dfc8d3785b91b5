"""When publishes were due and none was confirmed, and which of that the drill or its playbook had made themselves.

Of a *silence* counts what lies between the moment at which a publish was due and the next confirm, of any publish, where that is longer
than `PATIENCE`: where nothing is due nobody is silent, and a confirm that takes its time is one. An *answer* is a confirm, or the broker's
refusal of a publish that it was sent (nack, return, a closed channel): publishers that are refused have their broker.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

import duckdb

PATIENCE = 1_000_000_000
"""Nanoseconds that an answer may take."""
RECONNECTS_WITHIN = 10_000_000_000
"""Nanoseconds after an outage in which publishers find their way back; what lasts longer is not the outage's."""
ALWAYS = 9_000_000_000_000_000_000

_ANSWERED = "(outcome = 'ok' or (outcome = 'fail' and sent_at is not null))"
_GAPS = """
select "at" as begin_at, lead("at", 1, $always) over (order by "at") as end_at
from (select 0 as "at" union all select resolved_at from published where outcome = 'ok')
"""
"""Between two confirms."""


class Interval(NamedTuple):
    """A time, in nanoseconds since the epoch."""

    begin: int
    end: int


def of_faults(database: duckdb.DuckDBPyConnection, targets: Iterable[str]) -> list[Interval]:
    """While one of these was hit by a fault, and until the next answer after that."""
    rows = database.execute(
        """select begin_at, coalesce(cleared_at, $always) from faults
           where begin_at is not null and list_has_any(string_split(target, ', '), $targets::varchar[])""",
        {"targets": list(targets), "always": ALWAYS},
    ).fetchall()
    return _until_answered(database, [Interval(*row) for row in rows])


def of_playbook(database: duckdb.DuckDBPyConnection, playbook: Interval) -> list[Interval]:
    """While the playbook kept publishers from the broker: it stopped it, or had it block, close or refuse their connections."""
    stopped = database.execute(
        """with moments as (select "at", state in ('started', 'unpaused') as back
                            from timeline where event = 'container' and name = 'broker')
           select "at", coalesce((select min("at") from moments as later where back and later."at" >= moments."at"), $always)
           from moments where not back and "at" between $begin and $end""",
        {"begin": playbook.begin, "end": playbook.end, "always": ALWAYS},
    ).fetchall()
    kept = database.execute(
        """with mine as (select "at", event, connection from wire where peer = 'load'
                           and (event in ('blocked', 'unblocked', 'refused') or (event = 'close' and ends_with(reason, '(broker)'))))
           select "at", case event when 'blocked' then coalesce((select min("at") from mine as later
                               where later.connection = mine.connection and event <> 'blocked' and later."at" >= mine."at"), $always)
                             else "at" end
           from mine where event <> 'unblocked' and "at" between $begin and $end""",
        {"begin": playbook.begin, "end": playbook.end, "always": ALWAYS},
    ).fetchall()
    return _until_answered(database, [Interval(*row) for row in [*stopped, *kept]])


def of_refusals(database: duckdb.DuckDBPyConnection, playbook: Interval) -> list[Interval]:
    """While the broker refused every publish, from a moment of the playbook on: it took away a queue or a route, or closed one.

    From the first refusal to the next confirm; what was silent before is not the playbook's.
    """
    rows = database.execute(
        f"""select min(resolved_at), end_at
            from ({_GAPS}) as gaps
            join published on outcome = 'fail' and sent_at is not null and resolved_at between begin_at and end_at
            group by begin_at, end_at having min(resolved_at) between $begin and $end""",  # noqa: S608 a text of this file
        {"begin": playbook.begin, "end": playbook.end, "always": ALWAYS},
    ).fetchall()
    return [Interval(*row) for row in rows]


def silences(database: duckdb.DuckDBPyConnection, during: Interval) -> list[Interval]:
    """When publishes were due and none was confirmed."""
    rows = database.execute(
        f"""with long as (select * from ({_GAPS}) where end_at - begin_at > $patience and end_at > $begin and begin_at < $end)
           select min(intended_at), end_at
           from long join published on intended_at >= begin_at and intended_at < end_at and intended_at < $end
           group by end_at having end_at - min(intended_at) > $patience""",  # noqa: S608 a text of this file
        {"begin": during.begin, "end": during.end, "always": ALWAYS, "patience": PATIENCE},
    ).fetchall()
    return [Interval(*row) for row in rows]


def seconds(spans: Sequence[Interval], during: Interval, without: Sequence[Interval]) -> float:
    """How long these took of a time, others left out."""
    edges = sorted({during.begin, during.end, *(edge for span in (*spans, *without) for edge in span if during.begin < edge < during.end)})
    pieces = [Interval(*pair) for pair in pairwise(edges)]
    return sum(piece.end - piece.begin for piece in pieces if _covered(piece, spans) and not _covered(piece, without)) / 1e9


def _covered(piece: Interval, spans: Sequence[Interval]) -> bool:
    return any(span.begin <= piece.begin and piece.end <= span.end for span in spans)


def _until_answered(database: duckdb.DuckDBPyConnection, spans: Sequence[Interval]) -> list[Interval]:
    """Each until the next answer after it, or as long as publishers may take to come back."""
    return [Interval(begin, min(_next_answer(database, end), end + RECONNECTS_WITHIN)) for begin, end in spans]


def _next_answer(database: duckdb.DuckDBPyConnection, at: int) -> int:
    row = database.execute(f"select min(resolved_at) from published where {_ANSWERED} and resolved_at > ?", [at]).fetchone()  # noqa: S608
    return row[0] if row and row[0] is not None else ALWAYS
