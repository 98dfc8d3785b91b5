"""Run a correct system with faults drawn at random, and demand that nothing is red: ``python -m tests.soak.seeds [COUNT] [FIRST]``.

Drill number n is made by seed n alone: its faults, their moments and the drill's own seed. A correct system must survive all of them, so
every red is a false alarm of the judge (or a bug of the stage), and so is an ``inconclusive`` that no fault explains: one that never took
effect, because its victim was not there or no such message passed. Exits 1 when there is one.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from ruamel.yaml import YAML

from drillbook.faults.kinds import KINDS, kinds
from drillbook.validation.loader import load
from tests.gallery import page
from tests.gallery.drill import Outcome, run

CORRECT = Path(__file__).parent / "correct"
REPORTS = Path("reports/seeds")
EXPLAINED = re.compile(r'the fault ".*" (never took effect|never began|took effect only after the step|met nobody)')
"""Of a fault drawn at random: its victim was not there any more, or did nothing."""
STEPS = ("route to v1", "drain v2", "stop v2", "move leftovers")
LONG = "drain v2"
"""A step that takes long enough for a fault to take effect during it."""
WORKERS = ("workers.v1", "workers.v2")
LINKS = (*(f"{worker} -> {service}" for worker in WORKERS for service in ("broker", "database")), "load -> broker", "operator -> broker")
Fault = dict[str, Any]
TEXT = """\
A correct system, `tests/soak/correct/`, is rolled back again and again, each time with one to three faults drawn from a seed: those of
every kind on links, on workers, on broker and database; acknowledgements, deliveries, confirms and publishes lost, held back, or cut off
by a closed channel; at random moments and steps. Every invariant that makes sense is declared, and
all must hold.

```sh
make seeds COUNT={count}                           # writes this section
.venv/bin/python -m tests.soak.seeds 1 17     # one drill again, by its seed
```

| drills | seeds | held | inconclusive, as a fault did not come to take effect | red, or inconclusive without a cause |
|---|---|---|---|---|
| {count} | {seeds} | {held} | {inconclusive} | {alarms} |
"""


@dataclass(frozen=True)
class Result:
    """One seed's drill."""

    seed: int
    faults: tuple[str, ...]
    outcome: Outcome

    @property
    def fate(self) -> str:
        """``held``, ``inconclusive with cause``, or what is a false alarm: ``broken``, ``inconclusive``, ``none``."""
        explained = self.outcome.verdict == "inconclusive" and EXPLAINED.search(self.outcome.doubt)
        return "inconclusive with cause" if explained else self.outcome.verdict


def drawn(seed: int) -> list[Fault]:
    """The faults of a seed: one to three, each of another name; what a correct system must survive."""
    draw = Random(f"{seed} faults")
    return [{"name": f"fault {number}", **_fault(draw)} for number in range(1, draw.randint(1, 3) + 1)]


def _fault(draw: Random) -> Fault:
    return draw.choice((_on_a_link, _on_a_container, _on_a_service, _on_a_message, _on_a_message))(draw)


def _on_a_link(draw: Random) -> Fault:
    link, lasting = draw.choice(LINKS), _milliseconds(draw, 300, 2500)
    kind = draw.choice(kinds("link"))
    return {kind: {"link": link, **draw.choice(KINDS[kind].examples)}, **_moment(draw), "for": lasting}


def _on_a_container(draw: Random) -> Fault:
    """A worker dies or freezes. One of v2 is hit only while the playbook drains it, and stays dead: nobody may start it again."""
    target, lasting = draw.choice(WORKERS), {"for": _milliseconds(draw, 300, 2500)}
    kind = draw.choice(kinds("container"))
    if target == "workers.v2":
        kind = "kill" if KINDS[kind].momentary else kind
        moment, lasting = {"during": {"step": LONG}}, {} if KINDS[kind].stays else lasting
    else:
        moment, lasting = _moment(draw), {} if KINDS[kind].momentary else lasting
    return {kind: {"target": target, "pick": "one", **draw.choice(KINDS[kind].examples)}, **moment, **lasting}


def _on_a_service(draw: Random) -> Fault:
    kind = draw.choice([kind for kind in kinds("container") if not KINDS[kind].stays])
    target, lasting = draw.choice(("broker", "database")), {} if KINDS[kind].momentary else {"for": _milliseconds(draw, 300, 2500)}
    return {kind: {"target": target, **draw.choice(KINDS[kind].examples)}, **_moment(draw), **lasting}


