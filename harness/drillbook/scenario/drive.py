"""What happens: the deployment, the monitors, the faults and the playbook, and when each begins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, create_model, model_validator

from drillbook.core.refs import LinkRef, MonitorRef, QueueRef, StepRef
from drillbook.core.units import Duration
from drillbook.faults import Fault, WireFault
from drillbook.faults.kinds import KINDS
from drillbook.playbook.runner import Runner
from drillbook.playbook.runners import RUNNERS
from drillbook.scenario.moments import At, Tasks
from drillbook.scenario.part import Part
from drillbook.tap.rules import RuleEvent


class ProgramEntry(Part):
    """A real program, run from the scenario's folder, given under the key of one runner."""

    ONE_OF: ClassVar[tuple[tuple[str, ...], ...]] = (tuple(RUNNERS),)

    @property
    def named_steps(self) -> list[str]:
        """The steps that the file names, as they cannot be read from the program's text."""
        return []

    @property
    def given(self) -> str:
        """What stands under its runner's key."""
        return str(self._given[1])

    @property
    def command(self) -> str:
        """The command line that starts it."""
        runner, value = self._given
        return runner.command(value)

    @property
    def _given(self) -> tuple[Runner[Any], Any]:
        return next((runner, value) for key, runner in RUNNERS.items() if (value := getattr(self, key)) is not None)


def _runner_fields() -> dict[str, Any]:
    """A field for each runner's key; the first says which others there are."""
    first, *others = RUNNERS
    either = f" Give this or {' or '.join(f'`{key}`' for key in others)}."
    return {
        key: (runner.value | None, Field(default=None, description=runner.about + (either if key == first else "")))
        for key, runner in RUNNERS.items()
    }


if TYPE_CHECKING:
    ProgramPart = ProgramEntry
else:
    ProgramPart = create_model("ProgramPart", __base__=ProgramEntry, __doc__=ProgramEntry.__doc__, **_runner_fields())


class After(Part):
    """An event of the drill; give exactly one."""

    ONE_OF = (("step", "deployment", "playbook", "tasks"),)

    step: StepRef | None = Field(default=None, description="The end of a step of the playbook.")
    deployment: Literal["start", "end"] | None = Field(default=None, description="The start or the end of the deployment.")
    playbook: Literal["start", "end"] | None = Field(default=None, description="The start or the end of the playbook.")
    tasks: Tasks | None = Field(
        default=None,
        description="So many tasks are there: `200 confirmed`, `20 given to v2`, `20 waiting in tasks` (ready in a queue of the stage).",
    )

    def __str__(self) -> str:
        """``deployment end``, ``200 confirmed``; of a step, its name."""
        if self.deployment or self.playbook:
            return f"deployment {self.deployment}" if self.deployment else f"playbook {self.playbook}"
        return self.step or str(self.tasks)


class Deployment(ProgramPart):
    """The program that brings v2; a real program run from the scenario's folder."""

    ONE_OF = (*ProgramPart.ONE_OF, ("at", "after"))

    at: Duration | None = Field(default=None, ge=0, description="When it starts, counted from the start of the load. Give this or `after`.")
    after: After | None = Field(default=None, description="The event at which it starts, such as `{tasks: 200 confirmed}`.")
    timeout: Duration = Field(default=300.0, gt=0, description="After this it is killed, and the drill cannot be judged.")
    given_within: Duration = Field(
        default=60.0,
        gt=0,
        description="How long, counted from its end, the playbook waits for each version that it started to be given a task.",
    )
    may_idle: bool = Field(
        default=False,
        description="true: the playbook is started, and the drill judged, though a version that the deployment started was never given a "
        "task; report and verdict say so. Otherwise the verdict is inconclusive.",
    )

    @model_validator(mode="after")
    def _one_start(self) -> Deployment:
        if self.after is not None and self.after.tasks is None:
            raise ValueError("a deployment starts at a time (at: 5s) or after: {tasks: 200 confirmed}")
        return self


@dataclass(frozen=True)
class QueryValue:
    """The one number that SQL on the drill's database returns."""

    query: str


@dataclass(frozen=True)
class QueueDepth:
    """Ready messages of a queue."""

    queue: str


@dataclass(frozen=True)
class RedeliveryRate:
    """Redeliveries a second of a queue."""

    queue: str


Watched = QueryValue | QueueDepth | RedeliveryRate
"""What a monitor samples."""


class Monitor(Part):
    """Something watched; it raises an alert when its value stays beyond a bound."""

    ONE_OF = (("query", "queue_depth", "redelivery_rate"), ("above", "below"))

    query: str | None = Field(default=None, description="SQL on the drill's database that returns one number.")
    queue_depth: QueueRef | None = Field(default=None, description="Ready messages of a queue.")
    redelivery_rate: QueueRef | None = Field(default=None, description="Redeliveries a second of a queue.")
    above: float | None = Field(default=None, description="Alert when the value is greater; give this or `below`.")
    below: float | None = Field(default=None, description="Alert when the value is smaller; give this or `above`.")
    lasting: Duration = Field(default=0.0, alias="for", ge=0, description="How long it must stay so.")
    every: Duration = Field(default=0.5, gt=0, description="How often it is sampled.")
    armed: Literal["deployment", "start"] = Field(
        default="deployment",
        description="From when on it can raise its alert: the end of the deployment, or the start of the load. It is sampled all the time.",
    )

    @property
    def watched(self) -> Watched:
        """What it samples."""
        return self._watched[0]

    @property
    def _watched(self) -> list[Watched]:
        kinds: tuple[tuple[Callable[[str], Watched], str | None], ...] = (
            (QueryValue, self.query),
            (QueueDepth, self.queue_depth),
            (RedeliveryRate, self.redelivery_rate),
        )
        return [kind(given) for kind, given in kinds if given is not None]


