"""Programs and files that a scenario names must be there, and programs must be executable."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from drillbook.playbook.command import problem
from drillbook.playbook.here import Here, meant
from drillbook.playbook.runner import Runner
from drillbook.playbook.runners import BROUGHT_BY, RUNNERS
from drillbook.playbook.steps import all_step_names, step_names
from drillbook.validation.checks.references import KnownNames
from drillbook.validation.partial_scenario import STRICT, PartialScenario
from drillbook.validation.source import KeyPath

PROGRAMS = ("deployment", "playbook")


def check(partial: PartialScenario) -> None:
    """Deployment, playbook, database.init, and the folders that workers and servers are built from or read."""
    for program in PROGRAMS:
        for key, runner in RUNNERS.items():
            _program(partial, (program, key), runner)
    _file(partial, ("stage", "database", "init"))
    for version in partial.source.names("stage", "workers"):
        _build_folder(partial, ("stage", "workers", version, "build"))
    for name in partial.source.names("stage", "services"):
        _build_folder(partial, ("stage", "services", name, "build"))
        _folder(partial, ("stage", "services", name, "folder", "from"))


def playbook_steps(partial: PartialScenario) -> KnownNames | None:
    """The playbook's steps: those its text shows and those the file names, or itself as a whole; None where there is no playbook to read.

    Called after `check`, as a program that is not there has no steps to read.
    """
    key = next((key for key in RUNNERS if key in partial.source.names("playbook")), None)
    if key is None:
        return None
    value = _value(partial, ("playbook", key), RUNNERS[key])
    refused = {(problem.line, problem.column) for problem in partial.source.problems}
    if value is None or any((place.line, place.column) in refused for place in partial.source.within(("playbook", key))):
        return None
    steps = partial.source.get("playbook", "steps")
    named = [name for name in steps if isinstance(name, str)] if isinstance(steps, list) else []
    command = RUNNERS[key].command(value)
    return KnownNames(all_step_names(command, partial.folder, "playbook", named), [*step_names(command, partial.folder), *named])


def _program(partial: PartialScenario, path: KeyPath, runner: Runner[Any]) -> None:
    value = _value(partial, path, runner)
    if value is None:
        return
    here = Here(partial.folder, BROUGHT_BY)
    if (wrong := runner.wrong(value, here)) is not None:
        at = (*path, wrong.at) if wrong.at and partial.source.get(*path, wrong.at) is not None else path
        partial.source.refuse(partial.source.value(at), wrong.message)
    elif (message := problem(runner.command(value), partial.folder, {"PATH": here.path})) is not None:
        partial.source.refuse(partial.source.value(path), message.rstrip("."))


def _value(partial: PartialScenario, path: KeyPath, runner: Runner[Any]) -> Any:
    """What stands under a runner's key; None where nothing does, or it is not of the runner's type, which the model tells."""
    raw = partial.source.get(*path)
    try:
        return None if raw is None else TypeAdapter(runner.value).validate_python(raw, **STRICT)
    except ValidationError:
        return None


def _file(partial: PartialScenario, path: KeyPath) -> None:
    name = partial.source.get(*path)
    if isinstance(name, str) and (message := Here(partial.folder, BROUGHT_BY).no_file(name, "file")):
        partial.source.refuse(partial.source.value(path), message)


def _build_folder(partial: PartialScenario, path: KeyPath) -> None:
    folder = _folder(partial, path)
    if folder is not None and not (folder / "Dockerfile").is_file():
        partial.source.refuse(partial.source.value(path), f"the folder {partial.source.get(*path)} has no Dockerfile")


def _folder(partial: PartialScenario, path: KeyPath) -> Path | None:
    """The folder that a value names; None where none is named, or it is not there, which is told."""
    name = partial.source.get(*path)
    if not isinstance(name, str):
        return None
    folder = partial.folder / name
    if folder.is_dir():
        return folder
    partial.source.refuse(partial.source.value(path), f"there is no folder {name}{meant(folder)}")
    return None
