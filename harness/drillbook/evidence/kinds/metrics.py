"""``metrics.jsonl``: the broker's own Prometheus metrics over time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from drillbook.evidence.kind import Kind


@dataclass(frozen=True, slots=True)
class Metric:
    """One sample of the broker's own Prometheus metrics."""

    at: Annotated[int, "when it was asked"]
    name: Annotated[
        str,
        "as the broker names it, without its prefix: `queue_messages_ready`. Labels that have no field here stand in it as "
        "Prometheus writes them, sorted: "
        '`global_messages_dead_lettered_expired_total{dead_letter_strategy="disabled",queue_type="rabbit_quorum_queue"}`',
    ]
    value: Annotated[float, "the sample"]
    queue: Annotated[str | None, "the queue it counts, where it counts one"] = None
    exchange: Annotated[str | None, "the exchange it counts, where it counts one"] = None
    phase: Annotated[str | None, "the phase at whose edge it was taken; left out for a sample over time"] = None
    edge: Annotated[Literal["start", "end"] | None, "which edge"] = None


KIND = Kind(
    90,
    Metric,
    about="the broker's own Prometheus metrics over time",
    page="""\
One sample of the broker's Prometheus metrics: every second, where it differs from the sample before; at the edges of phases, all that are
not 0; and at the end, with `phase` `collect`, when the workers are stopped and no counter moves any more. A missing counter is 0. A
counter that falls has been reset: the broker was restarted (`process_start_time_seconds` differs), or a queue was deleted and
up to two minutes later forgotten (0). While the broker is away there are no samples. The timeline has a `note` named `metrics` from when they were begun; a last sample that
could not be taken makes them `incomplete`.

Counters are as new as the moment `at`, gauges (`queue_messages_ready`, `queue_messages_unacked`, `queue_consumers`) up to 5 s older: the
broker refreshes them that late. Nothing counts the dead letters that arrive in a queue, nor a purge.

@FIELDS@
""",
    complete="at rest",
)
