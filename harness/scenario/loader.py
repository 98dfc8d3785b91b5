"""Load a scenario file: a typed `Scenario`, or every problem of the file at once, each with its line and column."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from harness.scenario.checks import drive, gate, invariants, messages, on_wire, outside, programs, references, stage
from harness.scenario.draft import STRICT, Draft
from harness.scenario.model import Scenario
from harness.scenario.problems import Problem, ScenarioError
from harness.scenario.source import Place, Source, read
from harness.scenario.wording import explain

__all__ = ["Problem", "ScenarioError", "load"]

TO_RUN = {"stage": "what the drill runs on", "load": "what the publishers send", "playbook": "the rollback under test"}


def load(path: Path, judge_only: bool = False) -> Scenario:
    """Read, validate and check a scenario file.

    Args:
        path: the file; programs and files in it are relative to its folder.
        judge_only: the file is only needed to judge a run directory: a title and invariants are enough, and what
            could keep a drill from running is not asked, so that a stored run stays judgeable when those rules grow.

    Raises:
        ScenarioError: the file cannot be used; it holds every problem.
    """
    path = Path(path)
    source = read(path)
    scenario: Scenario | None = None
    if isinstance(source.data, dict):
        scenario = _validate(source)
        _check(Draft(source, path.parent), judge_only)
    elif source.data is not None or not source.problems:
        source.refuse(Place(1, 1), "a scenario is keys with values, beginning with title:")
    if source.problems:
        raise ScenarioError(source.problems)
    assert scenario is not None
    return scenario


def _validate(source: Source) -> Scenario | None:
    try:
        return Scenario.model_validate(source.data, **STRICT)
    except ValidationError as error:
        explain(Scenario, error.errors(), source)
        return None


def _check(draft: Draft, judge_only: bool) -> None:
    if not judge_only:
        programs.check(draft)
        for key, what in TO_RUN.items():
            if key not in draft.source.data:
                draft.source.refuse(Place(1, 1), f"to run a drill, a scenario needs {key}: {what}")
    names = references.known_names(draft, None if judge_only else programs.playbook_steps(draft))
    if not judge_only:
        references.check(draft, names)
        stage.check(draft)
        drive.check(draft)
        messages.check(draft)
        gate.check(draft)
        on_wire.check(draft)
        outside.check(draft)
    invariants.check(draft, names, [draft.folder, draft.folder / "invariants"])
