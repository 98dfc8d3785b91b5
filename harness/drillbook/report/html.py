"""The HTML report: one file that needs no network, no server and no other file. Everything that comes from a run is escaped."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import BytecodeCache, Environment, FileSystemBytecodeCache, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from drillbook.core.units import NANOSECONDS
from drillbook.evidence.kinds.timeline import Event
from drillbook.judge.verdict import Judgement, Verdict
from drillbook.report import broker, facts, tasks
from drillbook.report.lanes import Lane, lanes
from drillbook.report.series import Axis, Panel, axis, outside, panels
from drillbook.report.source import Source
from drillbook.report.wording import HELD_STILL, explain_command, running, told
from drillbook.scenario import Load

_HERE = Path(__file__).parent
_UPLOT = _HERE / "vendor" / "uplot"
FINDINGS_SHOWN = 5
"""Counterexamples of one invariant that are seen at once; the others are folded away."""
METHODS = {
    "isolation": "task isolation and feature gate",
    "transactional": "transactional processing",
    "messaging": "messaging: dead-letter queue and replay",
    "versioned-workers": "versioned workers and version routing",
    "rollback-script": "automated rollback script",
    "configuration": "configuration management",
}


def render(source: Source, judgement: Judgement) -> str:
    """The whole page.

    Args:
        source: the run's evidence.
        judgement: what the judge said of it.
    """
    time = axis(source)
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        bytecode_cache=_compiled(),
    )
    environment.filters.update(
        clock=clock,
        number=number,
        lasted=lasted,
        plain=plain,
        moment=lambda at: moment(at, time),
        scrub=_scrubber(source.path),
        held=lambda story: list(running(story)),
        explain=lambda task: explain_command(source.label, task),
    )
    page = environment.get_template("page.html.j2")
    return page.render(
        judgement=judgement,
        sentence=told(judgement),
        findings_shown=FINDINGS_SHOWN,
        still=HELD_STILL,
        counts={verdict.value: sum(result.verdict == verdict for result in judgement.results) for verdict in Verdict},
        source=source,
        scenario=source.scenario,
        drill=_drill(source, judgement, time),
        **_assets(),
        **_timeline(source, time),
        **_facts(source, time),
    )


def _compiled() -> BytecodeCache | None:
    """Where compiled templates are kept, for this user alone: compiling them takes longer than all else of a small report."""
    try:
        return FileSystemBytecodeCache()
    except (OSError, RuntimeError):  # no folder for temporary files, or one that others may write to
        return None


def clock(seconds: float | None) -> str:
    """A moment since the start of the drive: ``14.3 s``, from two minutes on ``2:05.3``."""
    if seconds is None:
        return "—"
    if abs(seconds) < 120:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(abs(seconds), 1), 60)
    hours, minutes = divmod(int(minutes), 60)
    sign = "−" if seconds < 0 else ""
    return f"{sign}{hours}:{minutes:02d}:{rest:04.1f}" if hours else f"{sign}{minutes}:{rest:04.1f}"


def lasted(seconds: float | None) -> str:
    """A duration, with the digits that matter: ``84 ms``, ``4.2 s``, ``2:05.3``."""
    if seconds is None:
        return "—"
    return f"{seconds * 1000:.0f} ms" if seconds < 0.1 else clock(seconds)


def number(value: float | None) -> str:
    """A number with its thousands set apart: ``9,261``."""
    if value is None:
        return "—"
    return f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"


def plain(value: Any) -> str:
    """A parameter as a person writes it: ``step stop v2``, ``dead, cancelled``."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {plain(one)}" for name, one in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(plain(one) for one in value) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)


def moment(at: int, time: Axis | None) -> str:
    """A moment of a story, to the millisecond, since the start of the drive; as a time of day where the run has no axis."""
    if time is None:
        return datetime.fromtimestamp(at / NANOSECONDS, UTC).strftime("%H:%M:%S.%f")[:-3]
    seconds = (at - time.t0) / NANOSECONDS
    return f"{seconds:.3f} s" if abs(seconds) < 86_400 else clock(seconds)


