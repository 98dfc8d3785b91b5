"""A copy of the tree, in which mistakes are planted, and a wall around what runs in it.

A planted mistake may sit where processes are found and killed, so what runs with it sees no others: it has process ids of its own. It may
write without an end, so no file of it grows far. It has a home and temporary files of its own, no Docker engine, and ends when whoever
planted it does (``setpriv``, ``unshare`` and ``prlimit``, of util-linux).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = Path("harness") / "drillbook"
WALL = (
    *("setpriv", "--pdeathsig", "KILL"),
    *("unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc", "--kill-child"),
    *("prlimit", "--fsize=500000000"),
)
NOT_COPIED = shutil.ignore_patterns(
    ".git", ".venv", "reports", ".hypothesis", "build", "dist", ".mypy_cache", ".ruff_cache", ".pytest_cache", "__pycache__"
)


def has_wall() -> bool:
    """Whether this machine can put a wall around what runs."""
    try:
        return subprocess.run([*WALL, "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


class Tree:
    """One copy.

    Args:
        folder: where it is made; it is not there yet.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(ROOT, folder, ignore=NOT_COPIED, symlinks=True)
        self._home = folder.with_name(f"{folder.name}-home")
        self._home.mkdir()

    def python(self, arguments: Sequence[str], within: float, more: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run Python in the copy, behind the wall.

        Args:
            arguments: of the interpreter.
            within: seconds until it is killed, with all it has started.
            more: of its environment.

        Raises:
            TimeoutExpired: it was killed.
        """
        return subprocess.run(
            [*WALL, sys.executable, *arguments],
            cwd=self.folder,
            env={**self._environment(), **(more or {})},
            capture_output=True,
            text=True,
            errors="replace",
            timeout=within,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    def _environment(self) -> dict[str, str]:
        home = str(self._home)
        kept = {name: value for name, value in os.environ.items() if name != "XDG_STATE_HOME"}
        path = os.pathsep.join([str(self.folder / "harness"), *kept.get("PYTHONPATH", "").split(os.pathsep)]).rstrip(os.pathsep)
        return {**kept, "PYTHONPATH": path, "HOME": home, "TMPDIR": home, "DOCKER_HOST": f"unix://{home}/no-engine"}
