"""``counters.jsonl``: the queues, as the broker counted them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from drillbook.evidence.kind import Kind


@dataclass(frozen=True, slots=True)
class Counter:
    """A queue as the broker counted it."""

    at: Annotated[int, "when it was asked"]
    queue: Annotated[str, "the queue's name"]
    exists: Annotated[bool, "whether there was such a queue"]
    ready: Annotated[int | None, "messages waiting in it"]
    consumers: Annotated[int | None, "consumers on it"]
    step: Annotated[str | None, "the step at whose edge it was taken; left out for a sample over time"] = None
    edge: Annotated[Literal["start", "end"] | None, "which edge"] = None


KIND = Kind(
    80,
    Counter,
    about="the queues, as the broker counted them",
    page="""\
One queue, as the broker counted it: sampled over time, and at both edges of every step, while the program waits there, though
at most 5 s: of an edge at which the broker did not answer there is no line.

@FIELDS@
""",
)
