"""Restart a container: a node that reboots, its connections lost, its disk kept."""

from pydantic import PrivateAttr

from drillbook.faults.base import ContainerFault, FaultStage


class Restart(ContainerFault):
    """Stop a service in order and start it again; cleared when it answers."""

    kind = "restart"
    undo = "docker start"
    momentary = True
    _before: dict[str, str] = PrivateAttr(default_factory=dict)

    @property
    def severs(self) -> bool:
        return True

    def begin(self, stage: FaultStage, victim: str) -> None:
        container = stage.container(victim)
        self._before[victim] = container.started_at
        container.restart()

    def took_effect(self, stage: FaultStage, victim: str) -> bool:
        return stage.container(victim).started_at != self._before[victim]

    def end(self, stage: FaultStage, victim: str) -> None:
        if stage.container(victim).status == "exited":
            stage.container(victim).start()

    def cleared(self, stage: FaultStage, victim: str) -> bool:
        return stage.container(victim).answers()
