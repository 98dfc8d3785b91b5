"""Kill a container's processes at once (SIGKILL), as the out-of-memory killer or a lost node does."""

from pydantic import PrivateAttr

from drillbook.faults.base import ContainerFault, FaultStage


class Kill(ContainerFault):
    """Kill a container with SIGKILL; with ``for`` it is started again after that time, without it stays dead."""

    kind = "kill"
    undo = "docker start"
    stays = True
    _alive: set[str] = PrivateAttr(default_factory=set)
    """Victims that ran when they were killed: one that was dead already was not killed by this fault."""

    @property
    def severs(self) -> bool:
        return True

    def begin(self, stage: FaultStage, victim: str) -> None:
        if stage.container(victim).status in ("running", "paused"):
            self._alive.add(victim)
            stage.container(victim).kill()

    def took_effect(self, stage: FaultStage, victim: str) -> bool:
        return victim in self._alive and stage.container(victim).status in ("exited", "gone")

    def end(self, stage: FaultStage, victim: str) -> None:
        if stage.container(victim).status == "exited":
            stage.container(victim).start()

    def cleared(self, stage: FaultStage, victim: str) -> bool:
        return stage.container(victim).status in ("running", "gone")
