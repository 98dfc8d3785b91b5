"""Cut a link: nothing passes until it is healed."""

from typing import Literal

from pydantic import Field

from drillbook.faults.base import FaultStage, LinkFault, Toxic

PROBE_SECONDS = 1.0
SWALLOW = Toxic("timeout", {"timeout": 0})
"""Connections stand, and every byte of them vanishes."""


class Cut(LinkFault):
    """Let nothing pass a link, as a pulled cable (drop) or a firewall that rejects (refuse) does."""

    kind = "cut"
    blocks = True
    examples = ({"how": "drop"}, {"how": "refuse"})
    how: Literal["drop", "refuse"] = Field(
        default="drop", description="drop: connections stand, bytes vanish; refuse: connections close, new ones are refused."
    )

    @property
    def severs(self) -> bool:
        return self.how == "refuse"

    def begin(self, stage: FaultStage, victim: str) -> None:
        link = stage.link(victim)
        link.poison(self, SWALLOW) if self.how == "drop" else link.refuse(self)

    def took_effect(self, stage: FaultStage, victim: str) -> bool:
        return stage.link(victim).round_trip_seconds(PROBE_SECONDS) is None

    def cleared(self, stage: FaultStage, victim: str) -> bool:
        return stage.link(victim).round_trip_seconds(PROBE_SECONDS) is not None
