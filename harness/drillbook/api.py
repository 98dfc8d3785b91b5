"""What other programs use of Drillbook; the rest is private by convention, and changes without a word.

``Fault`` and its like are for distributions that add one by the entry point group ``drillbook.faults``, ``Runner`` for
``drillbook.runners``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from drillbook.core.errors import DrillbookError, HarnessError, UsageError
from drillbook.core.progress import Progress
from drillbook.evidence import RunDirectory
from drillbook.faults import ContainerFault, Fault, FaultStage, LinkFault, WireFault
from drillbook.judge import judge as judging
from drillbook.judge import run
from drillbook.judge.run import Run
from drillbook.judge.verdict import Finding, Judgement, Result, Verdict
from drillbook.playbook.runner import Runner
from drillbook.scenario import RunnableScenario, Scenario
from drillbook.validation.changes import parse_changes
from drillbook.validation.loader import load, load_run

if TYPE_CHECKING:
    from drillbook.drill import Drilled

__all__ = [
    "ContainerFault",
    "DrillbookError",
    "Fault",
    "FaultStage",
    "Finding",
    "HarnessError",
    "Judgement",
    "LinkFault",
    "Result",
    "Run",
    "RunDirectory",
    "RunnableScenario",
    "Runner",
    "Scenario",
    "UsageError",
    "Verdict",
    "WireFault",
    "judge",
    "load_scenario",
    "open_run",
    "run_drill",
]


def load_scenario(path: Path, changes: Iterable[str] = ()) -> RunnableScenario:
    """Read and check a scenario file, as ``drillbook validate`` does.

    Args:
        path: the file; programs and files in it are relative to its folder.
        changes: values that are other than in the file, each as ``--set`` takes it: ``load.rate=80/s``.

    Raises:
        UsageError: the file or a change cannot be used; the message holds every problem with its line and column.
    """
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
    from drillbook.drill import new_seed, run_drill  # whoever only judges needs no Docker

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
    with run.open_run(run_directory, load_run(run_directory)) as opened:
        yield opened


def judge(run_directory: Path) -> Judgement:
    """Judge a run.

    Args:
        run_directory: holds ``scenario.yaml`` and the evidence; the user's own invariants in ``invariants/``, or in it.

    Raises:
        UsageError: there is no such run, its scenario or an invariant cannot be used, or a file holds something that is no evidence.
    """
    with open_run(run_directory) as opened:
        return judging.judge(opened)
