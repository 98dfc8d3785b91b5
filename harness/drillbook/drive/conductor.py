"""The conductor: starts load, deployment, faults and playbook at their moments, and brings the stage to rest."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from queue import Empty, SimpleQueue

from drillbook.core.errors import HarnessError
from drillbook.core.progress import Progress
from drillbook.core.wait import until
from drillbook.decode.worker import Decoding
from drillbook.drive.broker_watch import MetricsWatch, TopologyWatch
from drillbook.drive.collect import collect, try_queries
from drillbook.drive.decision import Reason
from drillbook.drive.driven import DrivenLoad, DrivenStage
from drillbook.drive.facts import StageFacts, TaskCounters
from drillbook.drive.fault_runner import FaultRunner
from drillbook.drive.programs import Programs
from drillbook.drive.schedule import Abandon, Act, BeginFaults, Decided, Deploy, EndLoad, Schedule, Waits, Which
from drillbook.drive.settle import settle
from drillbook.drive.watch import SAMPLE_EVERY_SECONDS, ContainerWatch, MachineWatch, MonitorWatch, Pacer, QueueSampler
from drillbook.engine.labels import VARIABLE
from drillbook.evidence import RunDirectory, now
from drillbook.load.process import LoadProcess
from drillbook.plan import Plan
from drillbook.playbook.program import ProgramEnd
from drillbook.scenario import Deployment, Monitor, RunnableScenario
from drillbook.scenario import Load as LoadSpec

TICK_SECONDS = 0.1
HEAD_START_SECONDS = 0.3
"""Between the word to go and the first arrival, so that every part hears it in time."""
STOP_GRACE_SECONDS = 10
COUNTING_WITHIN_SECONDS = 60.0
"""A bound for what is bounded already: the tap's reading of its rules."""


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
    outcome: ProgramEnd


