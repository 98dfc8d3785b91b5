"""Programs and files that a scenario names must be there, and programs must be executable."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path

from drillbook.core.problems import nearest
from drillbook.playbook.command import HOW_TO_INSTALL, play_command, problem
from drillbook.validation.draft import Draft
from drillbook.validation.source import KeyPath

INTERPRETERS = ("bash", "sh", "dash", "zsh", "python", "python3", "perl", "ruby", "node")


def check(draft: Draft) -> None:
    """Deployment, playbook, database.init, and the folders that workers and servers are built from or read."""
    for program in ("deployment", "playbook"):
        _program(draft, (program, "run"))
        _play(draft, (program, "ansible"))
    _file(draft, ("stage", "database", "init"))
    for version in draft.source.names("stage", "workers"):
        _build_folder(draft, ("stage", "workers", version, "build"))
    for name in draft.source.names("stage", "services"):
        _build_folder(draft, ("stage", "services", name, "build"))
        _folder(draft, ("stage", "services", name, "folder", "from"))


def playbook_steps(draft: Draft) -> list[str] | None:
    """The playbook's steps: those its text shows and those the file names; None where there is no playbook to read.

    Called after `check`, as a program that is not there has no steps to read.
    """
    from drillbook.playbook.steps import step_names

    path = ("playbook", "run" if "run" in draft.source.names("playbook") else "ansible")
    command = draft.source.get(*path)
    named = draft.source.get("playbook", "steps")
    place = draft.source.value(path)
    refused = any((problem.line, problem.column) == (place.line, place.column) for problem in draft.source.problems)
    if not isinstance(command, str) or refused:
        return None
    command = command if path[1] == "run" else play_command(command)
    return list(dict.fromkeys([*step_names(command, draft.folder), *(name for name in named or [] if isinstance(name, str))]))


def _program(draft: Draft, path: KeyPath) -> None:
    words = _words_there(draft, path, "command line")
    if not words:
        return
    program, *arguments = words
    script = next((word for word in arguments if not word.startswith("-")), None)
    interpreted = Path(program).name in INTERPRETERS and "-c" not in arguments and "-m" not in arguments
    if _program_there(draft, path, program) and not (interpreted and script and not _there(draft, path, script, "file")):
        _can_start(draft, path, draft.source.get(*path))


def _play(draft: Draft, path: KeyPath) -> None:
    words = _words_there(draft, path, "line")
    if not words:
        return
    if not words[0].endswith((".yml", ".yaml")):
        draft.source.refuse(draft.source.value(path), f"{words[0]} is no play: name its file first, such as rollback.yml")
    elif _there(draft, path, words[0], "play"):
        _can_start(draft, path, play_command(draft.source.get(*path)))


def _words_there(draft: Draft, path: KeyPath, what: str) -> list[str]:
    """The words of a command line; none where there is no line, or it has none, which is told."""
    line = draft.source.get(*path)
    if not isinstance(line, str):
        return []
    words = _words(line)
    if not words:
        draft.source.refuse(draft.source.value(path), f"a quote in this {what} has no end" if words is None else f"{path[-1]} is empty")
    return words or []


def _can_start(draft: Draft, path: KeyPath, command: str) -> None:
    message = problem(command, draft.folder, {"PATH": _search_path()})
    if message is not None:
        draft.source.refuse(draft.source.value(path), message.rstrip("."))


def _program_there(draft: Draft, path: KeyPath, program: str) -> bool:
    if "/" in program:
        return _there(draft, path, program, "program")
    if shutil.which(program, path=_search_path()) is not None:
        return True
    hint = f"; did you mean ./{program}?" if (draft.folder / program).is_file() else ""
    hint = f"; {HOW_TO_INSTALL[program]}" if program in HOW_TO_INSTALL else hint
    draft.source.refuse(draft.source.value(path), f"there is no program {program} on the PATH{hint}")
    return False


def _search_path() -> str:
    """Where programs are looked for when the drill runs: first beside the interpreter."""
    return f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"


def _file(draft: Draft, path: KeyPath) -> None:
    name = draft.source.get(*path)
    if isinstance(name, str):
        _there(draft, path, name, "file")


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
    draft.source.refuse(draft.source.value(path), f"there is no folder {name}{_meant(folder)}")
    return None


def _there(draft: Draft, path: KeyPath, name: str, what: str) -> bool:
    there = draft.folder / name
    if there.is_file():
        return True
    message = f"{name} is a folder, not a {what}" if there.is_dir() else f"there is no {what} {name}{_meant(there)}"
    draft.source.refuse(draft.source.value(path), message)
    return False


def _meant(path: Path) -> str:
    """A name beside a path that is close to it."""
    try:
        beside = [entry.name for entry in path.parent.iterdir() if not entry.name.startswith(".")]
    except OSError:
        return ""
    close = nearest(path.name, beside)
    return f"; did you mean {close}?" if close else ""


def _words(command: str) -> list[str] | None:
    try:
        return shlex.split(command)
    except ValueError:
        return None
