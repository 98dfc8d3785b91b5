"""The lines of the run directory: one frozen dataclass a kind of line, each field with its unit.

Times are integer nanoseconds since the epoch, from the clock of the machine that runs the drill; containers share it.
The file format is versioned by ``FORMAT``; ``docs/run-directory.md`` documents every field.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

FORMAT = 1

Outcome = Literal["ok", "fail", "unknown", "skipped"]


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
    """Of a confirm: acknowledged, not refused."""
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Effect:
    """One effect of a task, read from outside after settling (``effects.jsonl``)."""

    task: str
    key: str | None
    version: str | None
    worker: str | None
    at: int


@dataclass(frozen=True, slots=True)
class Leftover:
    """One task still resting somewhere after settling (``leftovers.jsonl``)."""

    task: str
    queue: str | None
    state: Literal["ready", "unacked", "dead", "outbox", "cancelled"]
    deaths: int = 0
    reason: str | None = None
    """Of the first death, as the broker says it: rejected, expired, maxlen, delivery_limit."""


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
    decision   playbook                started (detail: the alert or no_later_than; value)
    blind      published, wire, …      from, to (detail: why)
    note       anything                said (detail)
    ========== ======================= ===================================================================================================
    """

    at: int
    event: Literal["phase", "step", "fault", "container", "alert", "decision", "blind", "note"]
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
    "counters": Counter,
    "timeline": Event,
}
"""Evidence by the stem of its ``.jsonl`` file."""
