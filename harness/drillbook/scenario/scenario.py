"""The whole file."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from drillbook.core.refs import Ref
from drillbook.scenario.drive import Deployment, FaultSpec, Monitor, Playbook
from drillbook.scenario.evidence import Decode, Effects, Settle, TaskTable
from drillbook.scenario.load import Load
from drillbook.scenario.part import Part
from drillbook.scenario.stage import StageSpec

Method = Literal["isolation", "transactional", "messaging", "versioned-workers", "rollback-script", "configuration"]


class Expect(Part):
    """What a known-bad control is expected to break; used by pytest, not by the exit code of `drillbook run`."""

    broken: list[Annotated[str, Ref("invariant")]] = Field(min_length=1, description="Exactly these invariants.")


class Scenario(Part):
    """One drill, as far as it can be judged: only `title` and `invariants` are needed for that."""

    title: str = Field(min_length=1, description="One sentence: what happens.")
    description: str = Field(default="", description="What is drilled, and what a good playbook must survive.")
    method: Method | None = Field(default=None, description="The rollback method drilled.")
    tags: list[str] = Field(default_factory=list, description="For choosing drills: `pytest -m nightly`.")
    expect: Expect | None = None
    stage: StageSpec | None = None
    load: Load | None = None
    deployment: Deployment | None = None
    monitors: dict[str, Monitor] = Field(default_factory=dict, description="Monitors by name; an alert has its monitor's name.")
    faults: list[FaultSpec] = Field(default_factory=list, description="Faults, in the order they happen.")
    playbook: Playbook | None = None
    effects: Effects = Field(default_factory=Effects)
    states: TaskTable | None = Field(
        default=None,
        description="The workers' own table of task states: task, state (queued, executing, completed, failed), and if it has them "
        "version, worker and at.",
    )
    handled: TaskTable | None = Field(
        default=None,
        description="The ledger of a rollback script: task, decision (left, failed, rescheduled), at (when it was decided), done_at "
        "(when it was carried out), and if it has one rule.",
    )
    outbox: TaskTable | None = Field(
        default=None, description="The outbox: task, one row for each that has not been published; read after settling."
    )
    decode: Decode | None = None
    settle: Settle = Field(default_factory=Settle)
    invariants: dict[str, dict[str, Any] | None] = Field(
        min_length=1,
        description="What must hold, by name, each with its parameters; a name with a .sql file beside the scenario is the user's own.",
    )


class RunnableScenario(Scenario):
    """One drill that can be run."""

    stage: StageSpec = Field(description="What the drill runs on.")
    load: Load = Field(description="What the publishers send.")
    playbook: Playbook = Field(description="The rollback under test.")
