"""What the schedule of a drill is told of its stage: who was started, who was given a task, how many tasks are where."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from drillbook import plan
from drillbook.drive.driven import DrivenStage
from drillbook.evidence.ledger_tail import LedgerTail
from drillbook.scenario.moments import Confirmed, GivenTo, TaskCount, WaitingIn


class TaskCounters:
    """How many tasks are where; not shared by threads.

    Args:
        stage: driven.
    """

    def __init__(self, stage: DrivenStage) -> None:
        self._stage, self._ledger = stage, LedgerTail(stage.run.file("published"))
        self._broker = stage.new_broker()

    def confirmed(self) -> int:
        """Tasks confirmed so far."""
        return self._ledger.confirmed()

    def reached(self, tasks: TaskCount) -> bool:
        """Whether so many tasks are there; a broker that is away has none waiting."""
        match tasks:
            case Confirmed(count):
                return self.confirmed() >= count
            case GivenTo(count, version):
                return self._given(version) >= count
            case WaitingIn(count, queue):
                return self._waiting(queue) >= count

    def _given(self, version: str) -> int:
        wire = self._stage.wire.poll()
        return sum(wire.given(worker)[0] for worker in plan.workers(self._stage.scenario, version))

    def _waiting(self, queue: str) -> int:
        try:
            return self._broker.depth(queue).ready or 0
        except ConnectionError:
            return 0


class StageFacts(TaskCounters):
    """Facts of one stage, as they are when they are asked for.

    Args:
        stage: driven.
        lasting: whether a fault is at work that ends by itself.
        started: when each container was last started, by role, as the engine's events tell it.
    """

    def __init__(self, stage: DrivenStage, lasting: Callable[[], bool], started: Callable[[], Mapping[str, int]]) -> None:
        super().__init__(stage)
        self.lasting, self._started = lasting, started
        self._deployed_at: int | None = None
        self._found_started: dict[str, int] = {}
        self.elapsed = 0.0
        self.raised: dict[str, float] = {}

    def deploying(self, at: int) -> None:
        """The deployment begins, at a time in nanoseconds since the epoch."""
        self._deployed_at = at

    def deployed(self) -> None:
        """The deployment has ended: what it has started is asked of the engine, whose events may still be on their way."""
        for worker in self._deployable():
            self._found_started[worker] = self._stage.container(worker).started_at_ns

    def idle(self) -> list[str]:
        """Versions whose containers the deployment started and that were given no task since."""
        begun = self._deployed_at
        if begun is None:
            return []
        wire = self._stage.wire.poll()
        started = {worker: at for worker in self._deployable() if (at := self._start_of(worker)) >= begun}
        given = {_version(worker) for worker, at in started.items() if wire.given(worker)[1] >= at}
        return sorted({_version(worker) for worker in started} - given)

    def _start_of(self, worker: str) -> int:
        return max(self._found_started.get(worker, 0), self._started().get(worker, 0))

    def _deployable(self) -> list[str]:
        """Workers that take tasks."""
        return [worker for worker in plan.workers(self._stage.scenario) if self._stage.spec.workers[_version(worker)].consumes]


def _version(worker: str) -> str:
    return worker.split(".")[1]
