"""References by name inside a scenario file; the loader checks that each names something declared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

NameKind = Literal["link", "container", "queue", "exchange", "version", "step", "monitor", "fault", "invariant"]


@dataclass(frozen=True)
class Ref:
    """Marks a string field as the name of something declared elsewhere in the file.

    Args:
        kind: what the name must be declared as.
    """

    kind: NameKind


LinkRef = Annotated[str, Ref("link"), Field(description="The links it hits, such as workers.v2 -> broker.")]
"""``workers.v2 -> broker`` (every v2 worker's), ``workers.v2.1 -> database``, ``load -> broker``, ``operator -> database``."""
ContainerRef = Annotated[str, Ref("container"), Field(description="The containers it hits, such as workers.v2 or broker.")]
"""``broker``, ``database``, ``workers.v2`` (every replica) or ``workers.v2.1`` (one replica, counted from 1)."""
QueueRef = Annotated[str, Ref("queue")]
ExchangeRef = Annotated[str, Ref("exchange")]
VersionRef = Annotated[str, Ref("version")]
"""A key of ``stage.workers``: ``v1``, ``v2``."""
StepRef = Annotated[str, Ref("step")]
"""The name of a step of the playbook, as ``drillbook validate`` lists them."""
MonitorRef = Annotated[str, Ref("monitor")]
