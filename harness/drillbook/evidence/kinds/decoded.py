"""``decoded.jsonl``: what a version's worker says of each message that was left since the playbook started."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from drillbook.evidence.kind import Kind


@dataclass(frozen=True, slots=True)
class Decoded:
    """A message that was left since the rollback began, and whether a version's worker could decode it, dry."""

    message: Annotated[int, "its number in `messages.jsonl`"]
    by: Annotated[str, "the version whose worker was asked"]
    ok: Annotated[bool, "whether it could decode it"]
    seen: Annotated[Literal["delivered", "remaining"], "delivered to a client of the broker; found in a queue after settling"]
    at: Annotated[int, "when it was seen there first"]
    task: Annotated[str | None, "the task's id; of a remaining message without one as in `leftovers.jsonl`"] = None
    type: Annotated[str | None, "its type property"] = None
    version: Annotated[str | None, "its version header"] = None
    queue: Annotated[str | None, "where it was delivered from, or remains"] = None
    peer: Annotated[str | None, "of a delivery: the client that got it"] = None
    to_version: Annotated[str | None, "of a delivery: the version of the worker that got it"] = None
    reason: Annotated[str | None, "why it could not, as the worker says it, in at most 300 characters"] = None


KIND = Kind(
    70,
    Decoded,
    about="what a version's worker says of each message that was left since the playbook started, where the scenario has `decode`",
    page="""\
One message that was delivered since the playbook started, or that remained after settling, once for each place where it was seen; and
whether the worker of the version in `decode.by` could decode it, dry. A message of which nothing was answered has no line, and the timeline
says that `decoded` is incomplete.

@FIELDS@
""",
    complete="at rest",
    section="decode",
    older={"seen": {"resting": "remaining"}},
)
