"""Slow a link down: every chunk of bytes waits on its way, in both directions."""

from pydantic import Field, model_validator

from drillbook.core.units import Duration
from drillbook.faults.base import FaultStage, LinkFault, Toxic

PROBE_SECONDS = 5.0


class Latency(LinkFault):
    """Delay what the link carries, both ways, so that a round trip takes twice ``delay`` longer."""

    kind = "latency"
    examples = ({"delay": "150ms"}, {"delay": "300ms", "jitter": "100ms"})
    delay: Duration = Field(description="Added to each direction.", gt=0)
    jitter: Duration = Field(default=0.0, description="Each chunk's delay differs by at most this much.", ge=0)

    @model_validator(mode="after")
    def _can_be_proven(self) -> "Latency":
        if self.jitter >= self.delay:
            raise ValueError("jitter must be smaller than delay: otherwise nobody can tell the slow link from the fast one")
        return self

    def begin(self, stage: FaultStage, victim: str) -> None:
        milliseconds = {"latency": round(self.delay * 1000), "jitter": round(self.jitter * 1000)}
        stage.link(victim).poison(self, Toxic("latency", milliseconds))

    def took_effect(self, stage: FaultStage, victim: str) -> bool:
        taken = stage.link(victim).round_trip_seconds(self._least + PROBE_SECONDS)
        return taken is not None and taken >= self._least

    def cleared(self, stage: FaultStage, victim: str) -> bool:
        taken = stage.link(victim).round_trip_seconds(PROBE_SECONDS)
        return taken is not None and taken < self._least

    @property
    def _least(self) -> float:
        """Seconds of a round trip on the slow link, where jitter makes it as fast as it may."""
        return 2 * (self.delay - self.jitter)
