"""Load a scenario file: a typed `Scenario`, or every problem of the file at once, each with its line and column."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pydantic import ValidationError

from drillbook.core.errors import UsageError
from drillbook.core.problems import Problem, ScenarioError
from drillbook.scenario import Scenario
from drillbook.validation.changes import Change, apply
from drillbook.validation.checks import invariants, references
from drillbook.validation.draft import STRICT, Draft
from drillbook.validation.source import Place, Source, read
from drillbook.validation.wording import explain

__all__ = ["Problem", "ScenarioError", "load", "load_run"]


def load(path: Path, judge_only: bool = False, changes: Iterable[Change] = ()) -> Scenario:
    """Read, validate and check a scenario file.

    Args:
        path: the file; programs and files in it are relative to its folder.
        judge_only: the file is only needed to judge a run directory: a title and invariants are enough, and what
            could keep a drill from running is not asked, so that a stored run stays judgeable when those rules grow.
        changes: values that the command line changes.

    Raises:
        ScenarioError: the file cannot be used; it holds every problem.
    """
    path = Path(path)
    source = read(path)
    scenario: Scenario | None = None
    if isinstance(source.data, dict):
        apply(changes, source)
        scenario = _validate(source)
        _check(Draft(source, path.parent), judge_only)
    elif source.data is not None or not source.problems:
        source.refuse(Place(1, 1), "a scenario is keys with values, beginning with title:")
    if source.problems:
        raise ScenarioError(source.problems)
    assert scenario is not None
    return scenario


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
    return load(file, judge_only=True)


def _validate(source: Source) -> Scenario | None:
    try:
        return Scenario.model_validate(source.data, **STRICT)
    except ValidationError as error:
        explain(Scenario, error.errors(), source)
        return None


def _check(draft: Draft, judge_only: bool) -> None:
    if judge_only:
        names = references.known_names(draft, None)
    else:
        from drillbook.validation.checks import to_run  # they know what a load sends and what programs do, which a judge needs not

        names = to_run.check(draft)
    invariants.check(draft, names, [draft.folder, draft.folder / "invariants"])
