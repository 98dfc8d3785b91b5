"""``python -m tests.mutants [PACKAGE ...]``: plant mistakes at random, and see which of them the unit tests notice.

    python -m tests.mutants                          20 in each package
    python -m tests.mutants drive faults --count 12  12 in each of these two
    python -m tests.mutants drive --rings 1          asks only tests that import the mutant's own module, which is quick
    python -m tests.mutants --list                   run nothing: print what is drawn, and what came of it so far

Each is planted in a copy, never here. What came of each is kept in ``~/.local/state/drillbook/mutants.jsonl``; what has a result of this
commit is not tried again, unless ``--fresh`` asks for it.
"""

from __future__ import annotations

import argparse
import sys
import time
import tomllib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory
from threading import Lock

from tests.mutants import page
from tests.mutants.mutants import Mutant, draw, equivalents, mutants
from tests.mutants.reach import RINGS, Reach
from tests.mutants.tree import PACKAGE, ROOT, WALL, Tree, has_wall
from tests.mutants.trial import tried
from tests.nightly.results import FILE, Result, Results, commit, result

EQUIVALENT = Path(__file__).with_name("equivalent.toml")
NOT_OURS = ("templates/", "drills/", "images/flagd/")
"""Programs for the world outside, which happen to lie in the package."""


def main() -> int:
    """Do what the command line says; gives the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packages", nargs="*", metavar="PACKAGE", help="of harness/drillbook (default: every one)")
    parser.add_argument("--count", type=int, default=20, help="mutants of each package (default: 20)")
    parser.add_argument("--seed", type=int, default=1, help="of the draw (default: 1)")
    parser.add_argument("--jobs", type=int, default=2, help="mutants tried at once (default: 2)")
    parser.add_argument(
        "--rings", type=int, default=RINGS, choices=range(1, RINGS + 1), help="1: ask only the tests that import its module (default: all)"
    )
    parser.add_argument("--fresh", action="store_true", help="try again what has a result")
    parser.add_argument("--list", action="store_true", help="run nothing: print what is drawn, and what came of it so far")
    parser.add_argument("--write", action="store_true", help="write the table of CONTRIBUTING.md")
    given = parser.parse_args()
    every = list(everything())
    if unknown := set(given.packages) - {mutant.package for mutant in every}:
        parser.error(f"there is no package {', '.join(sorted(unknown))} with anything to mutate")
    drawn = draw(every, given.count, given.seed, equivalents(tomllib.loads(EQUIVALENT.read_text(encoding="utf-8"))))
    drawn = [mutant for mutant in drawn if not given.packages or mutant.package in given.packages]
    kept, head = Results(FILE.with_name("mutants.jsonl")), commit()
    if given.fresh:
        kept.forget({_key(mutant, head) for mutant in drawn})
    if not given.list:
        if not has_wall():
            parser.error(f"this machine cannot run `{' '.join(WALL)}`, without which a mutant might end other processes")
        try:
            _try(drawn, kept, head, given.jobs, given.rings)
        except KeyboardInterrupt:
            print("interrupted: the next call goes on from here")
            return 130
    done = _done(drawn, kept, head)
    for mutant in drawn:
        print(_line(mutant, done.get(mutant)))
    if done:
        print(page.table(list(done.items()), given.seed))
    if given.write:
        page.write(page.table(list(done.items()), given.seed))
    return 0


def everything() -> Iterator[Mutant]:
    """All that can be planted in the package."""
    package = ROOT / PACKAGE
    for path in sorted(package.rglob("*.py")):
        name = path.relative_to(package).as_posix()
        if not any(part in name for part in NOT_OURS):
            yield from mutants(name, path.read_text(encoding="utf-8"))


def _try(drawn: Sequence[Mutant], kept: Results, head: str, jobs: int, rings: int) -> None:
    done = _done(drawn, kept, head)
    left = [mutant for mutant in drawn if mutant not in done]
    print(f"{len(left)} of {len(drawn)} mutants to try", flush=True)
    if not left:
        return
    lock = Lock()
    with _trees(jobs) as trees, ThreadPoolExecutor(jobs) as pool:
        reach = Reach(FILE.with_name("reach"), ROOT / "tests" / "unit")

        def try_one(mutant: Mutant) -> None:
            begun = time.monotonic()
            with _one_of(trees) as tree:
                trial = tried(mutant, reach, tree, rings)
            fate = "passed" if trial.killed else "failed"
            with lock:
                came = result("mutants", str(mutant), False, fate, trial.by, time.monotonic() - begun, head)
                kept.add(came)
                print(_line(mutant, came), flush=True)

        trials = [pool.submit(try_one, mutant) for mutant in left]
        try:
            for trial in trials:
                trial.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _trees(count: int) -> Iterator[SimpleQueue[Tree]]:
    with TemporaryDirectory(prefix="drillbook-mutants-") as folder:
        trees: SimpleQueue[Tree] = SimpleQueue()
        for number in range(count):
            trees.put(Tree(Path(folder) / f"tree{number}"))
        yield trees


@contextmanager
def _one_of(trees: SimpleQueue[Tree]) -> Iterator[Tree]:
    tree = trees.get()
    try:
        yield tree
    finally:
        trees.put(tree)


def _line(mutant: Mutant, came: Result | None) -> str:
    return f"{'-' if came is None else 'killed' if came.fate == 'passed' else 'SURVIVED':8} {mutant}  {came.said if came else ''}"


def _key(mutant: Mutant, head: str) -> tuple[str, str, bool, str]:
    return "mutants", str(mutant), False, head


def _done(drawn: Sequence[Mutant], kept: Results, head: str) -> dict[Mutant, Result]:
    by_key = {one.key: one for one in kept.all()}
    return {mutant: by_key[_key(mutant, head)] for mutant in drawn if _key(mutant, head) in by_key}


if __name__ == "__main__":
    sys.exit(main())
