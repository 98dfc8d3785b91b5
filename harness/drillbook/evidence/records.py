"""The lines of the run directory: one frozen dataclass a kind of line, each field with its unit.

Times are integer nanoseconds since the epoch, from the clock of the machine that runs the drill; containers share it.
The file format is versioned by ``FORMAT``; ``docs/run-directory.md`` documents every field.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

FORMAT = 1

Outcome = Literal["ok", "fail", "unknown", "skipped"]


SKIPPED = "skipped"
"""``detail`` of the end of a step in which, as its program says, nothing was done."""


@dataclass(frozen=True, slots=True)
class Published:
    """One attempt to publish a task (``published.jsonl``)."""

    task: str
    type: str
    version: str | None
    attempt: int
    """1 for the first."""
    routing_key: str
    intended_at: int
    """When the seed's schedule wanted the task sent."""
    sent_at: int | None
    """When it was written to the connection; None if it never was."""
    resolved_at: int
    """When its outcome was known."""
    outcome: Outcome
    """ok: confirmed; fail: refused (nack, return) or never sent; unknown: sent, never confirmed; skipped: over the bound in flight."""
    reason: str | None = None


WireEvent = Literal[
    "publish",
    "confirm",
    "return",
    "deliver",
    "ack",
    "nack",
    "reject",
    "consume",
    "cancel",
    "open",
    "close",
    "purge",
    "delete",
    "select",
    "commit",
    "rollback",
    "flow",
    "blocked",
    "unblocked",
    "fault",
    "refused",
    "blind",
    "alive",
    "start",
    "end",
]


@dataclass(frozen=True, slots=True)
class Wire:
    """One AMQP event seen by the tap (``wire.jsonl``), in the order the tap saw it.

    ``start``, ``alive`` and ``end`` are the tap's own: alive comes every second, end when it was stopped in order. A file without
    ``end`` is blind after its last line; ``seq`` has no gaps in a whole file. ``blind``: the tap could not read this connection any
    further (it still carried it), so that the evidence is blind from here on. ``refused``: the broker could not be reached for a
    connection. ``open`` and ``close`` with a channel are the channel's; a connection's own ``close`` comes after those of its channels.

    Every line tells what the broker knows: an acknowledgement or a publish that a fault keeps from it has no line of its own until it is
    let go, a confirm or a delivery has its line when the broker sent it. What the tap did to it is a ``fault`` line: ``rule`` is the
    fault's name, ``reason`` what was done (``ack dropped``, ``deliver held``, ``deliver let go``, ``channel closed``, ``armed``,
    ``disarmed``). ``select``, ``commit`` and ``rollback`` are those of a transaction, ``flow`` and ``blocked`` are the broker's.
    """

    seq: int
    at: int
    event: WireEvent
    link: str | None = None
    peer: str | None = None
    """Name of the container or program at the client's end: ``workers.v2.1``, ``load``, ``operator``."""
    version: str | None = None
    connection: int | None = None
    """Counts the connections of the tap, from 1."""
    channel: int | None = None
    task: str | None = None
    queue: str | None = None
    exchange: str | None = None
    routing_key: str | None = None
    redelivered: bool | None = None
    requeue: bool | None = None
    ok: bool | None = None
    """Of a confirm: acknowledged, not refused. Of flow: on, not off."""
    count: int | None = None
    """Of purge and delete (of a queue): messages that went with it, as the broker answered; of a fault's ``disarmed``: how many messages
    of its kind passed while it was armed."""
    rule: str | None = None
    """Of fault: the name of the fault whose rule it was."""
    reason: str | None = None
    elsewhere: str | None = None
    """Of a deliver without a task, of the first ones: where else an id may be, as a JSON object from places to what is there."""


@dataclass(frozen=True, slots=True)
class Effect:
    """One effect of a task, read from outside after settling (``effects.jsonl``)."""

    task: str
    key: str | None
    version: str | None
    worker: str | None
    at: int
    source: str | None = None
    """The name of the source it was read from, where the scenario names several."""


TaskState = Literal["queued", "executing", "completed", "failed"]


@dataclass(frozen=True, slots=True)
class State:
    """The state of one task in the workers' own table, read after settling (``states.jsonl``)."""

    task: str
    state: TaskState
    version: str | None = None
    worker: str | None = None
    at: int | None = None
    """When it came into this state, where the table says so."""


Decision = Literal["left", "failed", "rescheduled"]


@dataclass(frozen=True, slots=True)
class Handled:
    """What the rollback script did with one task, as its own ledger says, read after settling (``handled.jsonl``)."""

    task: str
    decision: Decision
    at: int
    """When it was decided."""
    done_at: int | None = None
    """When it was carried out; None: the ledger does not say that it was."""
    rule: str | None = None
    """By which rule, where the ledger says so."""


