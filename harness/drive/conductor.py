"""The conductor: starts load, deployment, faults and playbook at their moments, and brings the stage to rest."""

from __future__ import annotations

import time
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Literal

from harness.drive.fault_runner import FaultRunner
from harness.drive.settle import dead_letter_queues, settle
from harness.drive.watch import SAMPLE_EVERY_SECONDS, ContainerWatch, MonitorWatch, Pacer, QueueSampler
from harness.errors import HarnessError
from harness.evidence import RunDirectory, now
from harness.evidence.collect import collect
from harness.load.process import LoadProcess
from harness.plan import Plan
from harness.playbook.decision import Decision
from harness.playbook.program import Outcome, Program
from harness.progress import Progress
from harness.scenario.model import Scenario
from harness.stage.broker import BrokerClient
from harness.stage.engine import connect
from harness.stage.stage import Stage

HEAD_START_SECONDS = 0.3
"""Between the word to go and the first arrival, so that every part hears it in time."""
STOP_GRACE_SECONDS = 10
PROGRAM_GRACE_SECONDS = 2
FAULT_BITES_WITHIN_SECONDS = 20.0
Which = Literal["deployment", "playbook"]


@dataclass(frozen=True)
class _Failed:
    error: Exception


@dataclass(frozen=True)
class _Alert:
    monitor: str
    value: float


@dataclass(frozen=True)
class _Ended:
    program: Which
    outcome: Outcome


class _Steps:
    """What the drive does at the edges of a program's steps, while the program is held there."""

    def __init__(self, which: Which, conductor: Conductor) -> None:
        self._which, self._conductor = which, conductor

    def begins(self, step: str) -> None:
        """Count the queues, then let `before` faults bite."""
        self._conductor.sampler.sample(step, "start")
        self._conductor.bite("before", step, self._which)
        self._conductor.run_directory.event("step", step, "begin", program=self._which)
        self._conductor.progress.note(f"{self._which}: {step}")

    def runs(self, step: str) -> None:
        """Start `during` faults beside the step."""
        if self._which == "playbook":
            self._conductor.faults.trigger("during", step)

    def ended(self, step: str, exit_code: int | None) -> None:
        """Count the queues, then let `after` faults bite."""
        self._conductor.run_directory.event("step", step, "end", program=self._which, exit_code=exit_code)
        self._conductor.sampler.sample(step, "end")
        self._conductor.bite("after", step, self._which)


