"""The scenario file as a model: every key, its type, its default and what it means.

The JSON schema (``drillbook schema``) and ``docs/scenario.md`` are made from this file, so each field says here what a reader needs.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model, field_validator, model_validator

from harness.faults import KINDS, Fault, WireFault
from harness.scenario.refs import ExchangeRef, LinkRef, MonitorRef, QueueRef, Ref, StepRef
from harness.scenario.units import Duration, Rate, Size

Method = Literal["isolation", "transactional", "messaging", "versioned-workers", "rollback-script", "configuration"]

DEFAULT_EFFECTS_QUERY = "select task, key, version, worker, at from effects order by at"


class Part(BaseModel):
    """A part of the file: unknown keys are refused, and nothing is changed after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Exchange(Part):
    """An exchange the stage declares before anything starts; always durable."""

    type: str = Field(default="direct", description="direct, fanout, topic, headers, or a plugin's type such as x-consistent-hash.")
    arguments: dict[str, Any] = Field(default_factory=dict, description="Declared with it, as the broker takes them.")


class Queue(Part):
    """A queue the stage declares before anything starts; always durable."""

    type: Literal["quorum", "classic", "stream"] = Field(default="quorum", description="The broker's queue type.")
    delivery_limit: int | None = Field(
        default=None, ge=0, description="Deliveries of one message before it is dead-lettered (quorum queues)."
    )
    dead_letter_to: QueueRef | None = Field(default=None, description="The queue where refused and poison messages go.")
    arguments: dict[str, Any] = Field(default_factory=dict, description="More arguments, as the broker takes them.")


class Binding(Part):
    """A route from an exchange to a queue or to another exchange."""

    source: ExchangeRef = Field(alias="from", description="The exchange that routes.")
    to: str = Field(description="A declared queue, or a declared exchange.")
    key: str = Field(default="", description="Routing key, pattern, or weight (x-consistent-hash).")


class Policy(Part):
    """A broker policy, applied by the stage."""

    pattern: str = Field(description="Regular expression on queue or exchange names.")
    definition: dict[str, Any] = Field(description="What it sets, as the broker takes it.")
    apply_to: Literal["queues", "exchanges", "all"] = Field(default="queues", description="What it applies to.")
    priority: int = Field(default=0, description="The highest matching priority wins.")


class Broker(Part):
    """RabbitMQ with its management plugin, and what is declared on it."""

    image: str = Field(
        default="rabbitmq", description="A name that `drillbook images` lists, or any reference, such as rabbitmq:4-management."
    )
    plugins: list[str] = Field(default_factory=list, description="Enabled besides rabbitmq_management and rabbitmq_prometheus.")
    exchanges: dict[str, Exchange] = Field(default_factory=dict, description="Declared exchanges by name.")
    queues: dict[str, Queue] = Field(min_length=1, description="Declared queues by name.")
    bindings: list[Binding] = Field(default_factory=list, description="Declared routes.")
    policies: dict[str, Policy] = Field(default_factory=dict, description="Applied policies by name.")


class Database(Part):
    """PostgreSQL, where the workers keep effects and state."""

    image: str = Field(default="postgres", description="A name that `drillbook images` lists, or any reference, such as postgres:17.")
    init: str | None = Field(default=None, description="An SQL file, run once before the workers start; relative to the scenario file.")


class Workers(Part):
    """The workers of one version: the user's own image, or a folder to build it from."""

    image: str | None = Field(default=None, description="Any image reference; give this or `build`.")
    build: str | None = Field(default=None, description="A folder with a Dockerfile, relative to the scenario file; give this or `image`.")
    replicas: int = Field(default=1, ge=1, le=64, description="How many containers.")
    env: dict[str, str] = Field(
        default_factory=dict, description="Their environment. AMQP_URL, DATABASE_URL, WORKER (its own name) and VERSION are added."
    )
    command: list[str] | None = Field(default=None, description="In place of the image's own command.")
    started: bool = Field(default=True, description="false: created only; the deployment starts them.")
    may_exit: bool = Field(
        default=False, description="true: that one of them ends by itself is part of the story; otherwise it ends the drill with an error."
    )

    @model_validator(mode="after")
    def _one_source(self) -> Workers:
        if (self.image is None) == (self.build is None):
            raise ValueError("give exactly one of image and build")
        return self


ID_FROM = r"^(message_id|correlation_id|header:.+|body:\$(\.[^.\[\]]+|\[\d+\])+)$"


class StageSpec(Part):
    """What the drill runs on."""

    broker: Broker
    id_from: str = Field(
        default="message_id",
        json_schema_extra={"pattern": ID_FROM},
        description="Where a message carries its task's id: message_id, correlation_id, header:NAME, or body:$.path of a JSON body.",
    )
    database: Database | None = None
    workers: dict[str, Workers] = Field(min_length=1, description="Workers by version: v1, v2, ….")

    @field_validator("id_from")
    @classmethod
    def _a_place(cls, value: str) -> str:
        if re.fullmatch(ID_FROM, value) is None:
            raise ValueError(
                f"{value!r} is no place for an id; say message_id, correlation_id, header:NAME, or body:$.path such as body:$.id"
            )
        return value


