"""What happened and the curves under it, on one time axis."""

from __future__ import annotations

from drillbook.report.section import Facts, Reported, Section
from drillbook.report.sections.decision import decision
from drillbook.report.series import outside, panels
from drillbook.report.timeline_lanes import lanes
from drillbook.report.wire_changes import acts


def _facts(run: Reported) -> Facts:
    source, time = run.source, run.time
    drawn = panels(source, time) if time else []
    strips = lanes(source, time, acts(source)) if time else []
    started = decision(source)
    chart = {
        "end": time.end if time else 0,
        "x": time.middles if time else [],
        "panels": [panel.as_json() for panel in drawn],
        "lanes": [lane.as_json() for lane in strips],
        "decision": time.seconds(started.at) if time and started else None,
    }
    return {"panels": drawn, "lanes": strips, "chart": chart, "outside": outside(source, time) if time else 0}


section = Section(
    "Timeline",
    place=50,
    facts=_facts,
    link="Timeline",
    look="timeline",
    about="what happened (phases, faults and what they did to single messages, deployment, alerts and the decision, playbook steps, "
    "containers, queues purged or deleted over the wire), and under it load, throughput by version, queue depth, latency and every"
    " monitor, on one time axis with one cursor. Drag to zoom, double-click to reset; with a panel focused, the arrow keys move "
    "the cursor. The same numbers are in a table below.",
)
