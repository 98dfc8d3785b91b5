"""``python -m tests.nightly [GROUP ...]``: run long things item by item and keep what comes of each in ``~/.local/state``.

    python -m tests.nightly                        all that `make test` leaves out: drills, planted bugs, seeds, kills, benchmarks
    python -m tests.nightly drills gallery --busy  beside four busy loops
    python -m tests.nightly repeat --count 20      the tests on real containers again and again, every second time beside busy loops

What has a result of this commit is not run again, unless ``--fresh`` asks for it. Exits with 1 when something fell, with 130 after
Ctrl-C; the next call goes on from there.
"""

from __future__ import annotations

import argparse
import sys
import time
from contextlib import nullcontext
from dataclasses import replace

from tests.gallery import page
from tests.nightly.busy import busy_loops
from tests.nightly.items import GROUPS, NIGHTLY, Ended, Item, items
from tests.nightly.repetitions import text
from tests.nightly.results import Result, Results, commit, result, table


def main() -> int:
    """Do what the command line says; gives the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"of {', '.join(GROUPS)}")
    parser.add_argument("--busy", action="store_true", help="with busy loops beside every item")
    parser.add_argument("--count", type=int, default=20, help="of seeds, kills and repetitions (default: 20)")
    parser.add_argument("--fresh", action="store_true", help="run again what has a result")
    parser.add_argument("--list", action="store_true", help="run nothing: print the items, and what came of them so far")
    parser.add_argument("--write", action="store_true", help="write the section of docs/detection.md")
    given = parser.parse_args()
    if unknown := set(given.groups) - GROUPS.keys():
        parser.error(f"there is no group {', '.join(sorted(unknown))}; there are {', '.join(GROUPS)}")
    wanted = [one for group in given.groups or NIGHTLY for one in items(group, given.count)]
    wanted = [replace(one, busy=one.busy or given.busy) for one in wanted]
    kept, head = Results(), commit()
    if given.list:
        done = _done(kept, wanted, head)
        print("\n".join(f"{done[one].fate if one in done else '-':8} {one.group} {one.name}" for one in wanted))
        return 0
    if given.fresh:
        kept.forget({_key(one, head) for one in wanted})
    try:
        run(wanted, kept, head)
    except KeyboardInterrupt:
        print("interrupted: the next call goes on from here")
        return 130
    finally:
        if given.write:
            page.write(page.REPEATED, text(kept.all()))
    results = list(_done(kept, wanted, head).values())
    print(table(results))
    return int(any(one.fate == "failed" for one in results))


def run(wanted: list[Item], kept: Results, head: str) -> None:
    """Run what has no result yet, one after the other, and tell each as it ends."""
    done = _done(kept, wanted, head)
    left = [one for one in wanted if one not in done]
    print(f"{len(left)} of {len(wanted)} items to run", flush=True)
    for one in left:
        begun = time.monotonic()
        with busy_loops() if one.busy else nullcontext():
            ended = _ended(one)
        if one.busy and ended.fate == "machine":
            ended = confirmed(ended, _ended(one))
        came = result(one.group, one.name, one.busy, ended.fate, ended.said, time.monotonic() - begun, head)
        kept.add(came)
        print(table([came]).splitlines()[0], flush=True)


def confirmed(busy: Ended, alone: Ended) -> Ended:
    """What the machine excuses must be as it should without the loops: beside them it is always starved, whatever is wrong."""
    return Ended("failed", f"{busy.said}; and alone: {alone.said}") if alone.fate in ("failed", "machine") else busy


def _ended(one: Item) -> Ended:
    """What came of an item; a defect of its program is a failure of it and does not end the night."""
    try:
        return one.run()
    except Exception as defect:
        return Ended("failed", f"{type(defect).__name__}: {defect}")


def _key(one: Item, head: str) -> tuple[str, str, bool, str]:
    return one.group, one.name, one.busy, head


def _done(kept: Results, wanted: list[Item], head: str) -> dict[Item, Result]:
    """The items that have a result of this commit."""
    by_key = {one.key: one for one in kept.all()}
    return {one: by_key[_key(one, head)] for one in wanted if _key(one, head) in by_key}


if __name__ == "__main__":
    sys.exit(main())
