"""The curves of the report: evidence counted into buckets on one time axis. Pure: tables in, numbers out.

Every curve has one value a bucket, so that the page stays small however many tasks there were. Times are seconds since the drive began.
"""

from __future__ import annotations

import math
import re
from dataclasses import asdict, dataclass
from typing import Any

from drillbook.core.units import NANOSECONDS
from drillbook.report.source import ReportSource

BUCKETS_SECONDS = (0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600, 21600, 86400)
MOST_BUCKETS = 600
MOST_CURVES = 8
"""Of versions, and of queues; the smaller ones are left out of the picture, and counted in its note."""
MOST_MONITORS = 6

Values = tuple[float | None, ...]
"""One value a bucket; None where nothing was measured."""


@dataclass(frozen=True)
class Axis:
    """The time axis that all panels share."""

    t0: int
    """Nanoseconds since the epoch: the start of the drive."""
    end: float
    """Seconds."""
    bucket: float
    """Seconds."""

    @property
    def count(self) -> int:
        """How many buckets."""
        return max(1, math.ceil(self.end / self.bucket))

    @property
    def middles(self) -> list[float]:
        """The middle of each bucket, in seconds: where its value is drawn; the last bucket may be a part of one."""
        return [round(min((number + 0.5) * self.bucket, (number * self.bucket + self.end) / 2), 3) for number in range(self.count)]

    def seconds(self, at: int) -> float:
        """A moment on the axis."""
        return round((at - self.t0) / NANOSECONDS, 3)

    def bucket_of(self, at: int) -> int:
        """The bucket of a moment: -1 before the first one, the last one after it."""
        return max(-1, min(int((at - self.t0) / NANOSECONDS // self.bucket), self.count - 1))


@dataclass(frozen=True)
class Curve:
    """One line of a panel."""

    label: str
    values: Values
    style: str
    """What gives its colour and dash: intended, confirmed, failed, unknown, skipped, p50, p99, max, bound, or a number; with ``u`` before
    it the number's colour, dotted."""


@dataclass(frozen=True)
class Panel:
    """One picture on the time axis."""

    title: str
    unit: str
    curves: tuple[Curve, ...]
    note: str = ""
    """A sentence under it; of a panel without curves: why there are none."""
    logarithmic: bool = False

    def as_json(self) -> dict[str, Any]:
        """The panel as JSON can hold it."""
        return asdict(self)


def axis(source: ReportSource) -> Axis | None:
    """The axis of a run, from the start of the load to the last thing that happened; None where the run has no moment at all."""
    [(begin,)] = source.rows(
        "select coalesce(min(begin_at) filter (name = 'load'), min(begin_at)) from phases where name in ('load', 'drive')"
    )
    first, last = source.rows(
        'select min("at"), max("at") from (select intended_at as "at" from published union all select "at" from effects)'
    )[0]
    moments = [event.at for event in source.events if event.name != "collect"]
    t0 = begin if begin is not None else first if first is not None else moments[0] if moments else None
    if t0 is None:
        return None
    end = max(moments) if begin is not None else max([last or t0, *moments])
    seconds = max((end - t0) / NANOSECONDS, 1.0)
    fitting = (width for width in BUCKETS_SECONDS if seconds / width <= MOST_BUCKETS)
    return Axis(t0, round(seconds, 3), next(fitting, seconds / MOST_BUCKETS))


def panels(source: ReportSource, time: Axis) -> list[Panel]:
    """Load, throughput by version, the queues, latency and each monitor; a queue named after a version has that version's colour."""
    throughput = _throughput(source, time)
    versions = {curve.label: curve.style for curve in throughput.curves}
    queues = [_depth(source, time, versions), *_gauges(source, time, versions)]
    return [_load(source, time), throughput, *queues, _latency(source, time), *_monitors(source, time)]


def outside(source: ReportSource, time: Axis) -> int:
    """Effects whose time lies outside the axis, as of a worker whose clock is wrong."""
    rows = source.rows(
        'select count(*) from effects where "at" < $t0 or "at" > $t0 + $length', t0=time.t0, length=round(time.end * NANOSECONDS)
    )
    return int(rows[0][0])


def _load(source: ReportSource, time: Axis) -> Panel:
    title, unit = "Load", "tasks/s"
    if not source.has("published"):
        return Panel(title, unit, (), "The publishers' ledger (published.jsonl) is not in this run directory.")
    intended = _rates(source, time, "select 'intended', intended_at from published where attempt = 1 or attempt is null")
    outcomes = _rates(source, time, "select outcome, resolved_at from published")
    wanted = [("intended", intended.get("intended")), ("confirmed", outcomes.get("ok"))]
    wanted += [(label, outcomes.get(outcome)) for label, outcome in (("failed", "fail"), ("unknown", "unknown"), ("skipped", "skipped"))]
    curves = tuple(Curve(label, values, label) for label, values in wanted if values)
    clean = len(curves) == 2
    note = "No publish failed, stayed unknown or was skipped." if clean else ""
    return Panel(title, unit, curves, note if curves else "Nothing was published.")


def _throughput(source: ReportSource, time: Axis) -> Panel:
    title, unit = "Throughput by version", "effects/s"
    if not source.has("effects"):
        return Panel(title, unit, (), "The effects (effects.jsonl) are not in this run directory.")
    rates = _rates(source, time, "select coalesce(version, 'no version'), \"at\" from effects")
    panel = _numbered(title, unit, dict(sorted(rates.items())), "versions", {})
    return panel if panel.curves else Panel(title, unit, (), "No task left an effect.")


def _depth(source: ReportSource, time: Axis, versions: dict[str, str]) -> Panel:
    title, unit = "Queue depth", "ready tasks"
    if not source.has("counters"):
        return Panel(title, unit, (), "The broker's counters (counters.jsonl) are not in this run directory.")
    rows = source.rows(
        f"select queue, {_bucket('counters.at')} as bucket, max(ready) from counters "  # noqa: S608
        f"where {_inside('counters.at')} group by 1, 2",
        **_scale(time),
    )
    depths: dict[str, dict[int, float | None]] = {}
    for queue, bucket, ready in rows:
        depths.setdefault(queue, {})[bucket] = ready
    curves = {queue: _held(values, time) for queue, values in sorted(depths.items())}
    panel = _numbered(title, unit, curves, "queues", {queue: style for queue in curves if (style := _named_after(queue, versions))})
    return panel if panel.curves else Panel(title, unit, (), "No queue was sampled.")


def _gauges(source: ReportSource, time: Axis, versions: dict[str, str]) -> list[Panel]:
    """Ready and unacknowledged messages by queue, as the broker's own metrics have them; their lines tell only what changed."""
    if not source.has("metrics"):
        return []
    title, unit = "Queues by the broker's own count", "messages"
    last = source.rows('select max("at") from metrics')[0][0]
    found: dict[str, dict[str, list[tuple[int, float]]]] = {}
    for queue, name, at, value in source.rows("""
        select queue, replace(name, 'queue_messages_', ''), "at", value from metrics
        where queue is not null and name in ('queue_messages_ready', 'queue_messages_unacked') order by queue, name, "at", rowid
    """):
        found.setdefault(queue, {}).setdefault(name, []).append((time.bucket_of(at), value))
    if not any(value for gauges in found.values() for samples in gauges.values() for _, value in samples):
        return [
            Panel(
                title, unit, (), "The broker's metrics, which may lag by five seconds, showed no message that waited or was unacknowledged."
            )
        ]
    curves = {
        queue: {name: _gauge(samples, time, time.bucket_of(last)) for name, samples in found[queue].items()} for queue in sorted(found)
    }
    highest = {
        queue: tuple(max(value or 0 for value in values) for values in zip(*found_of.values(), strict=True))
        for queue, found_of in curves.items()
    }
    numbered = _numbered(title, unit, highest, "queues", {queue: style for queue in curves if (style := _named_after(queue, versions))})
    drawn = [
        Curve(f"{one.label} {name}", values, one.style if name == "ready" else f"u{one.style}")
        for one in numbered.curves
        for name, values in curves[one.label].items()
        if any(values)
    ]
    note = "As its metrics say, which may lag by five seconds. Dotted: delivered and not yet acknowledged."
    return [Panel(title, unit, tuple(drawn), f"{note} {numbered.note}".strip())]


def _gauge(samples: list[tuple[int, float]], time: Axis, last: int) -> Values:
    """A gauge told by its changes: the highest value of each bucket, up to the last one in which the broker was asked."""
    values: list[float | None] = []
    changes, value = iter([*samples, (time.count, 0.0)]), 0.0
    bucket, change = next(changes)
    for number in range(time.count):
        highest = value if number else 0.0
        while bucket <= number:
            value = change
            highest = max(highest, value) if bucket >= 0 else value
            bucket, change = next(changes)
        values.append(_short(highest) if number <= last else None)
    return tuple(values)


def _latency(source: ReportSource, time: Axis) -> Panel:
    title, unit = "Latency from the intended time", "ms"
    rows = source.rows(
        f"""
        with asked as (select task, min(intended_at) as intended from published group by task),
             done as (select task, first_effect_at as done from done_tasks where first_effect_at is not null),
             waited as (
                 select {_bucket("intended")} as bucket, greatest(done - intended, 100000) / 1e6 as ms from asked join done using (task)
                 where {_inside("intended")}
             )
        select bucket, quantile_cont(ms, 0.5), quantile_cont(ms, 0.99), max(ms) from waited group by 1
        """,  # noqa: S608
        **_scale(time),
    )
    by_bucket = {bucket: values for bucket, *values in rows}
    if not by_bucket:
        return Panel(title, unit, (), "No task has both an intended time and an effect.")
    curves = []
    for place, label in enumerate(("p50", "p99", "max")):
        values = tuple(_short(by_bucket[number][place]) if number in by_bucket else None for number in range(time.count))
        curves.append(Curve(label, values, label))
    note = "From the moment the schedule wanted a task sent until it was done, drawn at the moment it was wanted; logarithmic."
    return Panel(title, unit, tuple(curves), note, logarithmic=True)


def _monitors(source: ReportSource, time: Axis) -> list[Panel]:
    """What each monitor saw, with its bound; where a bucket holds several samples, the one nearest to an alert."""
    samples: dict[str, dict[int, list[float]]] = {}
    for event in source.events:
        seconds = time.seconds(event.at)
        if event.event == "alert" and event.value is not None and 0 <= seconds <= time.end:
            bucket = min(int(seconds // time.bucket), time.count - 1)
            samples.setdefault(event.name, {}).setdefault(bucket, []).append(event.value)
    declared = source.scenario.monitors
    found = []
    for name, values in list(samples.items())[:MOST_MONITORS]:
        monitor = declared.get(name)
        nearest = min if monitor and monitor.below is not None else max
        curves = [Curve("value", _held({bucket: _short(nearest(seen)) for bucket, seen in values.items()}, time), "0")]
        bound = None if monitor is None else monitor.above if monitor.above is not None else monitor.below
        if bound is not None:
            curves.append(Curve("bound", (bound,) * time.count, "bound"))
        found.append(Panel(f"Monitor {name}", "", tuple(curves)))
    return found


def _held(samples: dict[int, float | None], time: Axis) -> Values:
    """Samples by bucket as a curve: each holds until the next one, and the last one ends it."""
    values: list[float | None] = []
    for bucket in range(max(samples) + 1):
        values.append(samples[bucket] if bucket in samples else values[-1] if values else None)
    return (*values, *[None] * (time.count - len(values)))


def _rates(source: ReportSource, time: Axis, query: str) -> dict[str, Values]:
    """Events a second by label, of a query that gives a label and a moment."""
    rows = source.rows(
        f"with moments(label, moment) as ({query}) "  # noqa: S608
        f"select label, {_bucket('moment')} as bucket, count(*) from moments where {_inside('moment')} group by 1, 2",
        **_scale(time),
    )
    counts: dict[str, dict[int, int]] = {}
    for label, bucket, count in rows:
        counts.setdefault(label, {})[bucket] = count
    return {label: tuple(_short(found.get(number, 0) / time.bucket) for number in range(time.count)) for label, found in counts.items()}


def _numbered(title: str, unit: str, curves: dict[str, Values], things: str, taken: dict[str, str]) -> Panel:
    """A panel of curves whose names the user chose; at most the highest few of them, numbered where no style is taken already."""
    highest = sorted(curves, key=lambda name: -max((value or 0 for value in curves[name]), default=0))[:MOST_CURVES]
    shown = [name for name in curves if name in highest]
    free = iter(str(number) for number in range(2 * MOST_CURVES) if str(number) not in taken.values())
    left_out = len(curves) - len(shown)
    note = f"{left_out} more {things}, all lower, are left out of the picture." if left_out else ""
    styles = {name: taken[name] if name in taken else next(free) for name in shown}
    return Panel(title, unit, tuple(Curve(name, curves[name], str(int(styles[name]) % MOST_CURVES)) for name in shown), note)


def _named_after(queue: str, versions: dict[str, str]) -> str | None:
    """The style of the version that is one word of a queue's name: ``tasks.v2`` of ``v2``."""
    return next((versions[word] for word in re.split(r"[^0-9A-Za-z]+", queue) if word in versions), None)


def _bucket(column: str) -> str:
    return f"cast(least(floor(({column} - $t0) / $width), $last) as bigint)"


def _inside(column: str) -> str:
    return f"{column} between $t0 and $t0 + $length"


def _scale(time: Axis) -> dict[str, float]:
    return {"t0": time.t0, "length": round(time.end * NANOSECONDS), "width": time.bucket * NANOSECONDS, "last": time.count - 1}


def _short(value: float) -> float:
    return round(value, 1) if value < 1000 else round(value)
