"""``topology.jsonl``: what was declared on the broker, before and after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from drillbook.evidence.kind import Kind


@dataclass(frozen=True, slots=True)
class Topology:
    """One setting of one thing on the broker."""

    at: Annotated[int, "when it was asked"]
    moment: Annotated[
        Literal["before", "after"],
        "before: the stage is ready, nothing has been deployed; after: settled, the workers still run",
    ]
    kind: Annotated[Literal["queue", "exchange", "binding", "policy", "consumer"], "what it is"]
    name: Annotated[str, "its name"]
    field: Annotated[str, "the setting: `type`, `arguments.x-delivery-limit`, `definition.message-ttl`; `there` for one without settings"]
    value: Annotated[str, "as JSON, keys sorted"]


_GAP = """
select 'topology.jsonl does not say what was declared before the deployment' where list_contains($sections, 'stage')
  and not exists (select 1 from topology where moment = 'before')
"""


KIND = Kind(
    100,
    Topology,
    about="what was declared on the broker, before and after",
    page="""\
One setting of one thing on the broker, normalised: what differs between `before` and `after` has changed. Left out is what the broker
draws or assigns itself: names that begin with `amq.`, the default exchange and its bindings, queues that belong to one connection.

A binding is named `tasks -> queue tasks.v1 with "key" {arguments}`. A queue's `policy` is the one that applies to it. A consumer is named
by its queue; its `field` is who consumes (`workers.v1` for every worker of that version, `operator`, or `elsewhere` for one that does not
come through the tap, such as a shovel), its `value` how many consumers that is.

@FIELDS@
""",
    complete="when collected",
    gap=_GAP,
)
