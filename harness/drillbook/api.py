"""What other programs use of Drillbook; the rest is private by convention, and changes without a word.

Distributions that add a part by an entry point need no more than this: a fault (``drillbook.faults``), a runner (``drillbook.runners``) or
a component of the stage (``drillbook.components``). They are imported while Drillbook gathers what there is, so nothing here is imported
before it is asked for; and whoever only judges needs no Docker.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from drillbook.core.errors import DrillbookError, HarnessError, UsageError

if TYPE_CHECKING:
    from drillbook.core.refs import ContainerRef, LinkRef
    from drillbook.core.units import ByteRate, Duration, Rate, Size
    from drillbook.drill import Drilled
    from drillbook.engine.containers import StageContainer
    from drillbook.evidence.run_directory import RunDirectory
    from drillbook.faults.base import (
        ContainerFault,
        Fault,
        FaultContainer,
        FaultLink,
        FaultStage,
        FaultTap,
        LinkFault,
        Objection,
        OpenConnection,
        RuleAction,
        Toxic,
        Use,
    )
    from drillbook.faults.wire_fault import WireFault
    from drillbook.judge.run import Run
    from drillbook.judge.verdict import Finding, Judgement, Result, Verdict
    from drillbook.playbook.gate import Edge, Gate
    from drillbook.playbook.here import Here
    from drillbook.playbook.runner import ProgramReading, Runner, Wrong
    from drillbook.scenario.scenario import RunnableScenario, Scenario
    from drillbook.stage.addresses import Address, Credentials, PlannedLink
    from drillbook.stage.component import Client, Component, StageRun
    from drillbook.stage.images import WantedImage
    from drillbook.stage.probes import Echo
    from drillbook.tap.rules import Rule

__all__ = [
    "Address",
    "ByteRate",
    "Client",
    "Component",
    "ContainerFault",
    "ContainerRef",
    "Credentials",
    "DrillbookError",
    "Drilled",
    "Duration",
    "Echo",
    "Edge",
    "Fault",
    "FaultContainer",
    "FaultLink",
    "FaultStage",
    "FaultTap",
    "Finding",
    "Gate",
    "HarnessError",
    "Here",
    "Judgement",
    "LinkFault",
    "LinkRef",
    "Objection",
    "OpenConnection",
    "PlannedLink",
    "ProgramReading",
    "Rate",
    "Result",
    "Rule",
    "RuleAction",
    "Run",
    "RunDirectory",
    "RunnableScenario",
    "Runner",
    "Scenario",
    "Size",
    "StageContainer",
    "StageRun",
    "Toxic",
    "UsageError",
    "Use",
    "Verdict",
    "WantedImage",
    "WireFault",
    "Wrong",
    "judge",
    "load_scenario",
    "open_run",
    "run_drill",
]
HOMES: dict[str, tuple[str, ...]] = {
    "core.refs": ("ContainerRef", "LinkRef"),
    "core.units": ("ByteRate", "Duration", "Rate", "Size"),
    "drill": ("Drilled",),
    "engine.containers": ("StageContainer",),
    "evidence.run_directory": ("RunDirectory",),
    "faults.base": (
        *("ContainerFault", "Fault", "FaultContainer", "FaultLink", "FaultStage", "FaultTap"),
        *("LinkFault", "Objection", "OpenConnection", "RuleAction", "Toxic", "Use"),
    ),
    "faults.wire_fault": ("WireFault",),
    "judge.run": ("Run",),
    "judge.verdict": ("Finding", "Judgement", "Result", "Verdict"),
    "playbook.gate": ("Edge", "Gate"),
    "playbook.here": ("Here",),
    "playbook.runner": ("ProgramReading", "Runner", "Wrong"),
    "scenario.scenario": ("RunnableScenario", "Scenario"),
    "stage.addresses": ("Address", "Credentials", "PlannedLink"),
    "stage.component": ("Client", "Component", "StageRun"),
    "stage.images": ("WantedImage",),
    "stage.probes": ("Echo",),
    "tap.rules": ("Rule",),
}
"""Where each is that is imported when it is asked for, as the imports above say it."""
_HOME_OF = {name: f"drillbook.{module}" for module, names in HOMES.items() for name in names}

if not TYPE_CHECKING:

    def __getattr__(name):
        if name not in _HOME_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = globals()[name] = getattr(import_module(_HOME_OF[name]), name)
        return found


def load_scenario(path: Path, changes: Iterable[str] = ()) -> RunnableScenario:
    """Read and check a scenario file, as ``drillbook validate`` does.

    Args:
        path: the file; programs and files in it are relative to its folder.
        changes: values that are other than in the file, each as ``--set`` takes it: ``load.rate=80/s``.

    Raises:
        UsageError: the file or a change cannot be used; the message holds every problem with its line and column.
    """
    from drillbook.validation.changes import parse_changes
    from drillbook.validation.loader import load

    return load(path, parse_changes(changes))


def run_drill(
    path: Path, seed: int | None = None, output: Path = Path("reports"), changes: Iterable[str] = (), keep: bool = False
) -> Drilled:
    """Run one drill and judge it, as ``drillbook run`` does; its progress is not shown.

    Args:
        path: the scenario file.
        seed: decides arrivals and fault targets; None: one is drawn.
        output: directory for results: the run's own is ``<output>/<scenario>/<time>-<seed>/``.
        changes: as of `load_scenario`.
        keep: keep the containers afterwards.

    Returns:
        The run directory, its judgement (None where not even that was possible), and what kept the drill from ending.

    Raises:
        UsageError: the file or a change cannot be used; nothing was started.
        HarnessError: there is no engine, image or room; nothing was started.
    """
    from drillbook.core.progress import Progress
    from drillbook.drill import new_seed, run_drill
    from drillbook.validation.changes import parse_changes

    seed = new_seed() if seed is None else seed
    return run_drill(path, seed, output, keep, Progress(quiet=True), parse_changes(changes))


@contextmanager
def open_run(run_directory: Path) -> Iterator[Run]:
    """Read a run directory, a stored one or one made by hand, for as long as the block lasts.

    Args:
        run_directory: holds ``scenario.yaml`` and the evidence.

    Raises:
        UsageError: there is no such run, its scenario cannot be used, or a file holds something that is no evidence.
    """
    from drillbook.judge import run
    from drillbook.validation.loader import load_run

    with run.open_run(run_directory, load_run(run_directory)) as opened:
        yield opened


def judge(run_directory: Path) -> Judgement:
    """Judge a run.

    Args:
        run_directory: holds ``scenario.yaml`` and the evidence; the user's own invariants in ``invariants/``, or in it.

    Raises:
        UsageError: there is no such run, its scenario or an invariant cannot be used, or a file holds something that is no evidence.
    """
    from drillbook.judge.judge import judge

    with open_run(run_directory) as opened:
        return judge(opened)
