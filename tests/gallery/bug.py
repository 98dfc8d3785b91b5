"""Bugs and the base drills they are planted into: one patch file a bug, its head in words, the rest a unified diff."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
BASES = HERE / "bases"
BUGS = HERE / "bugs"
KEYS = ("base", "red", "why")


class GalleryError(Exception):
    """A bug file cannot be used; the message says which, and what is wrong with it."""


@dataclass(frozen=True)
class Bug:
    """One planted bug.

    Its file is named ``<id>-<words>.patch``. The head is ``<id>: <title>`` and the lines ``base:``, ``red:`` and ``why:``, each going on
    in indented lines; what follows, from the first ``--- a/``, is a diff against the base's folder.
    """

    id: str
    """Of the catalogue of failures: ``F2``."""
    title: str
    """What is planted, in one sentence."""
    base: str
    """The folder of the known-good drill."""
    red: tuple[str, ...]
    """The invariants that it must break, all of them, sorted."""
    why: str
    """Why it must break just these."""
    file: Path

    @property
    def slug(self) -> str:
        """The file's name without its ending."""
        return self.file.stem


def read(file: Path) -> Bug:
    """Read one bug file.

    Raises:
        GalleryError: its head is not as it must be, or there is no diff in it.
    """
    head, mark, _ = file.read_text(encoding="utf-8").partition("\n--- a/")
    paragraphs = re.sub(r"\n\s+", " ", head.strip()).splitlines()
    first, *rest = paragraphs or [""]
    number, colon, title = first.partition(": ")
    said = {key: text.strip() for key, separator, text in (line.partition(":") for line in rest) if separator}
    if not mark or not colon or sorted(said) != sorted(KEYS) or not all(said.values()):
        raise GalleryError(f"{file}: a bug is '<id>: <title>', then the lines {', '.join(f'{key}:' for key in KEYS)}, then a diff.")
    if not (BASES / said["base"] / "scenario.yaml").is_file():
        raise GalleryError(f"{file}: there is no base {said['base']}; there are {', '.join(bases())}.")
    if not file.stem.startswith(f"{number}-"):
        raise GalleryError(f"{file}: the file of {number} must be named {number}-<words>.patch.")
    return Bug(number, title, said["base"], tuple(sorted(re.split(r",\s*", said["red"]))), said["why"], file)


def bugs() -> list[Bug]:
    """Every bug, in the order of their numbers."""
    return sorted(map(read, BUGS.glob("*.patch")), key=lambda bug: int(re.sub(r"\D", "", bug.id) or 0))


def bases() -> list[str]:
    """The names of the base drills."""
    return sorted(path.parent.name for path in BASES.glob("*/scenario.yaml"))


def copy(base: str, folder: Path) -> Path:
    """Copy a base drill as it is, with the worker and the tools that its links point to.

    Args:
        folder: where to; must not be there.
    """
    shutil.copytree(BASES / base, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def plant(bug: Bug, folder: Path) -> Path:
    """Copy the bug's base and change it as the bug says.

    Args:
        folder: where to; must not be there.

    Raises:
        GalleryError: the diff does not apply to the base as it is now.
    """
    copy(bug.base, folder)
    # A folder inside of a repository would make git look for the paths from the repository's root.
    environment = os.environ | {"GIT_DIR": os.devnull}
    command = ["git", "apply", "--whitespace=nowarn", str(bug.file.resolve())]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        raise GalleryError(f"{bug.file}: the diff does not apply to the base {bug.base} any more: {done.stderr.strip()}")
    return folder
