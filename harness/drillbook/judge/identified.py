"""Whether the tasks can be followed: deliveries from the stage's queues carry an id where the scenario says that it is."""

from __future__ import annotations

import json
from collections import Counter

import duckdb

from drillbook.scenario import StageSpec

_MOST = 0.01
"""Share of deliveries that may be without one."""


def unidentified(database: duckdb.DuckDBPyConnection, stage: StageSpec) -> list[str]:
    """That more than a hundredth of the deliveries has no id, the end of a sentence; an empty list when it is not so.

    Args:
        database: the evidence with its views.
        stage: with the queues that count.
    """
    rows = database.execute(
        """select queue, count(*), count(*) filter (task is null) as without from wire
           where event = 'deliver' and list_contains($queues::varchar[], queue) group by queue order by without desc, queue""",
        {"queues": list(stage.broker.queues)},
    ).fetchall()
    deliveries, without = sum(row[1] for row in rows), sum(row[2] for row in rows)
    if not without or without <= _MOST * deliveries:
        return []
    mine = [row for row in rows if row[2]]
    places, deliveries = " and ".join(queue for queue, _, _ in mine), sum(row[1] for row in mine)
    of = "" if without == deliveries else f" of {deliveries:,}"
    deliver = "delivery" if deliveries == 1 else "deliveries"
    have = "has" if without == 1 else "have"
    place = _elsewhere(database, list(stage.broker.queues))
    hint = f"; did you mean {place}?" if place else ""
    return [f"{without:,}{of} {deliver} from {places} {have} no id at {stage.id_from}{hint}"]


def _elsewhere(database: duckdb.DuckDBPyConnection, queues: list[str]) -> str | None:
    """Where the tap has found what may be the id: the place whose values are tasks of the ledger, else the one most often filled."""
    rows = database.execute(
        """select distinct elsewhere from wire
           where event = 'deliver' and task is null and elsewhere is not null and list_contains($queues::varchar[], queue)""",
        {"queues": queues},
    ).fetchall()
    found = [(place, value) for (text,) in rows for place, value in _places(text)]
    known = {
        task for (task,) in database.execute("select task from tasks semi join (select unnest(?::varchar[]) as task) using (task)",
                                             [[value for _, value in found]]).fetchall()
    }  # fmt: skip
    filled = Counter(place for place, _ in found)
    right = Counter(place for place, value in found if value in known)
    return max(filled, key=lambda place: (right[place], filled[place]), default=None)


def _places(text: str) -> list[tuple[str, str]]:
    try:
        content = json.loads(text)
    except ValueError:
        return []
    return [(str(place), str(value)) for place, value in content.items()] if isinstance(content, dict) else []
