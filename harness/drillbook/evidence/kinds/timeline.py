"""``timeline.jsonl``: what happened, in time order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from drillbook.evidence.kind import Kind

SKIPPED = "skipped"
"""``detail`` of the end of a step in which, as its program says, nothing was done."""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened in the drill."""

    at: Annotated[int, "when"]
    event: Annotated[
        Literal["phase", "step", "fault", "container", "alert", "decision", "wait", "machine", "incomplete", "note"],
        "what kind of thing",
    ]
    name: Annotated[str, "of what"]
    state: Annotated[str, "what became of it"]
    kind: Annotated[str | None, "of a fault: its kind"] = None
    target: Annotated[str | None, "of a fault: its victims"] = None
    program: Annotated[str | None, "of a step: whose"] = None
    version: Annotated[str | None, "of a container: its worker's version"] = None
    asked: Annotated[bool | None, "of a container: whether harness, deployment or playbook asked for it"] = None
    value: Annotated[float | None, "of an alert: the monitor's value; of a decision: the value it was made on"] = None
    exit_code: Annotated[int | None, "of a program, a step or a container"] = None
    seconds: Annotated[float | None, "of a phase: how long it took"] = None
    detail: Annotated[str | None, "more, in words"] = None


_MOMENTS = """
select distinct task, stops."at", 6, 0, 'timeline',
       stops.name || ' ' || case stops.state when 'killed' then 'was killed' else stops.state end,
       'stop', stops.name, null, null, null
from (select distinct task, peer, "at" from told_wire where event = 'deliver') as deliveries
asof join stops on stops.name = peer and stops."at" >= deliveries."at"
"""


KIND = Kind(
    110,
    Event,
    about="what happened, in time order",
    page="""\
One thing that happened.

@FIELDS@

| event | name | states |
|---|---|---|
| `phase` | `stage`, `drive`, `load`, `deployment`, `playbook`, `settle`, `collect` | `begin`, `end`; `timeout` for a program that was killed at its time limit, and for `settle` when the stage was not at rest at its deadline: `detail` says who still moved what, or what was waited for |
| `step` | the step's name | `begin`, `end`; `detail` of an end is `skipped` where the program says that nothing was done in it, as Ansible of a task that no host had to do |
| `fault` | the fault's name | `armed`, `begin`, `took_effect` or `no_effect`, `end`, `cleared` or `not_cleared`; `skipped` when its moment never came. Of `drop`, `hold` and `close_channel`, `begin` is when the tap is told to count, and `took_effect` the first message. `detail` tells the message, or how many passed where it never came |
| `container` | `workers.v2.1` | `started`, `stopped`, `killed`, `died`, `paused`, `unpaused` |
| `alert` | the monitor's name | `sample`, `raised`, `cleared` |
| `decision` | `playbook` | `started`; `detail` says by what. `waits`, `abandoned`: `detail` says why |
| `wait` | the step's name | `begin`, `met`, `not_met`: the playbook waits before it, `detail` says for how many tasks |
| `machine` | `cpu` | `sample`, each second until the stage is at rest; `value` is the share of the time since the one before in which something waited for a processor, 0 to 1 (`/proc/pressure/cpu`, `some`); where the machine does not count that, whether more wanted to run at that moment than it has processors |
| `incomplete` | the evidence: `published`, `wire`, … | `from`, `to`; `detail` says why |
| `note` | anything | `said` |
""",
    complete="by itself",
    told="what steps, faults and ends of containers it met",
    moments=_MOMENTS,
    latest="at",
    older={
        "event": {"blind": "incomplete", "hold": "wait"},
        "state": {"bit": "took_effect", "not_bit": "no_effect", "lifted": "cleared", "not_lifted": "not_cleared"},
    },
)