class Conductor:
    """Drives one stage through one plan.

    Args:
        scenario: with load and playbook.
        plan: what the seed made of it.
        stage: started.
        run_directory: where evidence goes.
        progress: told what happens, for the person who waits.
    """

    def __init__(self, scenario: Scenario, plan: Plan, stage: Stage, run_directory: RunDirectory, progress: Progress) -> None:
        assert scenario.load is not None
        assert scenario.playbook is not None
        assert scenario.stage is not None
        self.scenario, self.plan, self.stage = scenario, plan, stage
        self.run_directory, self.progress = run_directory, progress
        self._load_spec, self._playbook_spec = scenario.load, scenario.playbook
        self._inbox: SimpleQueue[_Failed | _Alert | _Ended] = SimpleQueue()
        self.faults = FaultRunner(plan.faults, stage, run_directory, self._fail)
        self.sampler = QueueSampler(
            BrokerClient(stage.broker.amqp_url, stage.broker.api_url), list(scenario.stage.broker.queues), run_directory
        )
        self._load = LoadProcess(self._load_spec, plan.seed, stage.load_amqp_url, run_directory.path, {"DRILLBOOK_RUN": stage.run_id})
        self._programs: dict[Which, Program] = {}
        self._open: set[Which] = set()
        self._alerts: dict[str, float] = {}
        self._decision = Decision(self._playbook_spec.start)
        self._decision_made = False
        self._load_ended = self._rested = False
        self.state_directory = run_directory.path / "playbook" / "state"

    def drive(self) -> None:
        """From the first arrival until load, deployment and playbook have ended.

        Raises:
            DrillbookError: the harness or a service of the stage failed.
        """
        self.state_directory.mkdir(exist_ok=True)
        watches = self._watches()
        containers = ContainerWatch(connect(), self.stage.run_id, self.run_directory, self._died).start()
        try:
            self._load.start()
            self._load.wait_ready(30)
            start_at = now() + round(HEAD_START_SECONDS * 1e9)
            self._load.go(start_at)
            self._wait_until(start_at)
            self.run_directory.event("phase", "drive", "begin")
            self.run_directory.event("phase", "load", "begin")
            for watch in watches:
                watch.start()
            self._loop(start_at)
        finally:
            containers.stop()
            for watch in watches:
                watch.stop()
            self.run_directory.event("phase", "drive", "end")

    def rest(self) -> None:
        """Stop the load, lift the faults, and wait until nothing moves any more.

        Raises:
            DrillbookError: the harness or a service of the stage failed.
        """
        self._halt()
        self.progress.phase("settle", "faults lifted, load stopped; waiting until nothing moves")
        self.run_directory.event("phase", "settle", "begin")
        sampling = Pacer("queues", SAMPLE_EVERY_SECONDS, self.sampler.sample, self._fail).start()
        waited = settle(self.scenario, self.stage)
        sampling.stop()
        self.run_directory.event("phase", "settle", "end", seconds=round(waited, 3))
        self._rested = True

    def collect(self) -> None:
        """Stop the workers, then read effects and leftovers; where the stage was not brought to rest, say that more was to come."""
        self._halt()
        if not self._rested:
            for stem in ("effects", "leftovers"):
                self.run_directory.event("blind", stem, "from", detail="the drill ended before the stage was at rest")
        self.progress.phase("collect", "effects and leftovers")
        self.run_directory.event("phase", "collect", "begin")
        self.stage.stop_workers(STOP_GRACE_SECONDS)
        collect(
            self.run_directory,
            self.stage,
            self.scenario.effects.query,
            dead_letter_queues(self.scenario),
            self.state_directory / "cancelled",
        )
        self.stage.stop_tap()
        self.run_directory.event("phase", "collect", "end")

    def bite(self, trigger: Literal["before", "after"], step: str, which: Which) -> None:
        """Begin the faults pinned to this edge of a playbook's step, and wait until they have bitten."""
        if which == "playbook":
            for bitten in self.faults.trigger(trigger, step):
                bitten.wait(FAULT_BITES_WITHIN_SECONDS)

    # Inside

    def _loop(self, start_at: int) -> None:
        moments = self.faults.times()
        deploy_at = self.scenario.deployment.at if self.scenario.deployment else None
        load_ends = False
        self.progress.phase("drive", f"{self._load_spec.rate:g} tasks/s for {self._load_spec.duration:g} s")
        while not (load_ends and self._decision_made and not self._open and deploy_at is None):
            elapsed = (now() - start_at) / 1e9
            self.progress.elapsed(elapsed)
            while moments and elapsed >= moments[0]:
                self.faults.trigger("at", moments.pop(0))
            if deploy_at is not None and elapsed >= deploy_at:
                deploy_at = None
                self._deploy()
            if not load_ends and elapsed >= self._load_spec.duration:
                load_ends = True
            self._watch_load(elapsed)
            self._decide(elapsed)
            waits = [*moments[:1], *([deploy_at] if deploy_at is not None else []), elapsed + 0.25]
            self._take(max(0.0, min(waits) - elapsed))

    def _take(self, within: float) -> None:
        try:
            message = self._inbox.get(timeout=within)
        except Empty:
            return
        match message:
            case _Failed(error):
                raise error
            case _Alert(monitor, value):
                self._alerts[monitor] = value
                self.progress.note(f"alert: {monitor} at {value:g}")
                self.faults.trigger("when", monitor)
            case _Ended(program, outcome):
                self._ended(program, outcome)

    def _deploy(self) -> None:
        assert self.scenario.deployment is not None
        self._launch("deployment", self.scenario.deployment.run, self.scenario.deployment.timeout, {})

    def _decide(self, elapsed: float) -> None:
        if self._decision_made:
            return
        reason = self._decision.decide(elapsed, self._alerts)
        if reason is not None:
            self._decision_made = True
            why = f"alert {reason.monitor}" if reason.by == "alert" else reason.by
            self.run_directory.event("decision", "playbook", "started", value=reason.value, detail=why)
            self.progress.note(f"decision: start the playbook ({why}{'' if reason.value is None else f' at {reason.value:g}'})")
            self._launch("playbook", self._playbook_spec.run, self._playbook_spec.timeout, self._playbook_spec.env)

    def _launch(self, which: Which, command: str, timeout: float, more: dict[str, str]) -> None:
        environment = (
            self.stage.environment() | {"DRILL_STATE_DIR": str(self.state_directory.resolve()), "DRILL_SEED": str(self.plan.seed)} | more
        )
        transcript = self.run_directory.path / "playbook" / f"{which}.log"
        program = Program(command, self.stage.folder, environment, transcript, timeout, _Steps(which, self), self.stage.redact)
        self._programs[which] = program
        self._open.add(which)
        self.run_directory.event("phase", which, "begin")

        def run() -> None:
            try:
                self._inbox.put(_Ended(which, program.run()))
            except Exception as error:  # one that is no sentence is a defect: the conductor must hear of it all the same
                self._fail(error)

        Thread(target=run, name=which, daemon=True).start()

    def _ended(self, which: Which, outcome: Outcome) -> None:
        self._open.discard(which)
        state = "timeout" if outcome.timed_out else "end"
        self.run_directory.event("phase", which, state, exit_code=outcome.exit_code, seconds=round(outcome.seconds, 3))
        fate = "timed out" if outcome.timed_out else f"ended with exit code {outcome.exit_code}"
        self.progress.note(f"{which} {fate} after {outcome.seconds:.1f} s")
        if which == "deployment" and (outcome.timed_out or outcome.exit_code != 0):
            raise HarnessError(
                f"the deployment {fate}, so there is nothing to roll back.",
                f"Its transcript: {self.run_directory.path / 'playbook' / 'deployment.log'}",
            )

    def _watches(self) -> list[Pacer]:
        watches = [Pacer("queues", SAMPLE_EVERY_SECONDS, self.sampler.sample, self._fail)]
        for name, monitor in self.scenario.monitors.items():
            watch = MonitorWatch(name, monitor, self.stage, self.run_directory, lambda name, value: self._inbox.put(_Alert(name, value)))
            watches.append(Pacer(f"monitor {name}", monitor.every, watch.sample, self._fail))
        return watches

    def _watch_load(self, elapsed: float) -> None:
        if not self._load.alive and elapsed < self._load_spec.duration:
            self.run_directory.event("blind", "published", "from", detail=f"the load ended by itself, exit code {self._load.exit_code}")
            raise HarnessError("the load generator ended by itself.", f"Its log: {self.run_directory.path / 'logs' / 'load.log'}")

    def _halt(self) -> None:
        """End the programs, the load and the faults; what has ended already stays so."""
        for program in self._programs.values():
            program.stop(PROGRAM_GRACE_SECONDS)
        self._end_load()
        self.faults.lift_all()

    def _end_load(self) -> None:
        if self._load_ended:
            return
        self._load_ended = True
        died = not self._load.alive and self._load.exit_code not in (0, None)
        self._load.stop(STOP_GRACE_SECONDS)
        if died:
            self.run_directory.event("blind", "published", "from", detail=f"the load ended with exit code {self._load.exit_code}")
        self.run_directory.event("phase", "load", "end")

    def _died(self, role: str, code: int) -> None:
        if role == "tap":
            self.run_directory.event("blind", "wire", "from", detail=f"the tap ended with exit code {code}")
        if role == "engine":
            self._fail(HarnessError("the Docker engine stopped answering in the middle of the drill."))
        else:
            words = self.stage.last_words(role)
            self._fail(HarnessError(f"{role} ended by itself (exit code {code}) in the middle of the drill: {words}"))

    def _fail(self, error: Exception) -> None:
        self._inbox.put(_Failed(error))

    @staticmethod
    def _wait_until(start_at: int) -> None:
        time.sleep(max(0.0, (start_at - now()) / 1e9))
