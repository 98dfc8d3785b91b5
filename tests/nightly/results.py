"""What came of each item, one JSON line each, kept as it comes, with the commit and the machine it came on."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, get_args

ROOT = Path(__file__).parents[2]
FILE = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "drillbook" / "nightly.jsonl"
"""Outside of the checkout, so that a new one goes on where the last one stopped."""
PAGES = (":!docs", ":!*.md", ":!tests/durations.json")
"""What changes nothing of what is run."""
Fate = Literal["passed", "failed", "machine", "no fault"]
"""``machine``: nothing was proven, and the verdict names the machine as the cause. ``no fault``: nothing was proven, as a fault that was
drawn at random did not come to take effect."""


@dataclass(frozen=True)
class Result:
    """One item that has ended."""

    group: str
    item: str
    busy: bool
    """Whether busy loops ran beside it."""
    fate: Fate
    said: str
    """What is to be known of it, in one sentence."""
    seconds: float
    at: str
    """When it ended, UTC."""
    commit: str
    """With a digest of what was not committed, where there was any."""
    cores: int
    kernel: str
    load: float
    """Load average of the last minute when it ended."""

    @property
    def key(self) -> tuple[str, str, bool, str]:
        """What makes running it again needless."""
        return self.group, self.item, self.busy, self.commit


def result(group: str, item: str, busy: bool, fate: Fate, said: str, seconds: float, commit: str) -> Result:
    """A result that came here and now."""
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    cores = len(os.sched_getaffinity(0))
    return Result(group, item, busy, fate, said, round(seconds, 1), now, commit, cores, platform.release(), round(os.getloadavg()[0], 1))


class Results:
    """The file of results.

    Args:
        file: made with its folder when the first one comes.
    """

    def __init__(self, file: Path = FILE) -> None:
        self._file = file

    def all(self) -> list[Result]:
        """Every result, the oldest first; a line that was cut off when its writer was killed is none."""
        lines = self._file.read_text(encoding="utf-8").splitlines() if self._file.exists() else []
        return [Result(**json.loads(line)) for line in lines if line.endswith("}")]

    def add(self, one: Result) -> None:
        """Keep one more; it is on disk when this returns."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        cut_off = self._file.exists() and not self._file.read_bytes().endswith(b"\n")
        with self._file.open("a", encoding="utf-8") as file:
            file.write(("\n" if cut_off else "") + json.dumps(asdict(one)) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def forget(self, keys: Collection[tuple[str, str, bool, str]]) -> None:
        """Leave out what is to be run again."""
        kept = [one for one in self.all() if one.key not in keys]
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_text("".join(json.dumps(asdict(one)) + "\n" for one in kept), encoding="utf-8")


def commit(root: Path = ROOT) -> str:
    """The last commit that changed what is run, pages left out, with a digest of what was changed since."""

    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=True).stdout

    changed = git("diff", "HEAD", "--", ".", *PAGES)
    digest = f"+{hashlib.sha256(changed.encode()).hexdigest()[:6]}" if changed else ""
    return f"{git('log', '-1', '-m', '--first-parent', '--abbrev=10', '--format=%h', '--', '.', *PAGES).strip()}{digest}"


def table(results: Iterable[Result]) -> str:
    """Every result in a line, and below it how many there were of each fate."""
    rows = list(results)
    names = [f"{one.group} {one.item}" for one in rows]
    width = max(map(len, names), default=0)
    lines = [
        f"{one.fate:8} {name:{width}} {one.seconds:7.1f} s  load {one.load:5.1f}  {one.at}{f'  {one.said}' if one.fate != 'passed' else ''}"
        for one, name in zip(rows, names, strict=True)
    ]
    return "\n".join([*lines, told(rows)])


def told(rows: Sequence[Result]) -> str:
    """How many there were of each fate, and on which machine, in one line."""
    counts = {fate: sum(one.fate == fate for one in rows) for fate in get_args(Fate)}
    excused = f", {counts['machine']} inconclusive with the machine named as the cause" if counts["machine"] else ""
    excused += f", {counts['no fault']} inconclusive as a drawn fault did not come to take effect" if counts["no fault"] else ""
    where = f"; {rows[-1].cores} cores, Linux {rows[-1].kernel}, commit {rows[-1].commit}" if rows else ""
    return f"{len(rows)} items: {counts['passed']} passed, {counts['failed']} failed{excused}{where}"
