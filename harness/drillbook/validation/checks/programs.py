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
from drillbook.validation.checks.references import Known
from drillbook.validation.draft import STRICT, Draft
from drillbook.validation.source import KeyPath

PROGRAMS = ("deployment", "playbook")


def check(draft: Draft) -> None:
    """Deployment, playbook, database.init, and the folders that workers and servers are built from or read."""
    for program in PROGRAMS:
        for key, runner in RUNNERS.items():
            _program(draft, (program, key), runner)
    _file(draft, ("stage", "database", "init"))
    for version in draft.source.names("stage", "workers"):
        _build_folder(draft, ("stage", "workers", version, "build"))
    for name in draft.source.names("stage", "services"):
        _build_folder(draft, ("stage", "services", name, "build"))
        _folder(draft, ("stage", "services", name, "folder", "from"))


def playbook_steps(draft: Draft) -> Known | None:
    """The playbook's steps: those its text shows and those the file names, or itself as a whole; None where there is no playbook to read.

    Called after `check`, as a program that is not there has no steps to read.
    """
    key = next((key for key in RUNNERS if key in draft.source.names("playbook")), None)
    if key is None:
        return None
    value = _value(draft, ("playbook", key), RUNNERS[key])
    refused = {(problem.line, problem.column) for problem in draft.source.problems}
    if value is None or any((place.line, place.column) in refused for place in draft.source.within(("playbook", key))):
        return None
    steps = draft.source.get("playbook", "steps")
    named = [name for name in steps if isinstance(name, str)] if isinstance(steps, list) else []
    command = RUNNERS[key].command(value)
    return Known(all_step_names(command, draft.folder, "playbook", named), [*step_names(command, draft.folder), *named])


def _program(draft: Draft, path: KeyPath, runner: Runner[Any]) -> None:
    value = _value(draft, path, runner)
    if value is None:
        return
    here = Here(draft.folder, BROUGHT_BY)
    if (wrong := runner.wrong(value, here)) is not None:
        at = (*path, wrong.at) if wrong.at and draft.source.get(*path, wrong.at) is not None else path
        draft.source.refuse(draft.source.value(at), wrong.message)
    elif (message := problem(runner.command(value), draft.folder, {"PATH": here.path})) is not None:
        draft.source.refuse(draft.source.value(path), message.rstrip("."))


def _value(draft: Draft, path: KeyPath, runner: Runner[Any]) -> Any:
    """What stands under a runner's key; None where nothing does, or it is not of the runner's type, which the model tells."""
    raw = draft.source.get(*path)
    try:
        return None if raw is None else TypeAdapter(runner.value).validate_python(raw, **STRICT)
    except ValidationError:
        return None


def _file(draft: Draft, path: KeyPath) -> None:
    name = draft.source.get(*path)
    if isinstance(name, str) and (message := Here(draft.folder, BROUGHT_BY).no_file(name, "file")):
        draft.source.refuse(draft.source.value(path), message)


def _build_folder(draft: Draft, path: KeyPath) -> None:
    folder = _folder(draft, path)
    if folder is not None and not (folder / "Dockerfile").is_file():
        draft.source.refuse(draft.source.value(path), f"the folder {draft.source.get(*path)} has no Dockerfile")


def _folder(draft: Draft, path: KeyPath) -> Path | None:
    """The folder that a value names; None where none is named, or it is not there, which is told."""
    name = draft.source.get(*path)
    if not isinstance(name, str):
        return None
    folder = draft.folder / name
    if folder.is_dir():
        return folder
    draft.source.refuse(draft.source.value(path), f"there is no folder {name}{meant(folder)}")
    return None
