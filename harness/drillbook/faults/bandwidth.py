"""Narrow a link: what is more than it can carry in a second waits."""

from collections.abc import Iterable

from pydantic import Field, model_validator

from drillbook.core.units import ByteRate
from drillbook.faults.base import FaultStage, LinkFault, Objection, Toxic, Use

SLOWEST, FASTEST = 1_000.0, 10_000_000.0
ECHO_SECONDS, MOST_BYTES = 0.5, 1 << 20
"""A probe is what the narrow link carries in this time, and not more than this: the sink takes no larger body."""
PROBE_SECONDS = 10.0
MEASURED = ("broker", "database", "sink")
"""What gives back what it is sent."""


class Bandwidth(LinkFault):
    """Let a link carry at most ``rate``: so much of each connection over it, in each direction.

    It is kept in whole kilobytes of 1,000 bytes, rounded down. It has taken effect when a number of bytes that is sent there and back takes
    as long as that; it has cleared when it takes less than half.
    """

    kind = "bandwidth"
    examples = ({"rate": "64KiB/s"}, {"rate": "1MB/s"})
    rate: ByteRate = Field(description="Bytes a second, from 1KB/s to 10MB/s.")

    @model_validator(mode="after")
    def _can_be_proven(self) -> "Bandwidth":
        if not SLOWEST <= self.rate <= FASTEST:
            raise ValueError("rate must be from 1KB/s to 10MB/s: nobody can tell other links from cut or from whole ones")
        return self

    def objections(self, use: Use) -> Iterable[Objection]:
        server = next((link.split(" -> ")[1] for link in use.links if link.split(" -> ")[1] not in MEASURED), None)
        if server is not None:
            yield Objection(
                "link", f"{server} gives nothing back by which it could be proven; only links to {', '.join(MEASURED)} can be narrow"
            )

    def begin(self, stage: FaultStage, victim: str) -> None:
        stage.link(victim).poison(self, Toxic("bandwidth", {"rate": int(self.rate / 1000)}))

    def took_effect(self, stage: FaultStage, victim: str) -> bool:
        taken = self._taken(stage, victim)
        return taken is not None and taken >= self._least

    def cleared(self, stage: FaultStage, victim: str) -> bool:
        taken = self._taken(stage, victim)
        return taken is not None and taken < self._least / 2

    @property
    def _size(self) -> int:
        return min(int(self.rate * ECHO_SECONDS), MOST_BYTES)

    @property
    def _least(self) -> float:
        """Seconds that the probe takes on the narrow link: there, and when all have come, back."""
        return 2 * self._size / self.rate

    def _taken(self, stage: FaultStage, victim: str) -> float | None:
        return stage.link(victim).echo_seconds(self._size, self._least + PROBE_SECONDS)
