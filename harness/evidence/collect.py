"""Collecting after settling: the effects from the database, and every task that still rests somewhere."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import AMQPError
from pika.spec import BasicProperties

from harness.errors import HarnessError, UsageError
from harness.evidence.records import Effect, Leftover
from harness.evidence.run_directory import RunDirectory

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def effects(rows: list[dict[str, Any]]) -> Iterator[Effect]:
    """The rows of the effects query as evidence.

    Raises:
        UsageError: a column is missing or ``at`` is no time.
    """
    for row in rows:
        missing = {"task", "at"} - row.keys()
        if missing:
            raise UsageError(
                f"the effects query gives no column {' and '.join(sorted(missing))}.", "It must give task, key, version, worker and at."
            )
        text = {name: None if row.get(name) is None else str(row[name]) for name in ("task", "key", "version", "worker")}
        yield Effect(task=text["task"] or "", key=text["key"], version=text["version"], worker=text["worker"], at=nanoseconds(row["at"]))


def nanoseconds(at: object) -> int:
    """A time of the database as nanoseconds since the epoch.

    Raises:
        UsageError: it is neither a timestamptz nor a whole number of nanoseconds.
    """
    if isinstance(at, int):
        return at
    if isinstance(at, datetime) and at.tzinfo is not None:
        since = at - _EPOCH
        return ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1000
    raise UsageError(f"the effects query gives {at!r} as a time.", "It must be a timestamptz, or nanoseconds since the epoch.")


def leftovers(channel: BlockingChannel, queue: str, dead: bool) -> Iterator[Leftover]:
    """Every message that rests in a queue, read and given back.

    Args:
        channel: closed afterwards, so that the broker puts the messages back.
        dead: the queue takes dead letters.
    """
    try:
        while True:
            method, properties, body = channel.basic_get(queue)
            if method is None or properties is None:
                return
            deaths, reason = _deaths(properties)
            task = properties.message_id or f"(a message without message_id, {len(body or b'')} bytes)"
            yield Leftover(task=task, queue=queue, state="dead" if dead else "ready", deaths=deaths, reason=reason)
    finally:
        if channel.is_open:
            channel.close()


def cancelled(ledger: Path) -> Iterator[Leftover]:
    """Tasks that the playbook says it cancelled: one id a line in ``cancelled`` in its state directory."""
    if ledger.exists():
        for line in ledger.read_text(encoding="utf-8").splitlines():
            if line.strip():
                yield Leftover(task=line.strip(), queue=None, state="cancelled")


def collect(run: RunDirectory, stage: Any, query: str, dead: set[str], cancel_ledger: Path) -> None:
    """Write ``effects.jsonl`` and ``leftovers.jsonl``; a source that does not answer leaves its file out, and the timeline says why.

    Args:
        stage: the stage, its workers stopped.
        query: the effects query.
        dead: names of the dead-letter queues.
        cancel_ledger: the playbook's ledger of cancelled tasks.
    """
    if stage.database is not None:
        try:
            found = list(effects(stage.database.rows(query, timeout_seconds=120)))
            run.touch("effects")
            run.append(*found)
        except (OSError, ValueError, UsageError) as error:
            run.event("blind", "effects", "from", detail=str(error) or repr(error))
    try:
        rest = [item for queue in stage.broker.queues() for item in leftovers(stage.broker.channel(), queue, queue in dead)]
        run.touch("leftovers")
        run.append(*rest, *cancelled(cancel_ledger))
    except (OSError, ValueError, AMQPError, HarnessError) as error:
        run.event("blind", "leftovers", "from", detail=str(error))


def _deaths(properties: BasicProperties) -> tuple[int, str | None]:
    """How often a message died, and why first, from the broker's x-death header."""
    history: Any = (properties.headers or {}).get("x-death", [])
    return sum(int(entry.get("count", 0)) for entry in history), history[-1].get("reason") if history else None