class AtStep(Part):
    """A moment named by a step of the playbook."""

    step: StepRef = Field(description="The step's name.")


class OnWire(Part):
    """A moment named by what passes on the wire; counted from the start of the drive, or from the fault's other moment."""

    wire: RuleEvent = Field(
        description="What passes. An acknowledgement or a confirm of several tasks at once counts as one; a refused confirm counts too."
    )
    nth: int = Field(default=1, ge=1, description="Counted over all links together, from 1.")
    count: int = Field(default=1, ge=1, description="How many are hit from the nth on; only for faults that act on what passes.")
    link: LinkRef | None = Field(default=None, description="Where it passes, to or from the broker; left out: the fault's own link.")
    task: str | None = Field(default=None, description="Only messages of this task are counted.")


class FaultEntry(Part):
    """One fault: what happens, when, and for how long."""

    name: str = Field(description="Shown in the timeline and the report; unique in the file.")
    at: At | None = Field(
        default=None, description="Begins at this time, counted from the start of the load, or `5s after deployment`, which is its end."
    )
    before: AtStep | None = Field(default=None, description="Begins, and has taken effect, before the step runs.")
    during: AtStep | None = Field(default=None, description="Begins when the step has started, and runs beside it.")
    after: After | None = Field(
        default=None,
        description="Begins at an event: when a step has ended, and has taken effect before the next one starts; or at another one.",
    )
    when: MonitorRef | None = Field(default=None, description="Begins when this alert is raised.")
    on: OnWire | None = Field(
        default=None, description="Begins with a message on the wire; alone, or beside one other moment from which it is counted."
    )
    lasting: Duration | None = Field(
        default=None, alias="for", gt=0, description="Cleared after this time; without it, when the drill settles."
    )

    @property
    def fault(self) -> Fault:
        """The fault with its parameters."""
        return next(value for kind in KINDS if isinstance(value := getattr(self, kind, None), Fault))

    @model_validator(mode="after")
    def _one_kind_one_trigger(self) -> FaultEntry:
        kinds = [kind for kind in KINDS if getattr(self, kind, None) is not None]
        if len(kinds) != 1:
            raise ValueError(f"give exactly one kind of fault ({', '.join(KINDS)})")
        if isinstance(self.fault, WireFault) and self.on is None:
            raise ValueError(f"{kinds[0]} hits what passes on the wire: say what with on, such as on: {{wire: ack, nth: 100}}")
        triggers = sum(trigger is not None for trigger in (self.at, self.before, self.during, self.after, self.when))
        if triggers > 1 or (triggers == 0 and self.on is None):
            raise ValueError("say once when it begins: at, before, during, after, when or on")
        if self.fault.momentary and self.lasting is not None:
            raise ValueError(f"{kinds[0]} ends by itself: leave out for")
        return self


FaultSpec = create_model(  # type: ignore[call-overload]
    "FaultSpec",
    __base__=FaultEntry,
    __doc__=FaultEntry.__doc__,
    **{
        kind: (fault | None, Field(default=None, description=(fault.__doc__ or "").strip().splitlines()[0]))
        for kind, fault in KINDS.items()
    },
)


class Start(Part):
    """The decision point: when the playbook starts, and by what.

    Whatever decides, it waits until the deployment has ended and each version whose containers the deployment started was given a task.
    """

    ONE_OF = (("at", "after", "when"),)

    at: At | None = Field(
        default=None, description="At this time, counted from the start of the load, or `5s after deployment`, which is its end."
    )
    after: After | None = Field(default=None, description="At an event: `{deployment: end}` or `{tasks: 200 confirmed}`.")
    when: MonitorRef | None = Field(default=None, description="When this alert is raised.")
    no_later_than: At | None = Field(default=None, description="With `when`: started at this time even if no alert came.")
    while_deploying: bool = Field(
        default=False, description="true: it may start while the deployment still runs, and before its versions were given a task."
    )

    @model_validator(mode="after")
    def _one_decision(self) -> Start:
        if (self.when is None) != (self.no_later_than is None):
            raise ValueError("when and no_later_than go together")
        if self.after is not None and (self.after.step or self.after.playbook):
            raise ValueError("a playbook starts after: {deployment: end} or after: {tasks: 200 confirmed}")
        return self


class Playbook(ProgramPart):
    """The rollback under test; a real program run from the scenario's folder."""

    start: Start
    timeout: Duration = Field(default=300.0, gt=0, description="After this it is killed, and has failed.")
    steps: list[str] = Field(
        default_factory=list, description="The names of steps that cannot be read from the program's text, so that faults may name them."
    )
    hold: dict[str, Tasks] = Field(
        default_factory=dict,
        description="Steps, by name, before which the playbook waits until so many tasks are there, such as `20 waiting in tasks.v2`, "
        "so that what they do to tasks is not left to luck; at most for `stage.ready_within`.",
    )
    env: dict[str, str] = Field(default_factory=dict, description="Added to its environment.")

    @property
    def named_steps(self) -> list[str]:
        """The steps that the file names, as they cannot be read from the program's text."""
        return self.steps
