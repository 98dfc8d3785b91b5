"""What was declared on the broker before and after, and what it counted; shown where the run has evidence of it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from drillbook.report.section import Facts, Reported, Section
from drillbook.report.source import ReportSource


@dataclass(frozen=True)
class BrokerChange:
    """One setting that differs between the two moments; or a whole thing that was there at one of them only."""

    kind: str
    name: str
    field: str
    """Empty: the whole thing."""
    before: str
    """Empty: it was not there."""
    after: str


@dataclass(frozen=True)
class TopologyDiff:
    """What was declared before the deployment, and after settling."""

    things: int
    """Queues, exchanges, bindings, policies and consumers that were there before."""
    changes: tuple[BrokerChange, ...]


@dataclass(frozen=True)
class Counted:
    """One total over the drill, as the broker counted it."""

    name: str
    total: int
    detail: str = ""


def topology(source: ReportSource) -> TopologyDiff | str | None:
    """What changed on the broker; None where the run has no topology, a sentence where it has only one moment of it."""
    if not source.has("topology"):
        return None
    moments: dict[str, dict[tuple[str, str], dict[str, str]]] = {"before": {}, "after": {}}
    for moment, kind, name, field, value in source.rows("select moment, kind, name, field, value from topology order by kind, name, field"):
        if moment in moments:
            moments[moment].setdefault((kind, name), {})[field] = _shown(value)
    before, after = moments["before"], moments["after"]
    if not before or not after:
        return f"What was declared on the broker is known only {'after' if after else 'before'} the drill, so that nothing can be compared."
    changes = [change for key in sorted(before.keys() | after.keys()) for change in _changes(key, before.get(key), after.get(key))]
    return TopologyDiff(len(before), tuple(changes))


def _changes(key: tuple[str, str], before: Mapping[str, str] | None, after: Mapping[str, str] | None) -> list[BrokerChange]:
    kind, name = key
    if before is None or after is None:
        return [BrokerChange(kind, name, "", _whole(before), _whole(after))]
    fields = sorted(before.keys() | after.keys())
    return [
        BrokerChange(kind, name, field, before.get(field, ""), after.get(field, ""))
        for field in fields
        if before.get(field) != after.get(field)
    ]


def _whole(settings: Mapping[str, str] | None) -> str:
    if settings is None:
        return ""
    return ", ".join(f"{field} {value}" for field, value in settings.items() if field != "there") or "there"


def _shown(value: str) -> str:
    """A value as one writes it: text without its quotes."""
    try:
        content: Any = json.loads(value)
    except ValueError:
        return value
    return content if isinstance(content, str) and content else value


def counted(source: ReportSource) -> list[Counted]:
    """Dead letters, drops and redeliveries over the drill, as the broker's own metrics count them; a counter that fell began anew."""
    if not source.has("metrics"):
        return []
    totals: dict[str, float] = {}
    for name, total in source.rows("""
        select name, sum(case when value >= last then value - last else value end)
        from (select name, value, lag(value, 1, 0) over (partition by name, queue, exchange order by "at", rowid) as last
              from metrics where name like 'global_messages_%' or name like 'queue_messages_redelivered%')
        group by name
    """):
        totals[name] = total
    return [
        _deaths("dead-lettered", totals, dropped=False),
        _deaths("died and dropped", totals, dropped=True),
        Counted("unroutable, dropped", _sum(totals, "global_messages_unroutable_dropped")),
        Counted("unroutable, returned", _sum(totals, "global_messages_unroutable_returned")),
        Counted("redelivered", _sum(totals, "queue_messages_redelivered")),
    ]


def _deaths(name: str, totals: Mapping[str, float], dropped: bool) -> Counted:
    """Dead letters by reason: those that were sent on, or those of queues that have nowhere to send them (strategy ``disabled``)."""
    reasons: dict[str, float] = {}
    for metric, total in totals.items():
        match = re.match(r"global_messages_dead_lettered_(\w+?)_total", metric)
        if match and total and dropped == ('dead_letter_strategy="disabled"' in metric):
            reason = match[1].replace("_", " ")
            reasons[reason] = reasons.get(reason, 0) + total
    return Counted(name, round(sum(reasons.values())), ", ".join(f"{reason} {round(total):,}" for reason, total in sorted(reasons.items())))


def _sum(totals: Mapping[str, float], name: str) -> int:
    """Over its labels; the node's own count and that of its exchanges are the same messages, so that only one of them is asked for."""
    return round(sum(total for metric, total in totals.items() if metric.startswith(name)))


def _facts(run: Reported) -> Facts | None:
    compared, totals = topology(run.source), counted(run.source)
    return {"topology": compared, "counted": totals} if compared is not None or totals else None


section = Section(
    "Broker",
    place=100,
    facts=_facts,
    link="Broker",
    about="where the run has its metrics or its topology: what it dead-lettered, dropped, returned and redelivered by its own count, and"
    " what is declared otherwise than before the deployment; or that nothing is.",
)