def _on_a_message(draw: Random) -> Fault:
    """Something is lost, late or cut off on the wire; or a worker dies with its acknowledgement on the way."""
    event = draw.choice(("ack", "deliver", "confirm", "publish"))
    link = draw.choice(("workers.v1 -> broker", "workers.v2 -> broker")) if event in ("ack", "deliver") else "load -> broker"
    moment = {"wire": event, "nth": draw.randint(1, 40)}
    kinds: list[Fault] = [
        {"drop": {"link": link}, "on": moment | {"count": draw.randint(1, 3)}},
        {"hold": {"link": link, "delay": _milliseconds(draw, 200, 3000)}, "on": moment | {"count": draw.randint(1, 3)}},
        {"close_channel": {"link": link}, "on": moment},
    ]
    if event == "ack":
        target = link.split(" -> ")[0]
        again = {"for": _milliseconds(draw, 300, 2500)} if target == "workers.v1" else {}
        kinds.append({"kill": {"target": target, "pick": "one"}, "on": moment | {"link": link}, **again})
    return draw.choice(kinds)


def _moment(draw: Random) -> Fault:
    at_step = {draw.choice(("before", "after")): {"step": draw.choice(STEPS)}}
    return draw.choice(({"at": _milliseconds(draw, 500, 8000)}, at_step, at_step, {"during": {"step": LONG}}))


def _milliseconds(draw: Random, least: int, most: int) -> str:
    return f"{draw.randint(least, most)}ms"


def written(seed: int, folder: Path) -> Path:
    """Write the drill of a seed into a folder.

    Returns:
        Its folder.
    """
    copy = Path(shutil.copytree(CORRECT, folder / f"seed-{seed}", ignore=shutil.ignore_patterns("__pycache__")))
    yaml = YAML()
    scenario = yaml.load(copy / "scenario.yaml")
    scenario["faults"] = drawn(seed)
    yaml.dump(scenario, copy / "scenario.yaml")
    return copy


def one(seed: int) -> Result:
    """Run one seed's drill."""
    with tempfile.TemporaryDirectory(prefix="seeds-") as folder:
        outcome = run(written(seed, Path(folder)), REPORTS, seed)
    return Result(seed, tuple(map(_told, drawn(seed))), outcome)


def show(seeds: Iterable[int]) -> None:
    """Print what is drawn for each seed, once its drill has been found valid."""
    with tempfile.TemporaryDirectory(prefix="seeds-") as folder:
        for seed in seeds:
            load(written(seed, Path(folder)) / "scenario.yaml")
            print(f"seed {seed}: {'; '.join(map(_told, drawn(seed)))}")


def _told(fault: Fault) -> str:
    return " ".join(f"{key} {value}" for key, value in fault.items() if key != "name").replace("'", "")


def _tell(result: Result) -> None:
    print(f"seed {result.seed}: {result.fate}; {'; '.join(result.faults)}", flush=True)
    if result.fate != "held":
        broken = f"broken: {', '.join(result.outcome.broken)} " if result.outcome.broken else ""
        print(f"    {broken}{result.outcome.doubt}\n    {result.outcome.run_directory}", flush=True)
        print(f"    again: .venv/bin/python -m tests.soak.seeds 1 {result.seed}", flush=True)


def text(results: list[Result]) -> str:
    """The section of ``docs/detection.md``."""
    fates = Counter(result.fate for result in results)
    alarms = len(results) - fates["held"] - fates["inconclusive with cause"]
    seeds = f"{min(result.seed for result in results)} to {max(result.seed for result in results)}"
    causes = Counter(
        match[1] for result in results if result.fate == "inconclusive with cause" and (match := EXPLAINED.search(result.outcome.doubt))
    )
    inconclusive = f"{fates['inconclusive with cause']}" + (
        f" ({', '.join(f'{cause}: {count}' for cause, count in causes.items())})" if causes else ""
    )
    return TEXT.format(count=len(results), seeds=seeds, held=fates["held"], inconclusive=inconclusive, alarms=alarms)


def main() -> None:
    """Run the drills of some seeds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("count", nargs="?", type=int, default=10)
    parser.add_argument("first", nargs="?", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2, help="drills at once (default: 2)")
    parser.add_argument("--write", action="store_true", help="write the section of docs/detection.md")
    parser.add_argument("--draw", action="store_true", help="run nothing: print what is drawn")
    given = parser.parse_args()
    seeds = range(given.first, given.first + given.count)
    if given.draw:
        show(seeds)
        return

    def told(seed: int) -> Result:
        result = one(seed)
        _tell(result)
        return result

    with ThreadPoolExecutor(given.jobs) as pool:
        results = list(pool.map(told, seeds))
    fates = Counter(result.fate for result in results)
    print(", ".join(f"{count} {fate}" for fate, count in fates.most_common()))
    if given.write:
        page.write(page.CLEAN, text(results))
    sys.exit(0 if set(fates) <= {"held", "inconclusive with cause"} else 1)


if __name__ == "__main__":
    main()
