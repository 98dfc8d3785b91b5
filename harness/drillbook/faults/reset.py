"""Reset connections (TCP RST), as a firewall that has forgotten them or a machine that came up anew does."""

from pydantic import Field, PrivateAttr

from drillbook.core.units import Duration
from drillbook.core.wait import until
from drillbook.faults.base import FaultStage, LinkFault, Toxic

PROBE_SECONDS = 5.0


class Reset(LinkFault):
    """Reset the connections over a link: those that stand end, and each new one is reset when its client has said something.

    It has taken effect when a connection that stood has ended and a new one is reset; it has cleared when a new one is answered. Clients in
    containers see the reset; those on the machine itself (load, playbook) see an ordinary end, as Docker's forwarding stands between.
    """

    kind = "reset"
    blocks = True
    examples = ({}, {"after": "200ms"})
    after: Duration = Field(default=0.0, description="How long after its client's first word a new connection is reset.", ge=0)
    _ended: set[str] = PrivateAttr(default_factory=set)
    """Victims over which a connection stood, and ended."""

    @property
    def severs(self) -> bool:
        return True

    def begin(self, stage: FaultStage, victim: str) -> None:
        link = stage.link(victim)
        standing = link.stand(PROBE_SECONDS)
        link.poison(self, Toxic("reset_peer", {"timeout": round(self.after * 1000)}, streams=("upstream",), anew=True))
        if standing is not None:
            if until(standing.ended, PROBE_SECONDS):
                self._ended.add(victim)
            standing.close()

    def took_effect(self, stage: FaultStage, victim: str) -> bool:
        return victim in self._ended and stage.link(victim).knock(self.after + PROBE_SECONDS) == "reset"

    def cleared(self, stage: FaultStage, victim: str) -> bool:
        return stage.link(victim).knock(self.after + PROBE_SECONDS) == "answered"
