"""A program's command line: which file it runs, whether bash or Ansible reads it, and what is wrong with it before it is started."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from drillbook.core.errors import HarnessError
from drillbook.playbook.ansible.reading import play_steps

ANSIBLE = "ansible-playbook"
HOW_TO_INSTALL = {ANSIBLE: "pip install 'drillbook[ansible]' brings it"}
"""Programs that drills need and not every machine has."""
_ANSIBLE_OPTIONS_WITH_A_WORD = (
    *("-i", "-e", "-l", "-t", "-f", "-u", "-c", "-T", "-M", "--inventory", "--inventory-file", "--extra-vars", "--limit", "--tags"),
    *("--skip-tags", "--forks", "--user", "--connection", "--timeout", "--module-path", "--start-at-task", "--vault-id"),
    *("--vault-password-file", "--vault-pass-file", "--private-key", "--key-file", "--become-user", "--become-method"),
)
_WRAPPERS = ("env", "timeout", "nice", "stdbuf", "setsid")
_SHELL_OPTIONS_WITH_A_WORD = ("-o", "+o", "-O", "+O", "--rcfile", "--init-file")


def play_command(play: str) -> str:
    """The command line that runs a play.

    Args:
        play: its file, and options of ansible-playbook after it.
    """
    return f"{ANSIBLE} {play}"


@dataclass(frozen=True)
class Command:
    """A command line, taken apart.

    Args:
        words: as a shell would split it; nothing is expanded.
        text: the file in it whose text says what it does; None when it names none.
        bash: bash reads that file.
        ansible: ansible-playbook reads that file.
    """

    words: tuple[str, ...]
    text: Path | None
    bash: bool
    ansible: bool = False


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
    if Path(words[0]).name == ANSIBLE:
        play = _play(words, folder)
        return Command(words, play, bash=False, ansible=play is not None)
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
        parts = take_apart(command, folder)
        if parts.ansible and parts.text:
            play_steps(parts.text)
    except HarnessError as error:
        return str(error)
    program = parts.words[0]
    if "/" not in program:
        path = (os.environ if environment is None else environment).get("PATH", os.defpath)
        if shutil.which(program, path=path):
            return None
        return f"the program {program!r} is not on PATH; {HOW_TO_INSTALL.get(program, f'write ./{program} for a file beside it')}."
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


def _play(words: tuple[str, ...], folder: Path) -> Path | None:
    """The first play among the arguments of ansible-playbook."""
    options = [number for number, word in enumerate(words) if word in _ANSIBLE_OPTIONS_WITH_A_WORD]
    plays = (word for number, word in enumerate(words) if number and not word.startswith("-") and number - 1 not in options)
    return next((file for word in plays if (file := _file(word, folder))), None)


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
