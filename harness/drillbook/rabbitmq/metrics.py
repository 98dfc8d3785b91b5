"""The broker's own counts, from RabbitMQ's Prometheus plugin: which of them are kept, and how they become lines of ``metrics.jsonl``.

Two pages are read. ``/metrics/detailed`` counts by queue and by exchange in the families named in ``DETAILED``; ``/metrics`` has what the
node counts over all queues, by type of queue and dead-letter strategy, and when it started. Measured on RabbitMQ 4.0.5, with one channel
that stayed open:

- Counters are there at once. ``queue_exchange_messages_published_total``, ``queue_messages_delivered_ack_total`` (deliveries that want an
  acknowledgement; ``…_delivered_total``: those that want none), ``queue_get_ack_total`` (``queue_get_total``: without),
  ``queue_messages_redelivered_total``, ``queue_messages_acked_total``, the exchanges' own and every ``global_`` one had their new value in
  the first scrape after the broker had answered the client (20 ms or less). They stay when their channel closes, and also when
  their queue is deleted, until the broker tidies up (``core_metrics_gc_interval``, 2 minutes); a queue made anew before that counts on.
- Gauges lag. ``queue_messages_ready`` and ``…_unacked`` are told by the queue itself: by a quorum queue every 5 s
  (``quorum_tick_interval``), by a classic one after 1 to 3 s (``collect_statistics_interval`` is 5 s, and sooner when it falls idle).
  ``queue_consumers`` rises at once and falls late. Shorter intervals would make the stage unlike production, and no judgement depends on
  a lagging gauge.
- ``process_start_time_seconds`` tells a restart. ``erlang_uptime_seconds`` is up to 5 s old, and has grown again by the first scrape that
  is answered after an early restart.
- A dead letter that arrives in a queue is counted by nothing: the broker publishes it without a channel. A message that a queue refuses at
  its length limit (``overflow: reject-publish``) is counted as published to it. A publish in a transaction that is rolled back is not
  counted, nor is its acknowledgement. A purge, by AMQP or by the management API, is counted by nothing.
- ``global_messages_dead_lettered_<reason>_total``: the strategy ``disabled`` is that of a queue without a dead-letter exchange, and also
  of one whose exchange does not exist. ``at_most_once`` counts a message whose exchange is there, whether it could be routed or not.
- A scrape of both takes 10 ms; /metrics is 90 kB, of which ten lines are kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from prometheus_client.parser import text_string_to_metric_families

from drillbook.evidence.kinds.metrics import Metric

DETAILED = ("queue_coarse_metrics", "queue_consumer_count", "queue_delivery_metrics", "queue_exchange_metrics", "exchange_metrics")
"""Families asked of /metrics/detailed."""
NODE = (
    "global_messages_dead_lettered_",
    "global_messages_delivered_total",
    "global_messages_unroutable_dropped_total",
    "global_messages_unroutable_returned_total",
)
"""What the names begin with that are kept of /metrics, besides when the broker started."""
_PREFIXES = ("rabbitmq_detailed_", "rabbitmq_")
_LEFT_OUT = ("queue_process_reductions_total", "queue_get_empty_total", "exchange_messages_confirmed_total")
_OWN_FIELDS = ("queue", "exchange", "vhost")


class Series(NamedTuple):
    """What one sample counts."""

    name: str
    """Labels that have no field of their own stand in it as Prometheus writes them: ``global_messages_…_total{queue_type="…"}``."""
    queue: str | None
    exchange: str | None


Samples = Mapping[Series, float]
STARTED = Series("process_start_time_seconds", None, None)


def samples(detailed: str, node: str, vhost: str = "/") -> dict[Series, float]:
    """What is kept of the two pages; what never counted anything is left out, as a missing counter is 0.

    Args:
        detailed: the text of /metrics/detailed with the families of ``DETAILED``.
        node: the text of /metrics.
        vhost: only its queues and exchanges are kept.
    """
    kept = (line for line in detailed.splitlines() if line.startswith(_PREFIXES[0]))
    wanted = (f"{STARTED.name} ", *(_PREFIXES[1] + name for name in NODE))
    kept_of_node = (line for line in node.splitlines() if line.startswith(wanted))
    found: dict[Series, float] = {}
    for family in text_string_to_metric_families("\n".join([*kept, *kept_of_node]) + "\n"):
        for sample in family.samples:
            name = sample.name.removeprefix(_PREFIXES[0]).removeprefix(_PREFIXES[1])
            if sample.value and name not in _LEFT_OUT and sample.labels.get("vhost", vhost) == vhost:
                found[_series(name, sample.labels)] = sample.value
    return found


def lines(at: int, before: Samples, found: Samples, phase: str | None = None, edge: str | None = None) -> Iterator[Metric]:
    """The samples as evidence: those that changed, and at a phase edge all of them. A series that is gone has fallen to 0.

    Args:
        at: when they were asked for, in nanoseconds since the epoch.
        before: the samples taken before these.
        found: these.
        phase: the phase at whose edge they were taken.
        edge: ``start`` or ``end``.
    """
    for series in sorted(found.keys() | before.keys(), key=lambda series: tuple(part or "" for part in series)):
        value = found.get(series, 0.0)
        if value != before.get(series, 0.0) or (edge is not None and value):
            yield Metric(at, series.name, value, series.queue, series.exchange, phase, edge)  # type: ignore[arg-type]


def restarted(before: Samples, found: Samples) -> bool:
    """Whether the broker began anew between two scrapes; false where one of them does not tell when it began."""
    return STARTED in before and STARTED in found and before[STARTED] != found[STARTED]


def at_rest(one: Samples, next_one: Samples) -> bool:
    """Whether no counter moved between two scrapes; gauges, which lag, do not count."""

    def counters(found: Samples) -> dict[Series, float]:
        return {series: value for series, value in found.items() if series.name.partition("{")[0].endswith("_total")}

    return counters(one) == counters(next_one)


def _series(name: str, labels: Mapping[str, str]) -> Series:
    more = ",".join(f'{key}="{value}"' for key, value in sorted(labels.items()) if key not in _OWN_FIELDS)
    return Series(f"{name}{{{more}}}" if more else name, labels.get("queue"), labels.get("exchange"))
