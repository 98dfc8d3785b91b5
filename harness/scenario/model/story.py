"""What happens: the deployment, the monitors, the faults and the playbook, and when each begins."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, create_model, model_validator

from harness.faults import KINDS, Fault, WireFault
from harness.playbook.command import play_command
from harness.scenario.model.part import Part
from harness.scenario.refs import LinkRef, MonitorRef, QueueRef, StepRef
from harness.scenario.units import Duration


class ProgramPart(Part):
    """A real program, run from the scenario's folder."""

    run: str | None = Field(
        default=None, description="A command line; a path in it is relative to the scenario file. Give this or `ansible`."
    )
    ansible: str | None = Field(
        default=None, description="A play for ansible-playbook, relative to the scenario file; its options may follow it."
    )

    @property
    def command(self) -> str:
        """The command line that starts it."""
        return self.run if self.run is not None else play_command(self.ansible or "")

    @model_validator(mode="after")
    def _one_program(self) -> ProgramPart:
        if (self.run is None) == (self.ansible is None):
            raise ValueError("give exactly one of run and ansible")
        return self


class Deployment(ProgramPart):
    """The program that brings v2; a real program run from the scenario's folder."""

    at: Duration = Field(ge=0, description="When it starts, counted from the start of the drive.")
    timeout: Duration = Field(default=60.0, gt=0, description="After this it is killed, and the drill cannot be judged.")


class Monitor(Part):
    """Something watched; it raises an alert when its value stays beyond a bound."""

    query: str | None = Field(default=None, description="SQL on the drill's database that returns one number.")
    queue_depth: QueueRef | None = Field(default=None, description="Ready messages of a queue.")
    redelivery_rate: QueueRef | None = Field(default=None, description="Redeliveries a second of a queue.")
    above: float | None = Field(default=None, description="Alert when the value is greater; give this or `below`.")
    below: float | None = Field(default=None, description="Alert when the value is smaller; give this or `above`.")
    lasting: Duration = Field(default=0.0, alias="for", ge=0, description="How long it must stay so.")
    every: Duration = Field(default=0.5, gt=0, description="How often it is sampled.")

    @model_validator(mode="after")
    def _one_of_each(self) -> Monitor:
        if sum(source is not None for source in (self.query, self.queue_depth, self.redelivery_rate)) != 1:
            raise ValueError("give exactly one of query, queue_depth and redelivery_rate")
        if (self.above is None) == (self.below is None):
            raise ValueError("give exactly one of above and below")
        return self


class AtStep(Part):
    """A moment named by a step of the playbook."""

    step: StepRef = Field(description="The step's name.")


WireMoment = Literal["publish", "confirm", "deliver", "ack", "nack", "reject", "commit"]


class OnWire(Part):
    """A moment named by what passes on the wire; counted from the start of the drive, or from the fault's other moment."""

    wire: WireMoment = Field(
        description="What passes. An acknowledgement or a confirm of several tasks at once counts as one; a refused confirm counts too."
    )
    nth: int = Field(default=1, ge=1, description="Counted over all links together, from 1.")
    count: int = Field(default=1, ge=1, description="How many are hit from the nth on; only for faults that act on what passes.")
    link: LinkRef | None = Field(default=None, description="Where it passes, to or from the broker; left out: the fault's own link.")
    task: str | None = Field(default=None, description="Only messages of this task are counted.")


class FaultEntry(Part):
    """One fault: what happens, when, and for how long."""

    name: str = Field(description="Shown in the timeline and the report; unique in the file.")
    at: Duration | None = Field(default=None, ge=0, description="Begins at this time, counted from the start of the drive.")
    before: AtStep | None = Field(default=None, description="Begins, and has bitten, before the step runs.")
    during: AtStep | None = Field(default=None, description="Begins when the step has started, and runs beside it.")
    after: AtStep | None = Field(default=None, description="Begins when the step has ended, before the next one starts.")
    when: MonitorRef | None = Field(default=None, description="Begins when this alert is raised.")
    on: OnWire | None = Field(
        default=None, description="Begins with a message on the wire; alone, or beside one other moment from which it is counted."
    )
    lasting: Duration | None = Field(
        default=None, alias="for", gt=0, description="Lifted after this time; without it, when the drill settles."
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
    """The decision point: when the playbook starts, and by what."""

    at: Duration | None = Field(default=None, ge=0, description="At this time, counted from the start of the drive.")
    when: MonitorRef | None = Field(default=None, description="When this alert is raised.")
    no_later_than: Duration | None = Field(default=None, gt=0, description="With `when`: started at this time even if no alert came.")

    @model_validator(mode="after")
    def _one_decision(self) -> Start:
        if (self.at is None) == (self.when is None):
            raise ValueError("give exactly one of at and when")
        if (self.when is None) != (self.no_later_than is None):
            raise ValueError("when and no_later_than go together")
        return self


class Playbook(ProgramPart):
    """The rollback under test; a real program run from the scenario's folder."""

    start: Start
    timeout: Duration = Field(default=120.0, gt=0, description="After this it is killed, and has failed.")
    steps: list[str] = Field(
        default_factory=list, description="The names of steps that cannot be read from the program's text, so that faults may name them."
    )
    env: dict[str, str] = Field(default_factory=dict, description="Added to its environment.")
