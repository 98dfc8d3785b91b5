"""A program's command line: whose it is, and what is wrong with it before it is started."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drillbook.core.errors import HarnessError
from drillbook.playbook.here import first_line
from drillbook.playbook.runner import ProgramReading, Runner
from drillbook.playbook.runners import BROUGHT_BY, runner_of


@dataclass(frozen=True)
class CommandLine:
    """A command line, taken apart.

    Args:
        words: as a shell would split it; nothing is expanded.
        folder: where it runs.
        runner: whose it is.
    """

    words: tuple[str, ...]
    folder: Path
    runner: Runner[Any]

    def read(self) -> ProgramReading:
        """Read its text.

        Raises:
            HarnessError: the text is not what its runner takes.
        """
        return self.runner.read(self.words, self.folder)


def take_apart(command: str, folder: Path) -> CommandLine:
    """Take a command line apart.

    Args:
        command: such as ``./rollback.sh --all`` or ``python3 rollback.py``; its paths are relative to the folder.
        folder: where it runs.

    Raises:
        HarnessError: it is empty, or a quote is not closed.
    """
    try:
        words = tuple(shlex.split(command))
    except ValueError as error:
        raise HarnessError(f"the command line {command!r} cannot be split into words: {str(error).lower()}.") from error
    if not words:
        raise HarnessError("the command line is empty.", "Name a program, such as ./rollback.sh.")
    return CommandLine(words, folder, runner_of(words))


def problem(command: str, folder: Path, environment: Mapping[str, str] | None = None) -> str | None:
    """Why a command line cannot be started, as a sentence; None when nothing is wrong with it.

    Args:
        command: the command line.
        folder: where it runs.
        environment: whose PATH finds a program named without a slash; the caller's own when left out.
    """
    try:
        parts = take_apart(command, folder)
        parts.read()
    except HarnessError as error:
        return str(error)
    program = parts.words[0]
    if "/" not in program:
        path = (os.environ if environment is None else environment).get("PATH", os.defpath)
        if shutil.which(program, path=path):
            return None
        return f"the program {program!r} is not on PATH; {BROUGHT_BY.get(program, f'write ./{program} for a file beside it')}."
    file = folder / program
    if not file.is_file():
        return f"there is no program {program} in {folder}."
    if not os.access(file, os.X_OK):
        return f"{program} is not executable: chmod +x {program}."
    if not _starts_by_itself(file):
        return f"{program} does not say which program reads it: begin it with a line such as #!/usr/bin/env bash."
    interpreter = first_line(file)[:1]
    if interpreter and not Path(interpreter[0]).is_file():
        return f"{program} wants {interpreter[0]}, which is not on this machine."
    return None


def _starts_by_itself(file: Path) -> bool:
    with file.open("rb") as opened:
        return opened.read(2) == b"#!" or (opened.seek(0) == 0 and opened.read(4) == b"\x7fELF")
