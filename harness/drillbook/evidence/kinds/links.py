"""``links.jsonl``: how often each link of the stage was used, as the proxies on it have logged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from drillbook.evidence.kind import Kind


@dataclass(frozen=True, slots=True)
class LinkUse:
    """How often a link was used in the whole drill."""

    link: Annotated[str, "the link: `operator -> database`"]
    connections: Annotated[int, "those that were opened over it, other than the harness's own; one that nothing was said on counts too"]
    own: Annotated[int, "connections of the harness's own, by which it saw what faults did to the link"]
    refused: Annotated[bool, "whether it refused connections for a time, as `cut: {how: refuse}` does: what was tried then left no trace"]


KIND = Kind(
    105,
    LinkUse,
    about="how often each link was used",
    page="""\
One link of a client's, and how many connections were opened over it from the start of the stage until its workers and programs had ended, by
the log of the proxies. It tells that nobody ever used a link, which nothing else does of links that do not lead to the broker. It does not
tell when.

@FIELDS@

A proxy logs each connection that it takes, also where a fault then swallows or resets what comes. The harness counts the connections that
it makes itself; one of which it is not sure that the proxy took it counts as a client's. Incomplete where the log does not reach from the start
of the proxies to the end, or tells of two starts.
""",
    complete="when collected",
)
