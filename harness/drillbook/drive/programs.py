"""The deployment and the playbook as the drive runs them: their environment, and what happens at the edges of their steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Event, Thread
from typing import Literal

from drillbook.core.progress import Progress
from drillbook.core.wait import until
from drillbook.drive.driven import DrivenStage
from drillbook.drive.facts import TaskCounters
from drillbook.drive.fault_runner import FaultRunner
from drillbook.drive.schedule import Which
from drillbook.drive.watch import QueueSampler
from drillbook.evidence import RunDirectory
from drillbook.evidence.kinds.timeline import SKIPPED
from drillbook.plan import Plan
from drillbook.playbook.program import Program, ProgramEnd
from drillbook.playbook.runners import RUNNERS
from drillbook.scenario import Deployment, Playbook
from drillbook.scenario.moments import TaskCount

GRACE_SECONDS = 2.0
FAULT_WITHIN_SECONDS = 300.0
"""A bound for what is bounded already: each fault's own beginning and the proof that it took effect."""


class Programs:
    """Runs each program in a thread of its own.

    Args:
        hold: by step of the playbook, what it waits for.
        counts: whether so many tasks are there.
        ended: told when a program has ended.
        failed: told of an error of the harness itself.
    """

    def __init__(
        self,
        plan: Plan,
        stage: DrivenStage,
        run: RunDirectory,
        faults: FaultRunner,
        sampler: QueueSampler,
        progress: Progress,
        hold: Mapping[str, TaskCount],
        counts: TaskCounters,
        ended: Callable[[Which, ProgramEnd], None],
        failed: Callable[[Exception], None],
    ) -> None:
        self.plan, self.stage, self.run, self.faults, self.sampler, self.progress = plan, stage, run, faults, sampler, progress
        self._hold, self._counts, self._ended, self._failed = hold, counts, ended, failed
        self._started: list[Program] = []
        self.open: set[Which] = set()
        """Programs that have started, and whose end the conductor has not written down."""
        self.stopping = False
        self.state_directory = run.path / "playbook" / "state"
        self.state_directory.mkdir(parents=True, exist_ok=True)

    def launch(self, which: Which, part: Deployment | Playbook, more: dict[str, str]) -> None:
        """Start a program.

        Args:
            part: what the scenario says of it.
            more: added to its environment.
        """
        own = {"DRILL_STATE_DIR": str(self.state_directory.resolve()), "DRILL_SEED": str(self.plan.seed)}
        told = self.stage.environment() | own | more
        environment = dict(told)
        for key, runner in RUNNERS.items():
            environment |= runner.environment(self.state_directory.parent / key, told)
        environment |= more
        transcript = self.run.path / "playbook" / f"{which}.log"
        program = Program(
            part.command,
            self.stage.folder,
            environment,
            transcript,
            part.timeout,
            _Steps(which, self),
            self.stage.redact,
            called=which,
            named=part.named_steps,
        )
        self._started.append(program)
        self.open.add(which)
        self.run.event("phase", which, "begin")

        def run() -> None:
            try:
                outcome = program.run()
            except Exception as error:  # one that is no sentence is a defect: the conductor must hear of it all the same
                self._failed(error)
            else:
                self._ended(which, outcome)

        Thread(target=run, name=which, daemon=True).start()

    def waits(self, step: str) -> None:
        """Wait before a step until the tasks that the scenario names are there, at most as long as a part may take to be ready."""
        if (tasks := self._hold.get(step)) is None:
            return
        self.run.event("wait", step, "begin", detail=str(tasks))
        self.progress.note(f"the playbook waits before {step}, until there are {tasks}")
        within = self.stage.spec.ready_within
        met = until(lambda: self.stopping or self._counts.reached(tasks), within)
        self.run.event("wait", step, "met" if met and not self.stopping else "not_met", detail=str(tasks))
        if not met:
            self.progress.note(f"{tasks} did not come within {within:g} s; the playbook goes on")

    def stop(self) -> None:
        """End those that still run; what their last step did is not evidence any more."""
        self.stopping = True
        for program in self._started:
            program.stop(GRACE_SECONDS)


class _Steps:
    """Told by a program's runner at the edges of its steps, while the program waits there."""

    def __init__(self, which: Which, programs: Programs) -> None:
        self._which, self._programs = which, programs
        self._during: list[Event] = []

    def begins(self, step: str) -> None:
        """Wait before the step where the scenario says so, count the queues, then let `before` faults take effect."""
        if self._which == "playbook":
            self._programs.waits(step)
        self._programs.sampler.edge(step, "start")
        self._bite("before", step)
        self._programs.run.event("step", step, "begin", program=self._which)
        self._programs.progress.note(f"{self._which}: {step}")

    def runs(self, step: str) -> None:
        """Start `during` faults beside the step."""
        if self._which == "playbook":
            self._during += self._programs.faults.trigger("during", step)

    def ended(self, step: str, exit_code: int | None, skipped: bool = False) -> None:
        """Count the queues, then let `after` faults take effect."""
        if self._programs.stopping:
            return
        self._programs.run.event("step", step, "end", program=self._which, exit_code=exit_code, detail=SKIPPED if skipped else None)
        for effective in self._during:
            effective.wait(FAULT_WITHIN_SECONDS)
        self._during = []
        self._programs.sampler.edge(step, "end")
        self._bite("after", step)

    def _bite(self, trigger: Literal["before", "after"], step: str) -> None:
        """Begin the faults pinned to this edge of a playbook's step, and wait until they have taken effect."""
        if self._which == "playbook":
            for effective in self._programs.faults.trigger(trigger, step):
                effective.wait(FAULT_WITHIN_SECONDS)
