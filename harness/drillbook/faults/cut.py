"""Cut a link: nothing passes until it is healed."""

from typing import Literal

from pydantic import Field

from drillbook.core.refs import LinkRef
from drillbook.faults.base import Fault, Stage

PROBE_SECONDS = 1.0


class Cut(Fault):
    """Let nothing pass a link, as a pulled cable (drop) or a firewall that rejects (refuse) does."""

    kind = "cut"
    undo = "delete the link's proxy and make it again"
    blocks = True
    link: LinkRef
    how: Literal["drop", "refuse"] = Field(
        default="drop", description="drop: connections stand, bytes vanish; refuse: connections close, new ones are refused."
    )

    @property
    def aim(self) -> str:
        return self.link

    @property
    def severs(self) -> bool:
        return self.how == "refuse"

    def begin(self, stage: Stage, victim: str) -> None:
        link = stage.link(victim)
        link.drop(self) if self.how == "drop" else link.refuse(self)

    def bit(self, stage: Stage, victim: str) -> bool:
        return stage.link(victim).round_trip_seconds(PROBE_SECONDS) is None

    def end(self, stage: Stage, victim: str) -> None:
        stage.link(victim).heal(self)

    def lifted(self, stage: Stage, victim: str) -> bool:
        return stage.link(victim).round_trip_seconds(PROBE_SECONDS) is not None
