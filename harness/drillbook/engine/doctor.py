"""What a machine needs for a drill, asked one by one; `drillbook doctor` shows the answers."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import docker

from drillbook.core.errors import HarnessError
from drillbook.engine import engine
from drillbook.engine.images import rows

OLDEST_ENGINE = (20, 10)
SPACE = 5 * 10**9
"""Bytes that the images, their building and a few runs want."""
TOOLS = ("bash", "docker", "curl")
"""Programs that playbooks of the shipped drills call."""
CONTAINER_MARKS = (Path("/.dockerenv"), Path("/run/.containerenv"))
"""One of them is there within a container: Docker's, Podman's."""


@dataclass(frozen=True)
class Check:
    """One answer.

    Args:
        name: what was asked.
        ok: whether a drill can run with it.
        detail: what was found.
        hint: what to do about it; empty where nothing is to be done.
    """

    name: str
    ok: bool
    detail: str
    hint: str = ""

    @property
    def mark(self) -> str:
        """``ok``, ``note`` where a drill can run and there is something to know first, ``NO`` where it cannot."""
        return "NO" if not self.ok else "note" if self.hint else "ok"


def checks() -> list[Check]:
    """Every check, in the order in which to mend what is missing."""
    answers = [_python(), _cores(), _space(Path.cwd()), _tools(), _host()]
    try:
        client = engine.connect()
    except HarnessError as error:
        return [*answers, Check("engine", False, error.message, error.hint)]
    return [*answers, _engine(client), _engine_space(client), _images()]


def _python() -> Check:
    version = ".".join(str(part) for part in sys.version_info[:3])
    return Check("python", sys.version_info >= (3, 11), version, "" if sys.version_info >= (3, 11) else "Use Python 3.11 or later.")


def _cores() -> Check:
    count = len(os.sched_getaffinity(0))
    return Check(
        "cores",
        count >= 2,
        f"{count}",
        "" if count >= 2 else "Drills need at least two: broker, database, workers and load run side by side.",
    )


def _space(folder: Path) -> Check:
    free = shutil.disk_usage(folder).free
    hint = "" if free >= SPACE else f"Free up {SPACE / 1e9:g} GB, or run from another folder."
    return Check("disk space", free >= SPACE, f"{free / 1e9:.0f} GB free for {folder}", hint)


def _tools() -> Check:
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if not missing:
        return Check("playbook tools", True, ", ".join(TOOLS))
    return Check("playbook tools", False, f"{', '.join(missing)} not found", "Install them; the playbooks of the shipped drills call them.")


def _host() -> Check:
    if not any(mark.exists() for mark in CONTAINER_MARKS):
        return Check("environment", True, "not in a container")
    return Check("environment", True, "in a container", "Docker's published ports must be reachable on 127.0.0.1 in it.")


def _engine(client: docker.DockerClient) -> Check:
    version = str(client.version()["Version"])
    numbers = tuple(int(part) for part in version.split(".")[:2])
    ok = numbers >= OLDEST_ENGINE
    return Check("engine", ok, f"Docker {version}", "" if ok else f"Use Docker {'.'.join(map(str, OLDEST_ENGINE))} or later.")


def _engine_space(client: docker.DockerClient) -> Check:
    root = Path(str(client.info()["DockerRootDir"]))
    if not root.is_dir():
        return Check("engine disk space", True, f"{root} is not on this machine")
    check = _space(root)
    return Check(
        "engine disk space", check.ok, check.detail, "" if check.ok else "Remove unused images and containers (docker system prune)."
    )


def _images() -> Check:
    missing = [row.name for row in rows() if not row.reference]
    if not missing:
        return Check("images", True, "all present")
    return Check(
        "images", True, f"{', '.join(missing)} not pulled or built yet", "`drillbook images --ensure` has them ready before the first run."
    )
