"""What happened, as bars and marks above the curves: phases, faults, steps, alerts, containers, incomplete evidence. Pure.

Times are seconds since the start of the drive.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from drillbook.evidence.kinds.timeline import Event
from drillbook.report.sections.faults import FaultRow
from drillbook.report.sections.faults import faults as fault_rows
from drillbook.report.sections.programs import ProgramRow, programs
from drillbook.report.series import Axis
from drillbook.report.source import ReportSource
from drillbook.report.wire_changes import WireChange


@dataclass(frozen=True)
class TimelineBar:
    """One bar, or one mark where begin and end are the same."""

    label: str
    begin: float
    end: float
    kind: str
    """Its look: phase, fault, act, step, failed, alert, decision, killed, stopped, started, paused, purge, delete, blocked, incomplete."""
    hint: str = ""
    """The whole of it in one sentence."""
    took_effect: float | None = None
    """Of a fault: when it was proven to have taken hold."""


@dataclass(frozen=True)
class Lane:
    """Spans of one sort, on one strip."""

    name: str
    spans: tuple[TimelineBar, ...]

    def as_json(self) -> dict[str, Any]:
        """The lane as JSON can hold it."""
        return asdict(self)


def lanes(source: ReportSource, time: Axis, acts: Sequence[WireChange] = ()) -> list[Lane]:
    """The lanes that have anything on them.

    Args:
        source: the run's evidence.
        time: the axis.
        acts: what the wire shows of faults and queues, in time order.
    """
    events = source.events
    ran = {program.name: program for program in programs(source, time)}
    waits = tuple(_pairs(events, time, "wait", ("begin",), ("met", "not_met"), "paused", called="waits at {}"))
    found = [
        Lane("phases", tuple(_pairs(events, time, "phase", ("begin",), ("end",), "phase", only=("load", "settle")))),
        Lane("faults", (*_faults(fault_rows(source, time), time), *_acts(acts, time))),
        Lane("deploy", tuple(_program(ran.get("deployment"), time))),
        Lane("alerts", tuple(_alerts(events, time))),
        Lane("playbook", (*waits, *_program(ran.get("playbook"), time))),
        Lane("stage", tuple(_containers(events, time))),
        Lane("queues", tuple(_queues(acts, time))),
        Lane("evidence", tuple(_pairs(events, time, "incomplete", ("from",), ("to",), "incomplete"))),
    ]
    visible = [Lane(lane.name, tuple(span for span in lane.spans if span.end >= 0 and span.begin <= time.end)) for lane in found]
    return [lane for lane in visible if lane.spans]


def _pairs(
    events: tuple[Event, ...],
    time: Axis,
    event: str,
    opens: tuple[str, ...],
    closes: tuple[str, ...],
    kind: str,
    only: tuple[str, ...] = (),
    called: str = "{}",
) -> Iterable[TimelineBar]:
    """A span from each opening state to the next closing one of the same name; to the end of the axis where none came."""
    mine = [one for one in events if one.event == event and (not only or one.name in only)]
    for number, one in enumerate(mine):
        if one.state not in opens:
            continue
        last = next((later for later in mine[number + 1 :] if later.name == one.name and later.state in closes), None)
        begin, end = time.seconds(one.at), time.seconds(last.at) if last else time.end
        said = f" ({one.detail})" if one.detail else ""
        name = called.format(one.name)
        yield TimelineBar(name, begin, end, kind, f"{name}: {begin:.1f} s to {f'{end:.1f} s' if last else 'the end'}{said}")


def _faults(rows: Sequence[FaultRow], time: Axis) -> Iterable[TimelineBar]:
    """A span a fault, over all its victims."""
    begun = [row for row in rows if row.begin is not None]
    for name in dict.fromkeys(row.name for row in begun):
        mine = [row for row in begun if row.name == name]
        begin = min(row.begin for row in mine if row.begin is not None)
        took_effect, ended, cleared = (
            max((at for at in moments if at is not None), default=None)
            for moments in zip(*((row.took_effect, row.ended, row.cleared) for row in mine), strict=True)
        )
        end = next((at for at in (cleared, ended) if at is not None), time.end)
        hint = f"{name}: begun at {begin:.1f} s, {'never took effect' if took_effect is None else f'took effect at {took_effect:.1f} s'}"
        hint += (
            f", cleared at {end:.1f} s" if cleared is not None else ", not seen to clear" if ended is not None else ", stayed to the end"
        )
        yield TimelineBar(name, begin, end, "fault", hint, took_effect)


def _program(program: ProgramRow | None, time: Axis) -> Iterable[TimelineBar]:
    """The steps of a program; the whole of it where it shows none."""
    if program is None:
        return
    for one in program.steps or [program]:
        begin, end = one.begin, time.end if one.seconds is None else one.begin + one.seconds
        hint = f"{one.name}: {begin:.1f} s to {'the end' if one.seconds is None else f'{end:.1f} s'}"
        failed = bool(one.exit_code) and bool(program.steps)
        yield TimelineBar(one.name, begin, end, "failed" if failed else "step", f"{hint}, failed" if failed else hint)


def _alerts(events: tuple[Event, ...], time: Axis) -> Iterable[TimelineBar]:
    yield from _pairs(events, time, "alert", ("raised",), ("cleared",), "alert")
    said = {"started": "decision to start the playbook", "waits": "the playbook waits", "abandoned": "the drill was given up"}
    for event in events:
        if event.event == "decision" and event.state in said:
            moment = time.seconds(event.at)
            label = "decision" if event.state == "started" else event.state
            why = f", by {event.detail}" if event.state == "started" else f": {event.detail}"
            yield TimelineBar(label, moment, moment, "decision", f"{said[event.state]} at {moment:.1f} s{why}")


def _containers(events: tuple[Event, ...], time: Axis) -> Iterable[TimelineBar]:
    pauses = tuple(event for event in events if event.event == "container" and event.state in ("paused", "unpaused"))
    for span in _pairs(pauses, time, "container", ("paused",), ("unpaused",), "paused"):
        yield TimelineBar(f"{_short(span.label)} paused", span.begin, span.end, span.kind, span.hint)
    for event in events:
        if event.event == "container" and event.state in ("started", "stopped", "killed", "died"):
            moment = time.seconds(event.at)
            unasked = "" if event.asked is not False else ", unasked"
            label = f"{_short(event.name)} {event.state}"
            yield TimelineBar(label, moment, moment, event.state, f"{event.name} {event.state} at {moment:.1f} s{unasked}")


def _acts(acts: Sequence[WireChange], time: Axis) -> Iterable[TimelineBar]:
    for act in acts:
        if act.event == "fault":
            moment = time.seconds(act.at)
            label = act.text if act.count == 1 else f"{act.text} ×{act.count:,}"
            yield TimelineBar(
                label,
                moment,
                moment,
                "act",
                f"{act.name}: {label}, from {moment:.1f} s on" if act.count > 1 else f"{act.name}: {label} at {moment:.1f} s",
            )


def _queues(acts: Sequence[WireChange], time: Axis) -> Iterable[TimelineBar]:
    """Queues purged or deleted over the wire, and clients that the broker blocked."""
    for number, act in enumerate(acts):
        moment = time.seconds(act.at)
        if act.event in ("purge", "delete"):
            yield TimelineBar(act.text, moment, moment, act.event, f"{act.text} at {moment:.1f} s")
        elif act.event == "blocked":
            later = (other for other in acts[number + 1 :] if (other.event, other.name) == ("unblocked", act.name))
            end = next((time.seconds(other.at) for other in later), time.end)
            yield TimelineBar(act.text, moment, end, "paused", f"{act.text} by the broker: {moment:.1f} s to {end:.1f} s")


def _short(container: str) -> str:
    return container.removeprefix("workers.")
