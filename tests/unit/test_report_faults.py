"""A fault of the scenario in the report's words: its kind, its parameters, when it begins and how long it lasts."""

from __future__ import annotations

from typing import Any

import pytest

from drillbook.report.sections.faults import _described
from drillbook.scenario import FaultSpec

KILL: dict[str, Any] = {"kill": {"target": "workers.v2"}}
DROP: dict[str, Any] = {"drop": {"link": "workers.v1 -> broker"}}
MOMENTS: dict[str, tuple[dict[str, Any], str]] = {
    "at a time": (KILL | {"at": "90s"}, "kill, at 90 s"),
    "after the deployment": (KILL | {"at": "5s after deployment"}, "kill, 5 s after the deployment"),
    "before a step": (KILL | {"before": {"step": "stop v2"}}, "kill, before “stop v2”"),
    "during a step": (KILL | {"during": {"step": "stop v2"}}, "kill, during “stop v2”"),
    "after a step": (KILL | {"after": {"step": "stop v2"}}, "kill, after “stop v2”"),
    "after an event": (KILL | {"after": {"deployment": "end"}}, "kill, after deployment end"),
    "after some tasks": (KILL | {"after": {"tasks": "200 confirmed"}}, "kill, after 200 confirmed"),
    "with an alert": (KILL | {"when": "backlog"}, "kill, when backlog is raised"),
    "on a message": (DROP | {"on": {"wire": "ack", "nth": 100}}, "drop, on ack 100 of workers.v1 -> broker"),
    "on several": (DROP | {"on": {"wire": "ack", "nth": 9, "count": 3}}, "drop, on ack 9 to 11 of workers.v1 -> broker"),
    "on one of a task": (DROP | {"on": {"wire": "ack", "task": "a"}}, "drop, on ack 1 for a of workers.v1 -> broker"),
    "on one elsewhere": (KILL | {"on": {"wire": "ack", "link": "load -> broker"}}, "kill, on ack 1 of load -> broker"),
    "counted from a step": (
        DROP | {"before": {"step": "stop v2"}, "on": {"wire": "ack"}},
        "drop, before “stop v2”, on ack 1 of workers.v1 -> broker",
    ),
}


@pytest.mark.parametrize(("entry", "said"), MOMENTS.values(), ids=MOMENTS)
def test_a_fault_is_told_with_its_moment(entry: dict[str, Any], said: str) -> None:
    assert _described(FaultSpec.model_validate({"name": "it", **entry})) == said


GIVEN: dict[str, tuple[dict[str, Any], str]] = {
    "no more than its aim": ({"pause": {"target": "broker"}}, "pause, at 1 s"),
    "a parameter": ({"pause": {"target": "workers", "pick": "one"}}, "pause (pick one), at 1 s"),
    "parameters with units": (
        {"latency": {"link": "load -> broker", "delay": "400ms", "jitter": "100ms"}, "for": "12s"},
        "latency (delay 0.4 s, jitter 0.1 s), at 1 s for 12 s",
    ),
    "one as it is anyway": ({"pause": {"target": "broker", "pick": "all"}}, "pause, at 1 s"),
}


@pytest.mark.parametrize(("entry", "said"), GIVEN.values(), ids=GIVEN)
def test_a_fault_is_told_with_what_is_not_as_usual(entry: dict[str, Any], said: str) -> None:
    assert _described(FaultSpec.model_validate({"name": "it", "at": "1s", **entry})) == said