def _assets() -> dict[str, Any]:
    """Scripts and styles, written into the page, and the policy that lets these and nothing else run."""
    guard, uplot, chart, copy = (
        (_HERE / "templates" / "guard.js").read_text(encoding="utf-8"),
        (_UPLOT / "uPlot.iife.min.js").read_text(encoding="utf-8"),
        (_HERE / "templates" / "timeline.js").read_text(encoding="utf-8"),
        (_HERE / "templates" / "copy.js").read_text(encoding="utf-8"),
    )
    styles = (_UPLOT / "uPlot.min.css").read_text(encoding="utf-8") + (_HERE / "templates" / "report.css").read_text(encoding="utf-8")
    hashes = " ".join(f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in (guard, uplot, chart, copy))
    return {
        "scripts": [Markup(guard), Markup(uplot), Markup(chart)],  # noqa: S704
        "copy": Markup(copy),  # noqa: S704
        "styles": Markup(styles),  # noqa: S704
        "policy": f"default-src 'none'; style-src 'unsafe-inline'; script-src {hashes}",
    }


def _timeline(source: Source, time: Axis | None) -> dict[str, Any]:
    found: list[Panel] = panels(source, time) if time else []
    strips: list[Lane] = lanes(source, time, broker.acts(source)) if time else []
    started = facts.decision(source)
    decision = time.seconds(started.at) if time and started else None
    chart = {
        "end": time.end if time else 0,
        "x": time.middles if time else [],
        "panels": [panel.as_json() for panel in found],
        "lanes": [lane.as_json() for lane in strips],
        "decision": decision,
    }
    return {"time": time, "panels": found, "lanes": strips, "chart": chart, "outside": outside(source, time) if time else 0}


def _facts(source: Source, time: Axis | None) -> dict[str, Any]:
    return {
        "alerts": facts.alerts(source, time) if time else [],
        "monitors": {name: facts.watched(monitor) for name, monitor in source.scenario.monitors.items()},
        "decision": facts.decision(source),
        "waits": [event for event in source.events if event.event == "decision" and event.state == "waits"],
        "abandoned": next((event for event in source.events if event.event == "decision" and event.state == "abandoned"), None),
        "faults": facts.faults(source, time) if time else [],
        "programs": facts.programs(source, time) if time else [],
        "work": facts.work(source, time) if time else [],
        "redeliveries": facts.redeliveries(source),
        "states": tasks.states(source),
        "meanings": tasks.STATES,
        "said_states": tasks.said(source),
        "effect_sources": tasks.sources(source),
        "topology": broker.topology(source),
        "counted": broker.counted(source),
        "blind": [event for event in source.events if event.event == "blind"],
        "notes": [event for event in source.events if event.event == "note"],
        "environment": facts.flat(source.environment.model_dump(exclude={"seed", "replay"}, exclude_unset=True)),
    }


def _drill(source: Source, judgement: Judgement, time: Axis | None) -> list[tuple[str, str]]:
    """What the drill was, as rows of term and description."""
    scenario = source.scenario
    rows = [
        ("Method", METHODS.get(scenario.method or "", "")),
        ("Load", _load(scenario.load) if scenario.load else ""),
        ("When", datetime.fromtimestamp(time.t0 / NANOSECONDS, UTC).strftime("%-d %B %Y, %H:%M:%S UTC") if time else ""),
        ("Duration", _durations(source.events)),
        ("Seed", str(judgement.seed) if judgement.seed is not None else ""),
        ("Tags", ", ".join(scenario.tags)),
        ("Run directory", source.label),
    ]
    return [(term, description) for term, description in rows if description]


def _load(load: Load) -> str:
    shares = ", ".join(f"{kind} {share:.0%}" for kind, share in load.types.items()) if len(load.types) > 1 else ""
    return f"{load.rate:g} tasks a second for {load.duration:g} s at least, {load.size:,} bytes each{f' ({shares})' if shares else ''}"


def _durations(events: tuple[Event, ...]) -> str:
    begun: dict[str, int] = {}
    parts = []
    for event in events:
        if event.event == "phase" and event.name != "drive":
            if event.state == "begin":
                begun[event.name] = event.at
            elif event.name in begun:
                parts.append(f"{event.name} {lasted((event.at - begun[event.name]) / NANOSECONDS)}")
    return ", ".join(parts)


def _scrubber(path: Path) -> Any:
    """A filter that makes paths below the project's folder relative: where the machine keeps it is nobody's business."""
    parents = path.resolve().parents
    root = str(parents[2]) if len(parents) > 3 else ""
    return lambda text: str(text).replace(f"{root}/", "").replace(root, ".") if root else str(text)