class Conductor:
    """Drives one stage through one plan.

    Args:
        scenario: with load and playbook.
        plan: what the seed made of it.
        stage: started.
        run_directory: where evidence goes.
        progress: told what happens, for the person who waits.
        load: the publishers; None: those of the scenario's load, in a process of their own.
    """

    def __init__(
        self,
        scenario: RunnableScenario,
        plan: Plan,
        stage: DrivenStage,
        run_directory: RunDirectory,
        progress: Progress,
        load: DrivenLoad | None = None,
    ) -> None:
        self.scenario, self.plan, self.stage = scenario, plan, stage
        self.run_directory, self.progress = run_directory, progress
        self._stage_spec, self._load_spec, self._playbook_spec = scenario.stage, scenario.load, scenario.playbook
        self._inbox: SimpleQueue[_Failed | _Alert | _Ended] = SimpleQueue()
        self.faults = FaultRunner(plan.faults, stage, run_directory, self._fail)
        self.sampler = QueueSampler(stage.new_broker(), list(scenario.stage.broker.queues), run_directory)
        self._load = load or _load_process(self._load_spec, plan, stage, run_directory)
        self._programs = Programs(
            plan,
            stage,
            run_directory,
            self.faults,
            self.sampler,
            progress,
            self._playbook_spec.hold,
            TaskCounters(stage),
            self._program_ended,
            self._fail,
        )
        self._schedule = Schedule(scenario, plan.faults)
        self._seen = StageFacts(stage, self.faults.lasting, lambda: self._containers.started if self._containers is not None else {})
        self._deployed = scenario.deployment is None
        self._load_ended = self._rested = False
        self._metrics, self._topology = MetricsWatch(stage.new_broker(), run_directory, self._fail), TopologyWatch(stage, run_directory)
        self._containers: ContainerWatch | None = None

    def drive(self) -> None:
        """From the first arrival until load, deployment and playbook have ended.

        Raises:
            DrillbookError: the harness or a service of the stage failed.
        """
        self._load.start()
        # A query that cannot work is said before the load, not after it.
        try_queries(self.scenario, self.stage)
        self._topology.before()
        self._metrics.start()
        watches = self._watches()
        self._containers = ContainerWatch(self.stage.container_events(), self.run_directory, self._died, self._fail).start()
        try:
            self._load.wait_ready(self._stage_spec.ready_within)
            self._count_on_the_wire()
            start_at = now() + round(HEAD_START_SECONDS * 1e9)
            self._load.go(start_at)
            self._wait_until(start_at)
            self.run_directory.event("phase", "drive", "begin")
            self.run_directory.event("phase", "load", "begin")
            self._metrics.edge("load", "start")
            for watch in watches:
                watch.start()
            self._loop(start_at)
        finally:
            for watch in watches:
                watch.stop()
            self.run_directory.event("phase", "drive", "end")

    def rest(self) -> None:
        """Stop the load, clear the faults, and wait until nothing moves any more.

        Raises:
            DrillbookError: the harness or a service of the stage failed.
        """
        self._halt()
        self.progress.phase("settle", "faults cleared, load stopped; waiting until the stage is at rest")
        self.run_directory.event("phase", "settle", "begin")
        self._metrics.edge("settle", "start")
        sampling = Pacer("queues", SAMPLE_EVERY_SECONDS, self.sampler.sample, self._fail).start()
        machine = self._watch_machine().start()
        try:
            settled = settle(self.scenario, self.stage, self.progress.note)
        finally:
            sampling.stop()
            machine.stop()
        self._hear_failures()
        if settled.restless is not None:
            self.progress.note(f"not at rest after {settled.seconds:.1f} s: {settled.restless}")
        state = "end" if settled.restless is None else "timeout"
        self.run_directory.event("phase", "settle", state, seconds=round(settled.seconds, 3), detail=settled.restless)
        self._metrics.edge("settle", "end")
        self._topology.after(patient="topology_restored" in self.scenario.invariants)
        self._rested = True

    def collect(self) -> None:
        """Stop the workers, then read effects and leftovers; where the stage was not brought to rest, say that more was to come."""
        self._halt()
        if self._containers is not None:
            self._containers.stop()
        if not self._rested:
            for stem in ("effects", "states", "handled", "leftovers", "decoded"):
                self.run_directory.event("incomplete", stem, "from", detail="the drill ended before the stage was at rest")
        self.progress.phase("collect", "effects and what is left in queues")
        self.run_directory.event("phase", "collect", "begin")
        self.stage.stop_workers(STOP_GRACE_SECONDS)
        # What a worker had goes back to its queue when the broker has seen its connection end.
        until(lambda: self.stage.wire.poll().in_flight == 0, STOP_GRACE_SECONDS)
        self._metrics.finish()
        self.stage.stop_sink()
        decoding = Decoding(self.run_directory, self.scenario.decode) if self.scenario.decode else None
        look = decoding.remains if decoding else None
        collect(self.run_directory, self.stage, self.scenario, self._programs.state_directory, look)
        self.stage.stop_tap()
        if decoding is not None and self._rested:
            self.progress.phase("decode", f"the {decoding.by} worker is asked, dry, what it can decode")
            decoding.ask(self.scenario, self.stage.images.workers[decoding.by], self.stage.run_id)
        self.run_directory.event("phase", "collect", "end")

    # Inside

    def _count_on_the_wire(self) -> None:
        """Have the tap count for faults that wait for a message from the start, before there is any."""
        for counting in self.faults.trigger("on", 0.0):
            counting.wait(COUNTING_WITHIN_SECONDS)

    def _loop(self, start_at: int) -> None:
        self.progress.phase(
            "drive", f"{self._load_spec.rate:g} tasks/s, for {self._load_spec.duration:g} s and until the playbook has ended"
        )
        while not self._schedule.over:
            self._seen.elapsed = (now() - start_at) / 1e9
            self.progress.elapsed(self._seen.elapsed)
            for act in self._schedule.next(self._seen):
                self._do(act)
            self._watch_load()
            self._take(TICK_SECONDS)

    def _do(self, act: Act) -> None:
        match act:
            case BeginFaults(trigger, moment):
                self.faults.trigger(trigger, moment)
            case Deploy(deployment):
                self._deploy(deployment)
            case Decided(reason):
                self._roll_back(reason)
            case Waits(why):
                self.run_directory.event("decision", "playbook", "waits", detail=why)
                self.progress.note(f"the playbook waits: {why}")
            case EndLoad():
                self._end_load()
            case Abandon(why):
                self.run_directory.event("decision", "playbook", "abandoned", detail=why)
                self.progress.note(why)

    def _take(self, within: float) -> None:
        try:
            message = self._inbox.get(timeout=within)
        except Empty:
            return
        match message:
            case _Failed(error):
                raise error
            case _Alert(monitor, value):
                self._seen.raised[monitor] = value
                self.progress.note(f"alert: {monitor} at {value:g}")
                self.faults.trigger("when", monitor)
            case _Ended(program, outcome):
                self._ended(program, outcome)

    def _hear_failures(self) -> None:
        """Raise what went wrong since the inbox was last read."""
        while not self._inbox.empty():
            self._take(0.0)

    def _deploy(self, deployment: Deployment) -> None:
        self._metrics.edge("deployment", "start")
        self._seen.deploying(now())
        self._schedule.began("deployment", self._seen.elapsed)
        self._programs.launch("deployment", deployment, {})

    def _roll_back(self, reason: Reason) -> None:
        self.run_directory.event("decision", "playbook", "started", value=reason.value, detail=str(reason))
        self.progress.note(f"decision: start the playbook ({reason}{'' if reason.value is None else f' at {reason.value:g}'})")
        self._metrics.edge("playbook", "start")
        if self.scenario.decode is not None and not self.stage.tap.capture():
            self.run_directory.event("incomplete", "decoded", "from", detail="the wire tap did not begin to keep messages")
        self._schedule.began("playbook", self._seen.elapsed)
        self._programs.launch("playbook", self._playbook_spec, self._playbook_spec.env)

    def _ended(self, which: Which, outcome: ProgramEnd) -> None:
        self._programs.open.discard(which)
        state = "timeout" if outcome.timed_out else "end"
        self.run_directory.event("phase", which, state, exit_code=outcome.exit_code, seconds=round(outcome.seconds, 3))
        self._metrics.edge(which, "end")
        fate = "timed out" if outcome.timed_out else f"ended with exit code {outcome.exit_code}"
        self.progress.note(f"{which} {fate} after {outcome.seconds:.1f} s")
        self._schedule.ended(which, self._seen.elapsed)
        if which == "deployment" and (outcome.timed_out or outcome.exit_code != 0):
            raise HarnessError(
                f"the deployment {fate}, so there is nothing to roll back.",
                f"Its transcript: {self.run_directory.path / 'playbook' / 'deployment.log'}",
            )
        if which == "deployment":
            self._seen.deployed()
            self._deployed = True

    def _watches(self) -> list[Pacer]:
        watches = [Pacer("queues", SAMPLE_EVERY_SECONDS, self.sampler.sample, self._fail), self._watch_machine()]
        for name, monitor in self.scenario.monitors.items():
            watch = MonitorWatch(name, monitor, self.stage, self.run_directory, partial(self._is_armed, monitor), self._alerted)
            watches.append(Pacer(f"monitor {name}", monitor.every, watch.sample, self._fail))
        return watches

    def _watch_machine(self) -> Pacer:
        return Pacer("machine", 1.0, MachineWatch(self.run_directory).sample, self._fail)

    def _is_armed(self, monitor: Monitor) -> bool:
        return self._deployed or monitor.armed == "start"

    def _alerted(self, name: str, value: float) -> None:
        self._inbox.put(_Alert(name, value))

    def _watch_load(self) -> None:
        if not self._load_ended and not self._load.alive and self._load.exit_code != 0:
            self.run_directory.event(
                "incomplete", "published", "from", detail=f"the load ended by itself, exit code {self._load.exit_code}"
            )
            raise HarnessError("the load generator ended by itself.", f"Its log: {self.run_directory.path / 'logs' / 'load.log'}")

    def _halt(self) -> None:
        """End the programs, the load and the faults; what has ended already stays so."""
        self.faults.close()
        self._programs.stop()
        self._end_load()
        self.faults.clear_all()

    def _end_load(self) -> None:
        if self._load_ended:
            return
        died = not self._load.alive and self._load.exit_code not in (0, None)
        self._load.stop(STOP_GRACE_SECONDS)
        if died:
            self.run_directory.event("incomplete", "published", "from", detail=f"the load ended with exit code {self._load.exit_code}")
        self.run_directory.event("phase", "load", "end")
        self._metrics.edge("load", "end")
        self._load_ended = True

    def _died(self, role: str, code: int) -> None:
        """A container ended that neither harness nor program nor fault has stopped."""
        if role == "engine":
            self._fail(HarnessError("the Docker engine stopped answering in the middle of the drill."))
            return
        if role == "sink":
            self.run_directory.event("incomplete", "effects", "from", detail=f"the effect sink ended with exit code {code}")
        if role == "tap":
            self.run_directory.event("incomplete", "wire", "from", detail=f"the tap ended with exit code {code}")
        version = role.split(".")[1] if role.startswith("workers.") else None
        what = f"{role} ended by itself (exit code {code})"
        if version is not None and self._stage_spec.workers[version].may_exit:
            self.progress.note(what)
            return
        hint = f"If that is expected, say may_exit: true in stage.workers.{version}." if version else ""
        self._fail(HarnessError(f"{what} in the middle of the drill: {self.stage.last_words(role)}", hint))

    def _program_ended(self, which: Which, outcome: ProgramEnd) -> None:
        self._inbox.put(_Ended(which, outcome))

    def _fail(self, error: Exception) -> None:
        self._inbox.put(_Failed(error))

    @staticmethod
    def _wait_until(start_at: int) -> None:
        time.sleep(max(0.0, (start_at - now()) / 1e9))


def _load_process(spec: LoadSpec, plan: Plan, stage: DrivenStage, run: RunDirectory) -> LoadProcess:
    environment = {VARIABLE: stage.run_id}
    return LoadProcess(spec, plan.seed, stage.load_amqp_url, run.path, environment, stage.spec.id_from, stage.load_flags)
