"""What is read afterwards: effects, task states, a rollback script's ledger, the outbox, and how long to wait until nothing moves."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from drillbook.core.refs import VersionRef
from drillbook.core.units import Duration, Size
from drillbook.scenario.part import Part

DEFAULT_EFFECTS_QUERY = "select task, key, version, worker, at from effects order by at"


class EffectSource(Part):
    """One place where tasks leave effects: rows of the database, or calls to the HTTP sink."""

    ONE_OF = (("query", "http"),)

    query: str | None = Field(
        default=None,
        description="SQL on the drill's database: task, key (idempotency key), version, worker and at (timestamptz), one row an effect. "
        "It is tried once before the load begins. Give this or `http`.",
    )
    http: Literal[True] | None = Field(
        default=None,
        description="A server in the stage that the workers call, at EFFECTS_URL, once an effect: POST, with the headers Task-Id and "
        "Idempotency-Key. Give this or `query`.",
    )
    types: list[str] | None = Field(default=None, description="The task types that leave an effect here; none given: all of them.")


class Effects(Part):
    """Where a task's effects are read, from outside the workers: one source, or several by name."""

    query: str = Field(
        default=DEFAULT_EFFECTS_QUERY,
        description="SQL on the drill's database: task, key (idempotency key), version, worker and at (timestamptz), one row an effect. "
        "It is tried once before the load begins.",
    )
    sources: dict[str, EffectSource] | None = Field(
        default=None,
        description="In place of `query`: sources by name. A task is done when it has left an effect in each source of its type, and "
        "done twice when it left two in one of them.",
    )

    @property
    def called(self) -> list[str]:
        """Names of the sources that are calls to the HTTP sink."""
        return [name for name, source in (self.sources or {}).items() if source.http]


class TaskTable(Part):
    """Something about tasks that workers or playbook keep in the database."""

    query: str = Field(description="SQL on the drill's database, one row a task.")


class Decode(Part):
    """What one version's worker can decode of the messages that are left for it, asked dry after settling.

    Messages that are delivered from the moment the playbook starts, and those that remain after settling, are kept with their bodies in the
    run directory; without this key no body is ever kept. The command is run in the worker's own image without a network, and without the
    addresses of broker and database. It gets `messages.jsonl` on its stdin, one message a line as JSON: `message` (its number), `queue`,
    `properties` by their AMQP names, and `body` in base64; for each it writes a line to its stdout, `{"message": 7, "decoded": true}` or
    `{"message": 7, "decoded": false, "reason": "no handler for refund"}`. Other lines are passed over.
    """

    by: VersionRef = Field(description="The version whose worker is asked: the one that is rolled back to.")
    command: list[str] = Field(min_length=1, description="Run in its image, in place of the image's own command.")
    within: Duration = Field(default=60.0, gt=0, description="The longest it may take for all messages.")
    most: Size = Field(
        default=64 * 1024 * 1024,
        ge=1024,
        description="Bytes of messages that are kept, of those delivered and those remaining; what is over makes the answer inconclusive.",
    )


class Settle(Part):
    """After the playbook: faults cleared, load stopped, and a wait until the ledger's tasks and what they caused are at rest."""

    within: Duration = Field(default=60.0, gt=0, description="The longest wait.")
    quiet_for: Duration = Field(
        default=2.0,
        gt=0,
        description=(
            "Quiet: in at least three looks no task moved on the wire, and no effect, no row of the outbox and no queue depth changed for "
            "this long; five times as long where a task waits in the outbox, with a client, or in a queue where it may not remain. It may "
            "remain in dead-letter queues, in streams, and in queues that an invariant has as `parked` or `no_stuck_tasks` as `allow`."
        ),
    )
