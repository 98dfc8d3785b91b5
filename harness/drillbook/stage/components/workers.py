"""The workers, started last: each is told its own links, and is ready when it takes tasks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Self

from drillbook import plan
from drillbook.core.wait import until
from drillbook.evidence import now
from drillbook.scenario import RunnableScenario, Workers
from drillbook.stage.component import Component, StageRun, side_by_side
from drillbook.stage.images import WantedImage

PREFIX = "workers."


class WorkersComponent(Component):
    """The workers of one version, a container each; those that the deployment starts are only made."""

    kind = "workers"
    worker_variables = ("WORKER", "VERSION")

    @classmethod
    def of(cls, scenario: RunnableScenario) -> Iterable[Self]:
        return [cls(f"{PREFIX}{version}", scenario) for version in scenario.stage.workers]

    def after(self, others: Sequence[Component]) -> Iterable[Component]:
        return [other for other in others if not isinstance(other, WorkersComponent)]

    @property
    def version(self) -> str:
        """Theirs."""
        return self.name.removeprefix(PREFIX)

    @property
    def _spec(self) -> Workers:
        return self.scenario.stage.workers[self.version]

    @property
    def _workers(self) -> list[str]:
        return plan.workers(self.scenario, self.version)

    @property
    def image(self) -> WantedImage:
        return WantedImage(("workers", self.version), self._spec.image, self._spec.build)

    @property
    def command(self) -> list[str] | None:
        return self._spec.command

    def start(self, run: StageRun) -> None:
        side_by_side(lambda worker: self._start(run, worker), self._workers)

    def _start(self, run: StageRun, worker: str) -> None:
        environment = run.addresses.worker(worker) | {"WORKER": worker, "VERSION": self.version} | self._spec.env
        image = run.images[self.image]
        run.containers.make(worker, image, lambda: self.at_work(run, worker), environment=environment, command=self.command).create()
        if self._spec.started:
            run.containers[worker].start()

    def ready(self, run: StageRun) -> None:
        for worker in self._workers if self._spec.started else ():
            run.containers.ready(worker)

    def at_work(self, run: StageRun, worker: str) -> bool:
        """Whether a worker takes tasks; what it reads of queues of its own, as for its framework's control messages, does not say so."""
        wire = run.wire.poll()
        queues = self.scenario.stage.broker.queues
        return wire.consumes_steadily(worker, queues, now()) if self._spec.consumes else wire.connected(worker)

    def program_variables(self, run: StageRun) -> dict[str, str]:
        names = [run.containers[worker].engine_name for worker in self._workers]
        return {f"WORKERS_{self.version.upper().replace('-', '_')}": " ".join(names)}


def stop(run: StageRun, scenario: RunnableScenario, grace_seconds: int) -> None:
    """Stop every worker in order, side by side, so that nothing is unacknowledged any more.

    Schedulers go first, and what they made may be done: else it is left in its queue by the chance of who was stopped sooner.
    """
    schedulers = run.wire.poll().schedulers()
    if schedulers:
        _stop(run, grace_seconds, schedulers)
        stopped = now()
        until(lambda: run.wire.poll().told >= stopped and run.wire.scheduled_open == 0, grace_seconds)
    _stop(run, grace_seconds, plan.workers(scenario))


def _stop(run: StageRun, grace_seconds: int, names: Iterable[str]) -> None:
    workers = [run.containers[name] for name in names if name in run.containers]
    with ThreadPoolExecutor(max(len(workers), 1)) as pool:
        list(pool.map(lambda worker: worker.stop(grace_seconds), workers))