@dataclass(frozen=True, slots=True)
class Leftover:
    """One task still resting somewhere after settling (``leftovers.jsonl``)."""

    task: str
    queue: str | None
    state: Literal["ready", "delayed", "unacked", "dead", "outbox", "cancelled"]
    """delayed: in a queue that passes its tasks on when their time to live is over; unacked: a consumer that is still connected has it."""
    deaths: int = 0
    reason: str | None = None
    """Of the first death, as the broker says it: rejected, expired, maxlen, delivery_limit."""
    history: str | None = None
    """Its deaths, the first one first: ``rejected in tasks.v2, 2 times; expired in tasks.retry``."""
    holder: str | None = None
    """Of unacked: who has it, ``workers.v2.1`` or ``operator``."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """A message that was left since the rollback began, and whether a version's worker could decode it, dry (``decoded.jsonl``)."""

    message: int
    """Its number in ``messages.jsonl``."""
    by: str
    """The version whose worker was asked."""
    ok: bool
    """It could decode it."""
    seen: Literal["delivered", "resting"]
    at: int
    """When it was seen there first."""
    task: str | None = None
    type: str | None = None
    """Its type property."""
    version: str | None = None
    """Its version header."""
    queue: str | None = None
    peer: str | None = None
    """Of a delivery: who got it."""
    to_version: str | None = None
    """Of a delivery: the version of the worker that got it."""
    reason: str | None = None
    """Why it could not, as the worker says it."""


@dataclass(frozen=True, slots=True)
class Counter:
    """A queue as the broker counted it (``counters.jsonl``): sampled over time, and before and after every step."""

    at: int
    queue: str
    exists: bool
    ready: int | None
    consumers: int | None
    step: str | None = None
    """The playbook's or deployment's step at whose edge the sample was taken; None: a sample over time."""
    edge: Literal["start", "end"] | None = None


@dataclass(frozen=True, slots=True)
class Metric:
    """One sample of the broker's own Prometheus metrics (``metrics.jsonl``): taken over time, at phase edges, and after settling.

    A counter that falls has been reset: the broker was restarted, or its queue was made anew.
    """

    at: int
    name: str
    """As the broker names it, without the prefix ``rabbitmq_`` or ``rabbitmq_detailed_``: ``queue_messages_ready``."""
    value: float
    queue: str | None = None
    exchange: str | None = None
    phase: str | None = None
    """The phase at whose edge it was taken: ``load``, ``playbook``, ``settle`` …; None: a sample over time."""
    edge: Literal["start", "end"] | None = None


@dataclass(frozen=True, slots=True)
class Topology:
    """One setting of one thing on the broker (``topology.jsonl``), normalised: what differs between two moments has changed."""

    at: int
    moment: Literal["before", "after"]
    """before: the stage is ready and nothing has been deployed; after: settled, the workers still run."""
    kind: Literal["queue", "exchange", "binding", "policy", "consumer"]
    name: str
    field: str
    """``type``, ``durable``, ``arguments.x-delivery-limit``, ``definition.message-ttl`` …; ``there`` for one without settings."""
    value: str
    """As JSON, keys sorted."""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened in the drill (``timeline.jsonl``).

    ========== ======================= ===================================================================================================
    event      name                    states, and what else is filled in
    ========== ======================= ===================================================================================================
    phase      stage, drive, load,     begin, end
               deployment, playbook,   (end of deployment and playbook: exit_code, seconds; state ``timeout`` where it was killed)
               settle, collect
    step       the step's name         begin, end (program: deployment or playbook; exit_code)
    fault      the fault's name        armed, begin, bit, not_bit, end, lifted, not_lifted, skipped (kind, target, detail)
    container  workers.v2.1            started, stopped, killed, died, paused, unpaused (version, exit_code; asked: by whom)
    alert      the monitor's name      sample, raised, cleared (value)
    decision   playbook                started (detail: the alert, the event, at or no_later_than; value), waits, abandoned (detail: why)
    hold       the step's name         begin, met, not_met (detail: the tasks that it is held for)
    machine    cpu                     sample (value: the share of time in which something waited for a processor, 0 to 1)
    blind      published, wire, …      from, to (detail: why)
    note       anything                said (detail)
    ========== ======================= ===================================================================================================
    """

    at: int
    event: Literal["phase", "step", "fault", "container", "alert", "decision", "hold", "machine", "blind", "note"]
    name: str
    state: str
    kind: str | None = None
    target: str | None = None
    program: str | None = None
    version: str | None = None
    asked: bool | None = None
    """Of a container: True when the harness, the deployment or the playbook asked for it."""
    value: float | None = None
    exit_code: int | None = None
    seconds: float | None = None
    detail: str | None = None


FILES: dict[str, type] = {
    "published": Published,
    "wire": Wire,
    "effects": Effect,
    "leftovers": Leftover,
    "states": State,
    "handled": Handled,
    "decoded": Decoded,
    "counters": Counter,
    "metrics": Metric,
    "topology": Topology,
    "timeline": Event,
}
"""Evidence by the stem of its ``.jsonl`` file."""
