"""Freeze a container: its processes stop, its connections stay open, its unacknowledged tasks stay away from everyone else."""

from drillbook.faults.base import ContainerFault, FaultStage


class Pause(ContainerFault):
    """Freeze a container's processes; the broker gives its tasks to others only after about three heartbeats."""

    kind = "pause"
    undo = "docker unpause"

    def begin(self, stage: FaultStage, victim: str) -> None:
        if stage.container(victim).status == "running":
            stage.container(victim).pause()

    def took_effect(self, stage: FaultStage, victim: str) -> bool:
        return stage.container(victim).status == "paused"

    def end(self, stage: FaultStage, victim: str) -> None:
        if stage.container(victim).status == "paused":
            stage.container(victim).unpause()

    def cleared(self, stage: FaultStage, victim: str) -> bool:
        return stage.container(victim).status != "paused"
