"""What there is to run, by group; each item is run alone and says what came of it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from drillbook.validation.discovery import find, name
from drillbook.validation.loader import load
from tests.gallery.bug import Bug, bases, bugs
from tests.gallery.drill import Outcome, complaint, finished, remove_images, run, run_known_good, run_planted
from tests.nightly.results import ROOT, Fate
from tests.soak import seeds

NIGHTLY = ("drills", "gallery", "seeds", "soak", "benchmarks")
"""All that `make test` leaves out."""
REPORTS = Path("reports/nightly")
THE_MACHINE = "the machine"
"""In the reason of a verdict that nothing could be proven, where the cause is that the machine was too slow."""
WITHIN_SECONDS = 3600.0
AT_ONCE = ("-n", "4", "--dist", "loadfile", "--no-loadscope-reorder")
"""As `make test` runs them."""


@dataclass(frozen=True)
class Ended:
    """What came of one item."""

    fate: Fate
    said: str = ""


@dataclass(frozen=True)
class Item:
    """One thing to run."""

    group: str
    name: str
    run: Callable[[], Ended]
    busy: bool = False
    """Whether busy loops run beside it even where nobody asks for them."""


def items(group: str, count: int) -> list[Item]:
    """The items of a group, in their order.

    Args:
        group: one of `GROUPS`.
        count: how many, of seeds, kills and repetitions.
    """
    return list(GROUPS[group](count))


def drill_ended(outcome: Outcome, red: tuple[str, ...]) -> Ended:
    """What a drill's outcome comes to.

    Args:
        red: the invariants that it must break, sorted.
    """
    said = complaint(outcome, red)
    if not said:
        return Ended("passed")
    named = outcome.inconclusive and all(THE_MACHINE in reason for reason in outcome.inconclusive.values())
    as_expected = set(outcome.broken) <= set(red) <= {*outcome.broken, *outcome.inconclusive}
    return Ended("machine" if named and as_expected and not outcome.failed else "failed", said)


def _tests(_count: int) -> Iterator[Item]:
    for file in sorted((ROOT / "tests").glob("*/test_*.py")):
        path = str(file.relative_to(ROOT))
        yield Item("test", path.removeprefix("tests/"), partial(_pytest, path))


def _drills(_count: int) -> Iterator[Item]:
    for file in find([ROOT / "scenarios"]):
        yield Item("drills", name(file), partial(_drill, file))


def _gallery(_count: int) -> Iterator[Item]:
    for base in bases():
        yield Item("gallery", base, partial(_known_good, base))
    for bug in bugs():
        yield Item("gallery", bug.slug, partial(_planted, bug))


def _seeds(count: int) -> Iterator[Item]:
    for seed in range(1, count + 1):
        yield Item("seeds", str(seed), partial(_seed, seed))


def _soak(count: int) -> Iterator[Item]:
    yield Item("soak", f"{count} kills", partial(_command, [sys.executable, "tests/soak/kills.py", str(count)]))


def _benchmarks(_count: int) -> Iterator[Item]:
    for file in sorted((ROOT / "benchmarks").glob("*.py")):
        yield Item("benchmarks", file.stem, partial(_command, [sys.executable, str(file.relative_to(ROOT))]))


def _repetitions(count: int) -> Iterator[Item]:
    """The part of `make test` on real containers; every second time beside busy loops."""
    for number in range(1, count + 1):
        yield Item("repeat", f"{number:02}", partial(_pytest, "tests/drills", *AT_ONCE), busy=number % 2 == 0)


GROUPS: dict[str, Callable[[int], Iterator[Item]]] = {
    "test": _tests,
    "drills": _drills,
    "gallery": _gallery,
    "seeds": _seeds,
    "soak": _soak,
    "benchmarks": _benchmarks,
    "repeat": _repetitions,
}


def _pytest(*arguments: str) -> Ended:
    return _command([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments])


def _command(command: list[str]) -> Ended:
    """A command that passes by its exit code; what fell is told as pytest sums it up."""
    try:
        done = finished(command, WITHIN_SECONDS)
    except subprocess.TimeoutExpired:
        return Ended("failed", f"it did not end within {WITHIN_SECONDS:g} s")
    lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    fallen = [line for line in lines if line.startswith(("FAILED", "ERROR"))]
    return Ended("passed" if done.returncode == 0 else "failed", "; ".join([*fallen, *lines[-1:]]).strip("= "))


def _drill(file: Path) -> Ended:
    expected = load(file).expect
    return drill_ended(run(file, REPORTS), tuple(sorted(expected.broken)) if expected else ())


def _known_good(base: str) -> Ended:
    return drill_ended(run_known_good(base, REPORTS), ())


def _planted(bug: Bug) -> Ended:
    outcome = run_planted(bug, REPORTS)
    remove_images(bug, [outcome])
    return drill_ended(outcome, bug.red)


def _seed(seed: int) -> Ended:
    result = seeds.one(seed)
    if result.fate == "inconclusive with cause":
        return Ended("no fault", result.outcome.doubt)
    return drill_ended(result.outcome, ())
