"""A program's command line: which file it runs, whether bash runs it, and what is wrong with it before it is started."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.errors import HarnessError

_WRAPPERS = ("env", "timeout", "nice", "stdbuf", "setsid")
_SHELL_OPTIONS_WITH_A_WORD = ("-o", "+o", "-O", "+O", "--rcfile", "--init-file")


@dataclass(frozen=True)
class Command:
    """A command line, taken apart.

    Args:
        words: as a shell would split it; nothing is expanded.
        text: the file in it whose text says what it does; None when it names none.
        bash: bash reads that file.
    """

    words: tuple[str, ...]
    text: Path | None
    bash: bool


def take_apart(command: str, folder: Path) -> Command:
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
    text = next((file for word in words if not word.startswith("-") and (file := _file(word, folder))), None)
    return Command(words, text, text is not None and _bash_reads(words, text, folder))


def problem(command: str, folder: Path, environment: Mapping[str, str] | None = None) -> str | None:
    """Why a command line cannot be started, as a sentence; None when nothing is wrong with it.

    Args:
        command: the command line.
        folder: where it runs.
        environment: whose PATH finds a program named without a slash; the caller's own when left out.
    """
    try:
        program = take_apart(command, folder).words[0]
    except HarnessError as error:
        return str(error)
    if "/" not in program:
        path = (os.environ if environment is None else environment).get("PATH", os.defpath)
        return (
            None if shutil.which(program, path=path) else f"the program {program!r} is not on PATH; write ./{program} for a file beside it."
        )
    file = folder / program
    if not file.is_file():
        return f"there is no program {program} in {folder}."
    if not os.access(file, os.X_OK):
        return f"{program} is not executable: chmod +x {program}."
    if not _starts_by_itself(file):
        return f"{program} does not say which program reads it: begin it with a line such as #!/usr/bin/env bash."
    interpreter = _shebang(file)[:1]
    if interpreter and not Path(interpreter[0]).is_file():
        return f"{program} wants {interpreter[0]}, which is not on this machine."
    return None


def _file(word: str, folder: Path) -> Path | None:
    file = folder / word
    return file if file.is_file() and (not word.startswith("/") or file.is_relative_to(folder)) else None


def _bash_reads(words: tuple[str, ...], text: Path, folder: Path) -> bool:
    """Whether the file is run by its own bash shebang, or is given to bash; dash and sh take no gate."""
    place = next(number for number, word in enumerate(words) if folder / word == text)
    before = [word for word in words[:place] if not word.startswith(("-", "+"))]
    options = [words[number] for number in range(1, place) if words[number - 1] in _SHELL_OPTIONS_WITH_A_WORD]
    programs = [Path(word).name for word in before if word not in options]
    if programs and programs[-1] == "bash":
        return "-c" not in words[:place]
    if programs and programs[0] not in _WRAPPERS:
        return False
    return any(Path(word).name == "bash" for word in _shebang(text)[:3])


def _shebang(file: Path) -> list[str]:
    with file.open("rb") as opened:
        first = opened.readline(512)
    return first[2:].decode("utf-8", "replace").split() if first.startswith(b"#!") else []


def _starts_by_itself(file: Path) -> bool:
    with file.open("rb") as opened:
        return opened.read(2) == b"#!" or (opened.seek(0) == 0 and opened.read(4) == b"\x7fELF")
