"""In what order the files of tests are dealt out to workers, so that none is left alone with a long one at the end.

A file of drills waits most of its time and a file of unit tests works, so the two kinds take turns: each is begun when as large a share of
its kind's time has been dealt out as of the other's. Within a kind the longest come first.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).parents[1] / "durations.json"
"""Seconds by file, as ``pytest tests --write-durations`` measured them."""
WAITING = ("drills", "gallery")
"""Folders of tests that wait for containers."""
INCONCLUSIVE = {True: 10.0, False: 0.2}
"""Seconds of a test in a file that was never measured, by whether it waits."""


@dataclass(frozen=True)
class File:
    """One file of tests.

    Args:
        path: below `tests/`.
        tests: how many it has.
        seconds: as measured; None where it was not.
    """

    path: str
    tests: int
    seconds: float | None = None

    @property
    def waits(self) -> bool:
        """Whether its tests wait for containers."""
        return self.path.startswith(WAITING)

    @property
    def expected(self) -> float:
        """Seconds it will take."""
        return self.tests * INCONCLUSIVE[self.waits] if self.seconds is None else self.seconds


def order(files: Iterable[File]) -> list[File]:
    """The files in the order in which they are to be begun; the same for the same files, whatever order they come in."""
    longest_first = sorted(files, key=lambda file: (-file.expected, file.path))
    share: dict[File, float] = {}
    for waits in (True, False):
        kind = [file for file in longest_first if file.waits == waits]
        total, dealt = sum(file.expected for file in kind) or 1.0, 0.0
        for file in kind:
            share[file] = dealt / total
            dealt += file.expected
    return sorted(longest_first, key=lambda file: share[file])


def measured(file: Path = FILE) -> dict[str, float]:
    """Seconds by file, as they were written last."""
    return dict(json.loads(file.read_text(encoding="utf-8"))) if file.exists() else {}


def write(seconds: Mapping[str, float], file: Path = FILE) -> None:
    """Write what was measured now beside what is known of other files; those that are gone are left out."""
    known = {path: took for path, took in {**measured(file), **seconds}.items() if (file.parent / path).exists()}
    rounded = {path: round(took, 1) for path, took in sorted(known.items())}
    file.write_text(json.dumps(rounded, indent=1) + "\n", encoding="utf-8")
