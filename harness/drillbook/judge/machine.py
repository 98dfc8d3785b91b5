"""Whether the machine was too busy for a time limit to mean anything: what ``views/machine.sql`` tells SQL, for sentences made here."""

from __future__ import annotations

import duckdb

STARVED = 0.8
"""Share of time in which something waited for a processor, from which on the machine counts as starved; `starved` in `views/machine.sql`
has the same. Why so much: `docs/judge.md`, "The machine"."""


def starved(database: duckdb.DuckDBPyConnection, begin_at: int, end_at: int | None) -> str:
    """What to add to a sentence about a time that ran out: it may be the cause. Empty where the machine had time, or nothing tells.

    Args:
        database: with the table ``timeline``.
        begin_at: of the time that ran out, in nanoseconds since the epoch.
        end_at: its end; None: that of the evidence.
    """
    row = database.execute(
        """select avg(value) from timeline
           where event = 'machine' and name = 'cpu' and "at" > $begin and "at" <= coalesce($end, 9000000000000000000) + 1000000000""",
        {"begin": begin_at, "end": end_at},
    ).fetchone()
    share = row[0] if row else None
    return (
        f", while the machine was starved (something waited for a processor {_percent(share)} of the time)"
        if share and share >= STARVED
        else ""
    )


def _percent(share: float) -> str:
    return f"{share * 100:.0f} %"
