"""Rows of the scenario's queries as evidence: effects, task states, a rollback script's ledger, tasks that wait in an outbox. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, get_args

from drillbook.core.errors import UsageError
from drillbook.evidence.kinds.effects import Effect
from drillbook.evidence.kinds.handled import Handled, TaskDecision
from drillbook.evidence.kinds.leftovers import Leftover
from drillbook.evidence.kinds.states import State, TaskState

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NEEDED = {"effects": ("task", "at"), "states": ("task", "state"), "handled": ("task", "decision", "at", "done_at"), "outbox": ("task",)}
_GIVES = {
    "effects": "It must give task, key, version, worker and at.",
    "states": "It must give task and state, and may give version, worker and at.",
    "handled": "It must give task, decision, at and done_at, and may give rule.",
    "outbox": "It must give task.",
}


def check_columns(kind: str, columns: Sequence[str]) -> None:
    """Refuse a query that does not give what evidence of its kind needs.

    Args:
        kind: ``effects``, ``states``, ``handled`` or ``outbox``.
        columns: what the query gives.

    Raises:
        UsageError: a column is missing; the message names it.
    """
    missing = [name for name in _NEEDED[kind] if name not in columns]
    if missing:
        raise UsageError(f"the {kind} query gives no column {' and '.join(missing)}.", _GIVES[kind])


def effects(rows: Iterable[dict[str, Any]], source: str | None = None) -> Iterator[Effect]:
    """The rows of an effects query as evidence.

    Args:
        rows: as the database gives them.
        source: the query's name, where the scenario names several sources.

    Raises:
        UsageError: a column is missing, ``task`` is empty, or ``at`` is no time.
    """
    for row in rows:
        check_columns("effects", list(row))
        yield Effect(
            task=_task("effects", row),
            key=_text(row, "key"),
            version=_text(row, "version"),
            worker=_text(row, "worker"),
            at=nanoseconds(row["at"], "effects"),
            source=source,
        )


def states(rows: Iterable[dict[str, Any]]) -> Iterator[State]:
    """The rows of the states query as evidence.

    Raises:
        UsageError: a column is missing, ``task`` is empty, ``state`` is none of the four, or ``at`` is no time.
    """
    known = get_args(TaskState)
    for row in rows:
        check_columns("states", list(row))
        task, state = _task("states", row), row["state"]
        if state not in known:
            raise UsageError(
                f"the states query gives {state!r} as the state of {task}.",
                f"It must be one of {', '.join(known)}: translate the table's own words in the query, with case … when.",
            )
        at = row.get("at")
        yield State(task, state, _text(row, "version"), _text(row, "worker"), None if at is None else nanoseconds(at, "states"))


def handled(rows: Iterable[dict[str, Any]]) -> Iterator[Handled]:
    """The rows of the handled query, a rollback script's own ledger, as evidence.

    Raises:
        UsageError: a column is missing, ``task`` is empty, ``decision`` is none of the three, or a time is none.
    """
    known = get_args(TaskDecision)
    for row in rows:
        check_columns("handled", list(row))
        task, decision, done_at = _task("handled", row), row["decision"], row["done_at"]
        if decision not in known:
            raise UsageError(
                f"the handled query gives {decision!r} as the decision on {task}.",
                f"It must be one of {', '.join(known)}: translate the ledger's own words in the query, with case … when.",
            )
        carried_out = None if done_at is None else nanoseconds(done_at, "handled")
        yield Handled(task, decision, nanoseconds(row["at"], "handled"), carried_out, _text(row, "rule"))


def outbox(rows: Iterable[dict[str, Any]]) -> Iterator[Leftover]:
    """The rows of the outbox query: tasks that nobody has published yet.

    Raises:
        UsageError: there is no column ``task``, or it is empty.
    """
    for row in rows:
        check_columns("outbox", list(row))
        yield Leftover(task=_task("outbox", row), queue=None, state="outbox")


def nanoseconds(at: object, kind: str = "effects") -> int:
    """A time of the database as nanoseconds since the epoch.

    Raises:
        UsageError: it is neither a timestamptz nor a whole number of nanoseconds.
    """
    if isinstance(at, int) and not isinstance(at, bool):
        return at
    if isinstance(at, datetime) and at.tzinfo is not None:
        since = at - _EPOCH
        return ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1000
    raise UsageError(f"the {kind} query gives {at!r} as a time.", "It must be a timestamptz, or nanoseconds since the epoch.")


def _task(kind: str, row: dict[str, Any]) -> str:
    task = _text(row, "task")
    if not task:
        raise UsageError(f"the {kind} query gives a row without a task: {row!r}.", "Leave such rows out of it with where task is not null.")
    return task


def _text(row: dict[str, Any], column: str) -> str | None:
    value = row.get(column)
    return None if value is None else str(value)
