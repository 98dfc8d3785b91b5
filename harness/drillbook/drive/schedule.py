"""The schedule of a drill: what is due at each moment, what waits for what, and when it is over. Pure: no clock, no Docker, no threads.

It is told what happened (a program began or ended) and asks for what it needs to know (`DriveFacts`); it says what is to be done (`Act`).
Times come in as seconds since the start of the load. What follows from what:

- The deployment begins at its time or event; the playbook at its own, but not before the deployment has ended and each version whose
  containers it started was given a task, unless the scenario says otherwise.
- The load goes on for its duration, and until deployment and playbook have ended, faults that end by themselves have ended, faults pinned
  to a time have begun, and after that for a moment more and until one more task was confirmed; at most for ``load.most``.
- What waits for tasks when no more arrive will never come: then the schedule is over.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from drillbook.drive.decision import Decision, Reason
from drillbook.plan import PlannedFault, TriggerKind
from drillbook.scenario import Deployment, RunnableScenario
from drillbook.scenario.moments import TaskCount, TaskCounts

Which = Literal["deployment", "playbook"]
"""A program of the drill."""


class DriveFacts(Protocol):
    """What is known at one moment; asked only where it matters."""

    @property
    def elapsed(self) -> float:
        """Seconds since the start of the load."""

    @property
    def raised(self) -> Mapping[str, float]:
        """Monitors whose alert was raised, each with its value."""

    def reached(self, tasks: TaskCount) -> bool:
        """Whether so many tasks are there."""

    def confirmed(self) -> int:
        """Tasks confirmed so far."""

    def idle(self) -> list[str]:
        """Versions whose containers the deployment started and that were given no task since."""

    def lasting(self) -> bool:
        """Whether a fault is at work that ends by itself."""


@dataclass(frozen=True)
class Deploy:
    """Start the deployment."""

    deployment: Deployment


@dataclass(frozen=True)
class Decided:
    """Start the playbook."""

    reason: Reason


@dataclass(frozen=True)
class Waits:
    """The playbook would start, and waits."""

    why: str


@dataclass(frozen=True)
class BeginFaults:
    """Begin the faults of one moment."""

    trigger: TriggerKind
    moment: float | str


@dataclass(frozen=True)
class EndLoad:
    """No more tasks arrive."""


@dataclass(frozen=True)
class Abandon:
    """What the schedule waits for will not come: there is nothing to roll back."""

    why: str


Act = Deploy | Decided | Waits | BeginFaults | EndLoad | Abandon


@dataclass(frozen=True)
class _Span:
    """When a program began and ended, in seconds since the start of the load."""

    began: float | None = None
    ended: float | None = None


class Schedule:
    """Of one drill.

    Args:
        scenario: with load and playbook.
        faults: as planned.
    """

    def __init__(self, scenario: RunnableScenario, faults: tuple[PlannedFault, ...]) -> None:
        self._load, self._deployment, self._start = scenario.load, scenario.deployment, scenario.playbook.start
        self._decision = Decision(self._start)
        self._pending = list(dict.fromkeys((fault.trigger, fault.moment) for fault in faults if fault.trigger in _DUE))
        self._spans: dict[Which, _Span] = {"deployment": _Span(), "playbook": _Span()}
        self._decided = self._abandoned = self._load_ended = False
        self._waits: str | None = None
        self._told: tuple[float, int] | None = None
        """When all but the last moment of the load was over, and how many tasks were confirmed by then."""

    def began(self, which: Which, elapsed: float) -> None:
        """A program has been started."""
        self._spans[which] = replace(self._spans[which], began=elapsed)

    def ended(self, which: Which, elapsed: float) -> None:
        """A program has ended."""
        self._spans[which] = replace(self._spans[which], ended=elapsed)

    @property
    def over(self) -> bool:
        """Nothing is due any more, and nobody is waited for."""
        return self._load_ended and not self._open("deployment") and not self._open("playbook") and (self._abandoned or self._decided)

    def next(self, facts: DriveFacts) -> Iterator[Act]:
        """What is to be done now, in order; each is done before the next one is asked for."""
        if self._abandoned:
            return
        if (never := self._never(facts)) is not None:
            self._abandoned = self._load_ended = True
            yield Abandon(never)
            yield EndLoad()
            return
        yield from self._faults(facts)
        if self._deployment is not None and self._is_due(self._deployment, facts):
            yield Deploy(self._deployment)
        yield from self._decide(facts)
        if not self._load_ended and (facts.elapsed >= self._load.most or self._is_told(facts)):
            self._load_ended = True
            yield EndLoad()

    # Inside

    def _faults(self, facts: DriveFacts) -> Iterator[Act]:
        for trigger, moment in list(self._pending):
            if self._has_come(trigger, moment, facts):
                self._pending.remove((trigger, moment))
                yield BeginFaults(trigger, moment)

    def _has_come(self, trigger: TriggerKind, moment: float | str, facts: DriveFacts) -> bool:
        deployed = self._spans["deployment"].ended
        match trigger, moment:
            case "at", float(seconds):
                return facts.elapsed >= seconds
            case "at after deployment", float(seconds):
                return deployed is not None and facts.elapsed >= deployed + seconds
            case "event", "deployment start" | "deployment end" | "playbook start" | "playbook end":
                which, edge = str(moment).split()
                span = self._spans[which]  # type: ignore[index]
                return (span.began if edge == "start" else span.ended) is not None
            case _:
                return facts.reached(TaskCounts.read(moment))

    def _is_due(self, deployment: Deployment, facts: DriveFacts) -> bool:
        if self._spans["deployment"].began is not None:
            return False
        if deployment.after is not None and deployment.after.tasks is not None:
            return facts.reached(deployment.after.tasks)
        return facts.elapsed >= (deployment.at or 0.0)

    def _decide(self, facts: DriveFacts) -> Iterator[Act]:
        if self._decided or (reason := self._reason(facts)) is None:
            return
        why = self._why_wait(facts)
        if why is None:
            self._decided = True
            yield Decided(reason)
        elif why != self._waits:
            self._waits = why
            yield Waits(why)

    def _reason(self, facts: DriveFacts) -> Reason | None:
        after = self._start.after
        deployed = self._spans["deployment"].ended
        if after is None:
            return self._decision.decide(facts.elapsed, facts.raised, deployed)
        if after.tasks is not None:
            come = facts.reached(after.tasks)
        else:
            come = deployed is not None if after.deployment == "end" else self._spans["deployment"].began is not None
        return Reason("event", event=str(after)) if come else None

    def _why_wait(self, facts: DriveFacts) -> str | None:
        """Why there is nothing to roll back yet."""
        if self._deployment is None or self._start.while_deploying:
            return None
        if self._spans["deployment"].ended is None:
            return "the deployment has not ended"
        idle = [] if self._deployment.may_idle else facts.idle()
        return f"{' and '.join(idle)} {'was' if len(idle) == 1 else 'were'} given no task yet" if idle else None

    def _never(self, facts: DriveFacts) -> str | None:
        """What is waited for and will not come."""
        deployment, deployed = self._deployment, self._spans["deployment"]
        if self._load_ended and deployment is not None and deployed.began is None:
            return f"the deployment never began: {deployment.after} never came"
        if self._decided:
            return None
        if self._load_ended and self._start.after is not None and self._start.after.tasks is not None and self._reason(facts) is None:
            return f"the playbook never began: {self._start.after} never came"
        waiting = deployment is not None and deployed.ended is not None and self._reason(facts) is not None
        if not waiting or (why := self._why_wait(facts)) is None:
            return None
        too_long = deployment is not None and deployed.ended is not None and facts.elapsed >= deployed.ended + deployment.given_within
        return f"the playbook never began: {why}" if too_long or self._load_ended else None

    def _is_told(self, facts: DriveFacts) -> bool:
        """Whether nothing more happens that tasks should arrive for."""
        if facts.elapsed < self._load.duration or not self._all_ended(facts):
            self._told = None
            return False
        if self._told is None:
            self._told = (facts.elapsed, facts.confirmed())
        since, confirmed = self._told
        return facts.elapsed >= since + self._load.linger and facts.confirmed() > confirmed

    def _all_ended(self, facts: DriveFacts) -> bool:
        programs = self._deployment is None or self._spans["deployment"].ended is not None
        return programs and self._spans["playbook"].ended is not None and not self._pending and not facts.lasting()

    def _open(self, which: Which) -> bool:
        span = self._spans[which]
        return span.began is not None and span.ended is None


_DUE = ("at", "at after deployment", "event")
"""Triggers that the schedule itself watches for; steps, alerts and messages on the wire come from elsewhere."""