class Load(Part):
    """What the publishers send: an open model, arrivals drawn from the seed and never slowed by the system under test."""

    rate: Rate = Field(description="Mean arrivals a second (Poisson).")
    duration: Duration = Field(gt=0, description="How long tasks arrive, counted from the start of the drive.")
    size: Size = Field(default=256, le=1_048_576, description="Bytes of one body.")
    types: dict[str, float] = Field(default_factory=lambda: {"task": 1.0}, description="Task types and their shares; the shares sum to 1.")
    exchange: ExchangeRef = Field(default="", description="Where tasks are published; empty: the default exchange.")
    routing_key: str = Field(default="{type}", description="The routing key; {type} stands for the task's type.")
    version: str | None = Field(default=None, description="The version header of the messages; none: no such header.")
    attempts: int = Field(default=1, ge=1, le=10, description="How often a publish that failed or stayed unconfirmed is tried in all.")
    confirm_within: Duration = Field(default=10.0, gt=0, description="A publish not confirmed by then is unknown.")
    max_in_flight: int = Field(default=2000, ge=1, description="Unconfirmed publishes above which an arrival is skipped, and counted so.")


class Deployment(Part):
    """The program that brings v2; a real program run from the scenario's folder."""

    run: str = Field(description="A command line; a path in it is relative to the scenario file.")
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


class Playbook(Part):
    """The rollback under test; a real program run from the scenario's folder."""

    run: str = Field(description="A command line; a path in it is relative to the scenario file.")
    start: Start
    timeout: Duration = Field(default=120.0, gt=0, description="After this it is killed, and has failed.")
    steps: list[str] = Field(
        default_factory=list, description="The names of steps that cannot be read from the program's text, so that faults may name them."
    )
    env: dict[str, str] = Field(default_factory=dict, description="Added to its environment.")


class Source(Part):
    """One place where tasks leave effects: rows of the database, or calls to the HTTP sink."""

    query: str | None = Field(
        default=None,
        description="SQL on the drill's database: task, key (idempotency key), version, worker and at (timestamptz), one row an effect. "
        "It is tried once before the load begins. Give this or `http`.",
    )
    http: Literal[True] | None = Field(
        default=None,
        description="A server in the stage that the workers call, at EFFECTS_URL, once an effect: POST, with the headers Task-Id and "
        "Idempotency-Key. Give this or `query`.",
    )
    types: list[str] | None = Field(default=None, description="The task types that leave an effect here; none given: all of them.")

    @model_validator(mode="after")
    def _one_source(self) -> Source:
        if (self.query is None) == (self.http is None):
            raise ValueError("give exactly one of query and http")
        return self


class Effects(Part):
    """Where a task's effects are read, from outside the workers: one source, or several by name."""

    query: str = Field(
        default=DEFAULT_EFFECTS_QUERY,
        description="SQL on the drill's database: task, key (idempotency key), version, worker and at (timestamptz), one row an effect. "
        "It is tried once before the load begins.",
    )
    sources: dict[str, Source] | None = Field(
        default=None,
        description="In place of `query`: sources by name. A task is done when it has left an effect in each source of its type, and "
        "done twice when it left two in one of them.",
    )

    @property
    def called(self) -> list[str]:
        """Names of the sources that are calls to the HTTP sink."""
        return [name for name, source in (self.sources or {}).items() if source.http]


class TaskTable(Part):
    """Something about tasks that the workers keep in the database."""

    query: str = Field(description="SQL on the drill's database, one row a task.")


class Settle(Part):
    """After the playbook: faults lifted, load stopped, and a wait for quiet."""

    within: Duration = Field(default=60.0, gt=0, description="The longest wait.")
    quiet_for: Duration = Field(
        default=2.0,
        gt=0,
        description=(
            "Quiet: no effect, no delivery and no queue depth changed for this long; five times as long where a task still rests in a "
            "queue that is not a dead-letter queue, or with a worker."
        ),
    )


class Expect(Part):
    """What a deliberately bad drill is expected to break; used by pytest, not by the exit code of `drillbook run`."""

    broken: list[Annotated[str, Ref("invariant")]] = Field(min_length=1, description="Exactly these invariants.")


class Scenario(Part):
    """One drill. Only `title` and `invariants` are needed to judge a run directory; to run a drill, all of stage, load and playbook are."""

    title: str = Field(min_length=1, description="One sentence: what happens.")
    description: str = Field(default="", description="What is drilled, and what a good playbook must survive.")
    method: Method | None = Field(default=None, description="The rollback method drilled.")
    tags: list[str] = Field(default_factory=list, description="For choosing drills: `pytest -m nightly`.")
    expect: Expect | None = None
    stage: StageSpec | None = None
    load: Load | None = None
    deployment: Deployment | None = None
    monitors: dict[str, Monitor] = Field(default_factory=dict, description="Monitors by name; an alert has its monitor's name.")
    faults: list[FaultSpec] = Field(default_factory=list, description="Faults, in the order of the story.")
    playbook: Playbook | None = None
    effects: Effects = Field(default_factory=Effects)
    states: TaskTable | None = Field(
        default=None,
        description="The workers' own table of task states: task, state (queued, executing, completed, failed), and if it has them "
        "version, worker and at.",
    )
    outbox: TaskTable | None = Field(
        default=None, description="The outbox: task, one row for each that has not been published; read after settling."
    )
    settle: Settle = Field(default_factory=Settle)
    invariants: dict[str, dict[str, Any] | None] = Field(
        min_length=1,
        description="What must hold, by name, each with its parameters; a name with a .sql file beside the scenario is the user's own.",
    )
