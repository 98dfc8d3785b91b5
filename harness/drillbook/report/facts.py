"""The facts of a run that reports put into tables: who did the work, what was redelivered, where tasks ended, what programs and faults did.

Pure: evidence in, plain rows out; a fact whose evidence is absent is None or an empty list.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from drillbook.core.units import NANOSECONDS, SYMBOLS
from drillbook.evidence.records import Event
from drillbook.report.series import Axis
from drillbook.report.source import Source
from drillbook.scenario import FaultEntry, Monitor


@dataclass(frozen=True)
class Work:
    """What one worker did."""

    version: str
    worker: str
    effects: int
    first: float
    last: float
    """Seconds since the start of the drive."""


@dataclass(frozen=True)
class Redeliveries:
    """How often the broker gave a task out again, and what came of it."""

    deliveries: int
    redelivered: int
    tasks: int
    """Tasks that were redelivered at least once."""
    doubled: int
    """Of them, those with more than one effect."""
    doubled_otherwise: int
    """Tasks with more than one effect that were never redelivered."""


@dataclass(frozen=True)
class FaultRow:
    """One fault on one target."""

    name: str
    what: str
    target: str
    begin: float | None
    bit: float | None
    ended: float | None
    """None: it was never asked to end, as a killed worker that stays dead."""
    lifted: float | None
    remark: str


@dataclass(frozen=True)
class StepRow:
    """One step of a program."""

    name: str
    begin: float
    seconds: float | None
    exit_code: int | None


@dataclass(frozen=True)
class ProgramRow:
    """The deployment or the playbook, as it ran."""

    name: str
    begin: float
    seconds: float | None
    exit_code: int | None
    state: str
    """begin (never ended), end or timeout."""
    steps: tuple[StepRow, ...]


@dataclass(frozen=True)
class AlertRow:
    """One alert, from raised to cleared."""

    monitor: str
    raised: float
    value: float | None
    cleared: float | None
    detail: str


def work(source: Source, time: Axis) -> list[Work]:
    """Effects by worker."""
    rows = source.rows(
        "select coalesce(version, '—'), coalesce(worker, '—'), count(*), min(\"at\"), max(\"at\") from effects group by 1, 2 order by 1, 2"
    )
    return [Work(version, worker, effects, time.seconds(first), time.seconds(last)) for version, worker, effects, first, last in rows]


def redeliveries(source: Source) -> Redeliveries | None:
    """Counted from the wire; None where nothing watched it."""
    if not source.has("wire"):
        return None
    row = source.rows(
        """
        with again as (select distinct task from wire where event = 'deliver' and redelivered and task is not null),
             doubled as (select task from done_tasks where effects > 1)
        select (select count(*) from wire where event = 'deliver'), (select count(*) from wire where event = 'deliver' and redelivered),
               (select count(*) from again), (select count(*) from doubled where task in (from again)),
               (select count(*) from doubled where task not in (from again))
        """
    )[0]
    return Redeliveries(*row)


def faults(source: Source, time: Axis) -> list[FaultRow]:
    """Every fault of the timeline, one row a target, and those of the scenario that never came to it."""
    mine = [event for event in source.events if event.event == "fault"]
    entries = {entry.name: entry for entry in source.scenario.faults}
    moments = {
        (name, target or ""): [None if at is None else time.seconds(at) for at in when]
        for name, target, *when in source.rows("select name, target, begin_at, bit_at, end_at, lifted_at from faults")
    }
    keys = list(dict.fromkeys((event.name, event.target or "") for event in mine))
    # A fault whose victim is known only when its message comes was armed for all that could be it.
    begun = {name for (name, _), (begin, *_) in moments.items() if begin is not None}
    keys = [key for key in keys if moments[key][0] is not None or key[0] not in begun]
    never = [(name, entry.fault.aim) for name, entry in entries.items() if name not in {key[0] for key in keys}]
    return [
        _fault(
            *key, [event for event in mine if (event.name, event.target or "") == key], entries.get(key[0]), moments.get(key, [None] * 4)
        )
        for key in [*keys, *never]
    ]


def _fault(name: str, target: str, mine: list[Event], entry: FaultEntry | None, moments: list[float | None]) -> FaultRow:
    remark = "; ".join(dict.fromkeys(event.detail for event in mine if event.detail))
    kind = next((event.kind for event in mine if event.kind), "") or ""
    what = _described(entry) if entry else kind
    if moments[0] is None and not remark:
        remark = "Its moment never came."
    begin, bit, ended, lifted = moments
    return FaultRow(name, what, target, begin, bit, ended, lifted, remark)


def _described(entry: FaultEntry) -> str:
    """``latency (delay 0.4 s, jitter 0.1 s), at 10 s for 12 s``."""
    fault = entry.fault
    given = []
    for name, field in type(fault).model_fields.items():
        if name in ("link", "target") or getattr(fault, name) == field.default:
            continue
        symbol = next((SYMBOLS[mark.func] for mark in field.metadata if getattr(mark, "func", None) in SYMBOLS), None)
        given.append(f"{name} {getattr(fault, name):g} {symbol}" if symbol else f"{name} {getattr(fault, name)}")
    lasting = f" for {entry.lasting:g} s" if entry.lasting is not None else ""
    parameters = f" ({', '.join(given)})" if given else ""
    return f"{fault.kind}{parameters}, {', '.join(_moments(entry))}{lasting}"


def _moments(entry: FaultEntry) -> Iterator[str]:
    """``after “drain v2”``, ``on ack 100 of workers.v1 -> broker``."""
    if entry.at is not None:
        yield f"{entry.at.seconds:g} s after the deployment" if entry.at.after_deployment else f"at {entry.at.seconds:g} s"
    for kind, step in (("before", entry.before), ("during", entry.during)):
        if step is not None:
            yield f"{kind} “{step.step}”"
    if entry.after is not None:
        yield f"after “{entry.after.step}”" if entry.after.step else f"after {entry.after}"
    if entry.when is not None:
        yield f"when {entry.when} is raised"
    if entry.on is not None:
        on, many = entry.on, "" if entry.on.count == 1 else f" to {entry.on.nth + entry.on.count - 1}"
        task = f" for {on.task}" if on.task else ""
        yield f"on {on.wire} {on.nth}{many}{task} of {on.link or entry.fault.aim}"


def programs(source: Source, time: Axis) -> list[ProgramRow]:
    """The deployment and the playbook, as far as they ran."""
    return [row for name in ("deployment", "playbook") if (row := _program(source, time, name))]


def _program(source: Source, time: Axis, name: str) -> ProgramRow | None:
    steps = source.rows("select name, begin_at, end_at, exit_code from steps where program = $name order by begin_at", name=name)
    phase = source.rows("select begin_at, end_at, ended, exit_code from phases where name = $name", name=name)
    if not phase and not steps:
        return None
    begin, end, state, exit_code = phase[0] if phase else (steps[0][1], None, None, None)
    return ProgramRow(
        name=name,
        begin=time.seconds(begin),
        seconds=_between(begin, end),
        exit_code=exit_code,
        state=state or "begin",
        steps=tuple(StepRow(step, time.seconds(began), _between(began, ended), code) for step, began, ended, code in steps),
    )


def _between(begin: int, end: int | None) -> float | None:
    return None if end is None else (end - begin) / NANOSECONDS


def decision(source: Source) -> Event | None:
    """The decision that started the playbook."""
    return next((event for event in source.events if event.event == "decision" and event.state == "started"), None)


def alerts(source: Source, time: Axis) -> list[AlertRow]:
    """Alerts as they were raised."""
    mine = [event for event in source.events if event.event == "alert"]
    rows = []
    for number, event in enumerate(mine):
        if event.state == "raised":
            cleared = next((later for later in mine[number + 1 :] if later.name == event.name and later.state == "cleared"), None)
            rows.append(
                AlertRow(event.name, time.seconds(event.at), event.value, time.seconds(cleared.at) if cleared else None, event.detail or "")
            )
    return rows


def watched(monitor: Monitor) -> tuple[str, str]:
    """What a monitor looks at, and its bound: ``ready tasks of tasks.dead``, ``above 10 for 3 s``."""
    source = monitor.query or (
        f"ready tasks of {monitor.queue_depth}" if monitor.queue_depth else f"redeliveries a second of {monitor.redelivery_rate}"
    )
    bound = f"above {monitor.above:g}" if monitor.above is not None else f"below {monitor.below:g}"
    return source, f"{bound} for {monitor.lasting:g} s" if monitor.lasting else bound


def flat(document: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """A nested document as rows of path and value; its innermost parts are one row each."""
    rows: list[tuple[str, str]] = []
    for key, value in document.items():
        path = f"{prefix}{key}"
        if isinstance(value, dict) and any(isinstance(one, dict) for one in value.values()):
            rows += flat(value, f"{path}: ")
        elif isinstance(value, dict):
            rows.append((path, ", ".join(f"{name} {one}" for name, one in value.items() if one is not None)))
        else:
            rows.append((path, "—" if value is None else ", ".join(map(str, value)) if isinstance(value, list) else str(value)))
    return rows
