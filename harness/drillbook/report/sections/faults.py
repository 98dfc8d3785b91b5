"""What was broken, and the proof that it was."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from drillbook.core.units import unit_of
from drillbook.evidence.kinds.timeline import Event
from drillbook.report.section import Facts, Reported, Section
from drillbook.report.series import Axis
from drillbook.report.source import ReportSource
from drillbook.scenario import FaultEntry


@dataclass(frozen=True)
class FaultRow:
    """One fault on one target."""

    name: str
    what: str
    target: str
    begin: float | None
    took_effect: float | None
    ended: float | None
    """None: it was never asked to end, as a killed worker that stays dead."""
    cleared: float | None
    remark: str


def faults(source: ReportSource, time: Axis) -> list[FaultRow]:
    """Every fault of the timeline, one row a target, and those of the scenario that never came to it."""
    mine = [event for event in source.events if event.event == "fault"]
    entries = {entry.name: entry for entry in source.scenario.faults}
    moments = {
        (name, target or ""): [None if at is None else time.seconds(at) for at in when]
        for name, target, *when in source.rows("select name, target, begin_at, took_effect_at, end_at, cleared_at from faults")
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
    begin, took_effect, ended, cleared = moments
    return FaultRow(name, what, target, begin, took_effect, ended, cleared, remark)


def _described(entry: FaultEntry) -> str:
    """``latency (delay 0.4 s, jitter 0.1 s), at 10 s for 12 s``."""
    fault = entry.fault
    given = []
    for name, field in type(fault).model_fields.items():
        value, unit = getattr(fault, name), unit_of(field)
        if name not in ("link", "target") and value != field.default:
            given.append(f"{name} {unit.say(value) if unit and value is not None else value}")
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


def _facts(run: Reported) -> Facts:
    return {"faults": faults(run.source, run.time) if run.time else []}


section = Section(
    "Faults",
    place=70,
    facts=_facts,
    link="Faults",
    about="what was broken, with the moments at which each was proven to have taken effect and cleared.",
)
