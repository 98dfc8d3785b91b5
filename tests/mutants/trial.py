"""One mutant's trial: it is planted in a copy, and the tests that run its line are run until one falls."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass

from tests.mutants.mutants import Mutant
from tests.mutants.plugin import TESTS
from tests.mutants.reach import Reach
from tests.mutants.tree import PACKAGE, Tree

LEAST_SECONDS = 60.0
TIMES_LONGER = 3.0
"""What runs so much longer than it does without the mistake does not end."""
UNREACHED = "no test runs it"
_FALLEN = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)


@dataclass(frozen=True)
class Trial:
    """How it ended."""

    killed: bool
    by: str
    """The test that fell, or why none did."""


def tried(mutant: Mutant, reach: Reach, tree: Tree, rings: int) -> Trial:
    """What becomes of a mutant; the copy is left as it was.

    Args:
        mutant: to be planted.
        reach: which tests run its line.
        tree: the copy; nobody else uses it meanwhile.
        rings: how many rings of files of tests are asked.
    """
    asked = 0
    for ring in range(1, rings + 1):
        tests = reach.chosen(mutant, reach.ring(mutant, ring), tree)
        asked += len(tests)
        if tests and (trial := _tried_with(tests, mutant, reach, tree)).killed:
            return trial
    return Trial(False, f"{asked} tests run it" if asked else UNREACHED)


def _tried_with(tests: list[str], mutant: Mutant, reach: Reach, tree: Tree) -> Trial:
    path = tree.folder / PACKAGE / mutant.file
    text, stat = path.read_text(encoding="utf-8"), path.stat()
    path.write_text(mutant.planted(text), encoding="utf-8")
    try:
        return _run(tests, LEAST_SECONDS + TIMES_LONGER * reach.seconds(tests), tree)
    finally:
        path.write_text(text, encoding="utf-8")
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def _run(tests: list[str], within: float, tree: Tree) -> Trial:
    chosen = tree.folder / "chosen.txt"
    chosen.write_text("\n".join(tests), encoding="utf-8")
    files = list(dict.fromkeys(test.partition("::")[0] for test in tests))
    pytest = ["-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-p", "tests.mutants.plugin", *files]
    # Nothing compiled is kept: what is there is of the text without the mistake.
    environment = {TESTS: str(chosen), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = tree.python(pytest, within, environment)
    except subprocess.TimeoutExpired:
        return Trial(True, f"it did not end within {within:.0f} s")
    if done.returncode == 0:
        return Trial(False, f"{len(tests)} tests run it")
    fallen = _FALLEN.search(done.stdout)
    return Trial(True, fallen[1] if fallen else "nothing could be run")
