"""``python -m tests.gallery``: plant bugs, run them beside their known-good controls, and write the table of ``docs/detection.md``.

    python -m tests.gallery                      every bug and every base, three runs each, and the table
    python -m tests.gallery run F2 F20 --runs 1  some bugs and their bases; writes no table
    python -m tests.gallery plant F2 /tmp/f2     the drill of a bug (or a base, by its name) in a new folder, to look at or to run

Exits with 1 when a bug did not break exactly its invariants, or a known-good control did not hold.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from . import page
from .bug import Bug, GalleryError, bases, bugs, copy, plant
from .drill import Outcome, complaint, remove_images, run_known_good, run_planted

REPORTS = Path("reports/gallery")


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb")
    running = verbs.add_parser("run", help="run some bugs and their bases")
    running.add_argument("ids", nargs="*", metavar="ID")
    running.add_argument("--no-controls", action="store_true", help="only the bugs")
    for one in (parser, running):
        one.add_argument("--runs", type=int, default=3, help="of each drill (default: 3)")
        one.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="drills at once (default: one a core)")
    planting = verbs.add_parser("plant", help="write a drill into a folder")
    planting.add_argument("what", help="a bug's id, or a base")
    planting.add_argument("folder", type=Path)
    given = parser.parse_args()
    try:
        known = bugs()
        if given.verb == "plant":
            _plant(known, given.what, given.folder)
            return
        ids = getattr(given, "ids", [])
        chosen = [bug for bug in known if bug.id in ids] if ids else known
        if unknown := set(ids) - {bug.id for bug in known}:
            raise GalleryError(f"there is no bug {', '.join(sorted(unknown))}; there are {', '.join(bug.id for bug in known)}.")
        wanted = [] if getattr(given, "no_controls", False) else sorted({bug.base for bug in chosen})
        good = _run(chosen, wanted, given.runs, given.jobs, write=given.verb is None)
    except GalleryError as error:
        sys.exit(str(error))
    sys.exit(0 if good else 1)


def _plant(known: Sequence[Bug], what: str, folder: Path) -> None:
    if what in bases():
        copy(what, folder)
    else:
        found = [bug for bug in known if bug.id == what]
        if not found:
            raise GalleryError(f"there is no bug and no base {what}.")
        plant(found[0], folder)
    print(f"drillbook run {folder}")


def _run(chosen: Sequence[Bug], wanted: Sequence[str], runs: int, jobs: int, write: bool) -> bool:
    """Run everything, the known-good controls first; tell each run as it ends."""

    def told(name: str, red: tuple[str, ...], run: Callable[[], Outcome]) -> Outcome:
        outcome = run()
        said = complaint(outcome, red)
        print(f"{'NO' if said else 'ok'} {name}: {outcome.verdict} {', '.join(outcome.broken)}{f' -- {said}' if said else ''}", flush=True)
        return outcome

    with ThreadPoolExecutor(jobs) as pool:
        known_good = {base: [pool.submit(told, base, (), partial(run_known_good, base, REPORTS)) for _ in range(runs)] for base in wanted}
        planted = {
            bug.id: [pool.submit(told, bug.slug, bug.red, partial(run_planted, bug, REPORTS)) for _ in range(runs)] for bug in chosen
        }
        controls = {base: [future.result() for future in futures] for base, futures in known_good.items()}
        found = {number: [future.result() for future in futures] for number, futures in planted.items()}
    for bug in chosen:
        remove_images(bug, found[bug.id])
    if write:
        page.write(page.PLANTED, page.planted(chosen, found, controls))
    wrong = sum(bool(complaint(outcome, bug.red)) for bug in chosen for outcome in found[bug.id])
    wrong += sum(bool(complaint(outcome, ())) for outcomes in controls.values() for outcome in outcomes)
    total = sum(map(len, [*found.values(), *controls.values()]))
    print(f"{total - wrong} of {total} runs as expected")
    return wrong == 0


if __name__ == "__main__":
    main()
