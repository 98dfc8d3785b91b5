"""Load a scenario file: a typed `Scenario`, or every problem of the file at once, each with its line and column."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from drillbook.core.errors import UsageError
from drillbook.core.problems import Problem, ScenarioError
from drillbook.scenario import RunnableScenario, Scenario
from drillbook.validation.changes import ScenarioChange, apply
from drillbook.validation.checks import invariants, references
from drillbook.validation.model_errors import explain
from drillbook.validation.partial_scenario import STRICT, PartialScenario
from drillbook.validation.source import Place, ScenarioSource, read

__all__ = ["Problem", "ScenarioError", "load", "load_run", "load_to_judge"]

S = TypeVar("S", bound=Scenario)


def load(path: Path, changes: Iterable[ScenarioChange] = ()) -> RunnableScenario:
    """Read, validate and check the file of a scenario that is to be run.

    Args:
        path: the file; programs and files in it are relative to its folder.
        changes: values that the command line changes.

    Raises:
        ScenarioError: the file cannot be used; it holds every problem.
    """
    from drillbook.validation.checks import to_run  # they know what a load sends and what programs do, which a judge needs not

    return _load(path, RunnableScenario, to_run.check, changes)


def load_to_judge(path: Path) -> Scenario:
    """Read, validate and check the file of a scenario by which a run is judged.

    A title and invariants are enough, and what could keep a drill from running is not asked, so that a stored run stays judgeable when
    those rules grow.

    Raises:
        ScenarioError: the file cannot be used; it holds every problem.
    """
    return _load(path, Scenario, lambda partial: references.known_names(partial, None))


def load_run(run_directory: Path) -> Scenario:
    """The scenario of a run, as far as judging it takes.

    Raises:
        UsageError: there is no such run, or its scenario cannot be used.
    """
    file = run_directory / "scenario.yaml"
    if not file.is_file():
        raise UsageError(f"{run_directory} is no run directory: it has no scenario.yaml.", "Run directories are under reports/.")
    if not (run_directory / "plan.json").exists() and not any(run_directory.glob("*.jsonl")):
        raise UsageError(
            f"{run_directory} is the folder of a scenario: there is no evidence in it.", f"drillbook run {run_directory} makes some."
        )
    return load_to_judge(file)


def _load(path: Path, model: type[S], check: Callable[[PartialScenario], references.Names], changes: Iterable[ScenarioChange] = ()) -> S:
    """Read a file as a model; ``check`` adds what no single key shows, and gives the names that there are."""
    path = Path(path)
    source = read(path)
    scenario: S | None = None
    if isinstance(source.data, dict):
        apply(changes, source)
        scenario = _validate(source, model)
        partial = PartialScenario(source, path.parent)
        invariants.check(partial, check(partial), [partial.folder, partial.folder / "invariants"])
    elif source.data is not None or not source.problems:
        source.refuse(Place(1, 1), "a scenario is keys with values, beginning with title:")
    if source.problems or scenario is None:
        raise ScenarioError(source.problems)
    return scenario


def _validate(source: ScenarioSource, model: type[S]) -> S | None:
    try:
        return model.model_validate(source.data, **STRICT)
    except ValidationError as error:
        explain(model, error.errors(), source)
        return None
