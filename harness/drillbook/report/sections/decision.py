"""When and why the playbook was started, and what the monitors saw."""

from __future__ import annotations

from dataclasses import dataclass

from drillbook.evidence.kinds.timeline import Event
from drillbook.report.section import Facts, Reported, Section
from drillbook.report.series import Axis
from drillbook.report.source import ReportSource
from drillbook.scenario import Monitor, QueryValue, QueueDepth, RedeliveryRate, Watched


@dataclass(frozen=True)
class AlertRow:
    """One alert, from raised to cleared."""

    monitor: str
    raised: float
    value: float | None
    cleared: float | None
    detail: str


def decision(source: ReportSource) -> Event | None:
    """The decision that started the playbook."""
    return next((event for event in source.events if event.event == "decision" and event.state == "started"), None)


def alerts(source: ReportSource, time: Axis) -> list[AlertRow]:
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
    bound = f"above {monitor.above:g}" if monitor.above is not None else f"below {monitor.below:g}"
    return _said(monitor.watched), f"{bound} for {monitor.lasting:g} s" if monitor.lasting else bound


def _said(what: Watched) -> str:
    match what:
        case QueryValue(query):
            return query
        case QueueDepth(queue):
            return f"ready tasks of {queue}"
        case RedeliveryRate(queue):
            return f"redeliveries a second of {queue}"


def _facts(run: Reported) -> Facts:
    source, time = run.source, run.time
    decided = [event for event in source.events if event.event == "decision"]
    return {
        "decision": decision(source),
        "waits": [event for event in decided if event.state == "waits"],
        "abandoned": next((event for event in decided if event.state == "abandoned"), None),
        "alerts": alerts(source, time) if time else [],
        "monitors": {name: watched(monitor) for name, monitor in source.scenario.monitors.items()},
    }


section = Section(
    "Decision and alerts",
    place=60,
    facts=_facts,
    link="Decision and alerts",
    about="when and why the playbook was started, and what each monitor saw.",
)
