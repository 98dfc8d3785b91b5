"""What a program can be made of: the files beside the scenario, and the programs of this machine."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from drillbook.core.problems import nearest


@dataclass(frozen=True)
class Here:
    """Where the files and programs of a scenario are looked for.

    Args:
        folder: the scenario's.
        brought_by: programs that not every machine has, each with what brings it.
    """

    folder: Path
    brought_by: Mapping[str, str]

    @property
    def path(self) -> str:
        """Where programs are looked for when the drill runs: first beside the interpreter."""
        return f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"

    def no_file(self, name: str, what: str) -> str | None:
        """Why there is no such file, with the one that was probably meant; None when it is there.

        Args:
            name: relative to the folder.
            what: how a person calls it, such as ``play``.
        """
        there = self.folder / name
        if there.is_file():
            return None
        return f"{name} is a folder, not a {what}" if there.is_dir() else f"there is no {what} {name}{meant(there)}"

    def no_program(self, name: str) -> str | None:
        """Why there is no such program, with what brings it; None when it is there.

        Args:
            name: a path relative to the folder, or, without a slash, one that is on the PATH.
        """
        if "/" in name:
            return self.no_file(name, "program")
        if shutil.which(name, path=self.path) is not None:
            return None
        hint = f"; did you mean ./{name}?" if (self.folder / name).is_file() else ""
        hint = f"; {self.brought_by[name]}" if name in self.brought_by else hint
        return f"there is no program {name} on the PATH{hint}"


def meant(path: Path) -> str:
    """What to append to a message about a path that is not there: a name beside it that is close."""
    try:
        beside = [entry.name for entry in path.parent.iterdir() if not entry.name.startswith(".")]
    except OSError:
        return ""
    close = nearest(path.name, beside)
    return f"; did you mean {close}?" if close else ""


def own_file(word: str, folder: Path) -> Path | None:
    """The file of the scenario's folder that a word names; one outside of it is none."""
    file = folder / word
    return file if file.is_file() and (not word.startswith("/") or file.is_relative_to(folder)) else None


def first_line(file: Path) -> list[str]:
    """The words of a script's first line, ``#!`` left out; none where it has no such line."""
    with file.open("rb") as opened:
        first = opened.readline(512)
    return first[2:].decode("utf-8", "replace").split() if first.startswith(b"#!") else []
