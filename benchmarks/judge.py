"""What judging costs: run directories of 10 k, 1 M and 10 M lines, judged by every invariant there is.

    python benchmarks/judge.py                       # all three sizes, three rounds each
    python benchmarks/judge.py --lines 1000000 --rounds 1

A directory holds what a drill at 1,000 tasks/s leaves: of each task its ledger line, publish, confirm, deliver and ack on the wire, its
effect and its state; one in a thousand is redelivered, one in ten thousand lost, one in twenty thousand done twice; and metrics, counters
and topology beside them. Each is judged in a process of its own: seconds from the run directory to the verdict, imports not counted, and
the most memory that process ever had. Beside it, turn about, plain Python collections do the same arithmetic on the tasks (lost, done
twice, made up, delivered too often, in two places, past the fence, too late, dropped in silence, state against effect), with no views,
stories, sentences or checks of the lines. Shown is the best of the rounds. Exit code 1 where a target is missed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

SECOND = 1_000_000_000
START = 1_763_725_000 * SECOND
LINES_OF_A_TASK = 7
RATE = 1000
"""Tasks a second."""
SAMPLES = {
    "duration": "30s",
    "version": "v2",
    "step": {"step": "stop v2"},
    "queue": "tasks.retry",
    "int": 5,
    "float": 0.5,
    "text": "charge",
}
TARGETS = {1_000_000: (3.0, None), 10_000_000: (25.0, 1024.0)}
"""Seconds and MiB at most, by lines."""


@dataclass(frozen=True)
class Cost:
    """Of one process."""

    seconds: float
    mebibytes: float
    said: dict[str, Any]


def write(folder: Path, lines: int) -> int:
    """Write a run directory of about this many lines, and give how many it has."""
    tasks = lines // LINES_OF_A_TASK
    seconds = tasks / RATE
    (folder / "leftovers.jsonl").write_text(
        "".join(f'{{"task":"{name(task)}","queue":"tasks.dead","state":"dead","deaths":1}}\n' for task in range(7, tasks, 50_021))
    )
    (folder / "timeline.jsonl").write_text("".join(json.dumps(event) + "\n" for event in timeline(seconds)))
    (folder / "metrics.jsonl").write_text("".join(metrics(seconds)))
    (folder / "counters.jsonl").write_text("".join(counters(seconds)))
    (folder / "topology.jsonl").write_text("".join(topology(seconds)))
    with ExitStack() as files:
        into = {stem: files.enter_context((folder / f"{stem}.jsonl").open("w")) for stem in ("published", "wire", "effects", "states")}
        into["wire"].write(f'{{"seq":1,"at":{START},"event":"start"}}\n')
        seq = 1
        for step in range(tasks + 100):
            now = START + step * SECOND // RATE
            for event in passing(step, tasks):
                seq += 1
                into["wire"].write(f'{{"seq":{seq},"at":{now},{event}}}\n')
            if step < tasks:
                into["published"].write(ledger(step, now))
            if 0 <= step - 50 < tasks:
                done(step - 50, now, into["effects"], into["states"])
        into["wire"].write(f'{{"seq":{seq + 1},"at":{now},"event":"end"}}\n')
    return sum(file.read_bytes().count(b"\n") for file in folder.glob("*.jsonl"))


def name(task: int) -> str:
    """The id of a task."""
    return f"{'notify' if task % 10 == 0 else 'charge'}-{task:06d}"


def lost(task: int) -> bool:
    """One in ten thousand is acknowledged and never done; those that are dead are not done either."""
    return task % 10_007 == 3 or task % 50_021 == 7


def worker(task: int) -> tuple[str, str, int]:
    """Who gets it: peer, version and connection."""
    version, number = ("v2", task % 2 + 1) if task % 3 == 0 else ("v1", task % 2 + 1)
    return f"workers.{version}.{number}", version, {"v1": 1, "v2": 3}[version] + number


def passing(step: int, tasks: int) -> Iterator[str]:
    """What passes the wire at one step: one task is published while others are confirmed, delivered and acknowledged."""
    load = '"link":"load -> broker","peer":"load","connection":1,"channel":1,'
    if step < tasks:
        yield f'"event":"publish",{load}"task":"{name(step)}","exchange":"","routing_key":"tasks.v1"'
    if 0 <= (task := step - 5) < tasks:
        yield f'"event":"confirm",{load}"task":"{name(task)}","ok":true'
    for lag, event in ((20, "deliver"), (60, "ack")):
        if 0 <= (task := step - lag) < tasks:
            again = task % 997 == 0
            yield of_worker(event if lag == 20 or not again else "nack", task, '"redelivered":false' if lag == 20 else '"requeue":true')
            if again and lag == 60:
                yield of_worker("deliver", task, '"redelivered":true')
                yield of_worker("ack", task, '"requeue":false')


def of_worker(event: str, task: int, more: str) -> str:
    """A line of the wire at a worker."""
    peer, version, connection = worker(task)
    place = f'"link":"{peer} -> broker","peer":"{peer}","version":"{version}","connection":{connection},"channel":1'
    return f'"event":"{event}",{place},"task":"{name(task)}","queue":"tasks.{version}"' + ("" if event == "ack" else f",{more}")


def ledger(task: int, now: int) -> str:
    """A line of the ledger."""
    outcome = "unknown" if task % 1009 == 5 else "ok"
    times = f'"intended_at":{now},"sent_at":{now},"resolved_at":{now + 5 * SECOND // RATE}'
    kind = name(task).partition("-")[0]
    return f'{{"task":"{name(task)}","type":"{kind}","attempt":1,"routing_key":"tasks.v1",{times},"outcome":"{outcome}"}}\n'


def done(task: int, now: int, effects: Any, states: Any) -> None:
    """A task's effect, or two, and its state."""
    peer, version, _ = worker(task)
    if not lost(task):
        for _ in range(2 if task % 20_011 == 4 else 1):
            effects.write(f'{{"task":"{name(task)}","key":"{name(task)}","version":"{version}","worker":"{peer}","at":{now}}}\n')
    state = "failed" if lost(task) else "completed"
    states.write(f'{{"task":"{name(task)}","state":"{state}","version":"{version}","worker":"{peer}","at":{now}}}\n')


def timeline(seconds: float) -> Iterator[dict[str, Any]]:
    """Phases and a playbook whose step ends when v2 gets nothing any more: after the load."""
    end = seconds + 1
    for phase, begin_at, end_at in (
        ("load", 0, seconds),
        ("playbook", end, end + 3),
        ("settle", end + 3, end + 5),
        ("collect", end + 5, end + 6),
    ):
        yield {"at": START + round(begin_at * SECOND), "event": "phase", "name": phase, "state": "begin"}
        yield {"at": START + round(end_at * SECOND), "event": "phase", "name": phase, "state": "end", "exit_code": 0}
    for state, at in (("begin", end + 1), ("end", end + 2)):
        yield {"at": START + round(at * SECOND), "event": "step", "name": "stop v2", "state": state, "program": "playbook"}


def metrics(seconds: float) -> Iterator[str]:
    """What the broker counts, once a second."""
    for second in range(int(seconds) + 7):
        for queue in ("tasks.v1", "tasks.v2", "tasks.dead"):
            for metric in ("queue_messages_ready", "queue_messages_unacked", "queue_consumers", "queue_head_message_timestamp"):
                yield f'{{"at":{START + second * SECOND},"name":"{metric}","value":0,"queue":"{queue}"}}\n'


def counters(seconds: float) -> Iterator[str]:
    """What the broker says of its queues, twice a second."""
    for half in range(2 * int(seconds) + 2):
        for queue in ("tasks.v1", "tasks.v2", "tasks.dead"):
            yield f'{{"at":{START + half * SECOND // 2},"queue":"{queue}","exists":true,"ready":{half % 7},"consumers":2}}\n'


def topology(seconds: float) -> Iterator[str]:
    """What is declared, before and after."""
    for moment, at in (("before", 0.0), ("after", seconds + 5)):
        for queue in ("tasks.v1", "tasks.v2", "tasks.dead"):
            place = f'"moment":"{moment}","kind":"queue","name":"{queue}"'
            yield f'{{"at":{START + round(at * SECOND)},{place},"field":"type","value":"\\"quorum\\""}}\n'


def everything() -> dict[str, Any]:
    """Every invariant there is, with parameters."""
    from drillbook.judge.catalogue import catalogue

    return {
        invariant.name: {one.name: sample(one.kind) for one in invariant.parameters if one.required} for invariant in catalogue().values()
    }


def sample(kind: str) -> Any:
    """A value of a parameter's type."""
    return [sample(kind[5:-1])] if kind.startswith("list[") else SAMPLES.get(kind, kind.partition("|")[0])


def judged(folder: Path) -> dict[str, Any]:
    """Every verdict and how many counterexamples it has; and the harness is what does it."""
    from drillbook.api import judge

    began = time.perf_counter()
    judgement = judge(folder)
    seconds = time.perf_counter() - began
    return {"seconds": seconds} | {result.name: f"{result.verdict} {result.count}".removesuffix(" 0") for result in judgement.results}


def collections(folder: Path) -> dict[str, Any]:
    """The same arithmetic, with dictionaries and sets."""
    began = time.perf_counter()
    confirmed: dict[str, int] = {}
    known = set()
    for one in lines_of(folder, "published"):
        known.add(one["task"])
        if one["outcome"] == "ok":
            confirmed.setdefault(one["task"], one["resolved_at"])
    times: Counter[str] = Counter()
    first: dict[str, int] = {}
    fence = START + max((one["at"] - START for one in lines_of(folder, "timeline") if one["event"] == "step"), default=0)
    fenced = set()
    for one in lines_of(folder, "effects"):
        times[one["task"]] += 1
        first[one["task"]] = min(first.get(one["task"], one["at"]), one["at"])
        if one["version"] == "v2" and one["at"] > fence:
            fenced.add(one["task"])
    resting = {one["task"]: one["queue"] for one in lines_of(folder, "leftovers")}
    completed = {one["task"] for one in lines_of(folder, "states") if one["state"] == "completed"}
    deliveries: Counter[str] = Counter()
    holders: dict[str, set[int]] = defaultdict(set)
    last: dict[str, tuple[int, str]] = {}
    overlapping = set()
    for one in lines_of(folder, "wire"):  # the tap writes in order
        task, event = one.get("task"), one["event"]
        if event == "deliver":
            deliveries[task] += 1
            if holders[task]:
                overlapping.add(task)
            holders[task].add(one["connection"])
            if one["version"] == "v2" and one["at"] > fence:
                fenced.add(task)
        elif event in ("ack", "nack", "reject"):
            holders.pop(task, None)
        if event in ("publish", "deliver", "ack", "nack", "reject"):
            last[task] = (one["seq"], event)
    missing = {task for task in confirmed if task not in times and task not in resting}
    found = {
        "no_lost_tasks": len(missing) + sum(task in confirmed and task not in times for task in resting),
        "no_duplicate_effects": sum(count > 1 for count in times.values()),
        "conservation": len(missing) + len((times.keys() | resting.keys()) - known),
        "bounded_redelivery": sum(count > 5 for count in deliveries.values()),
        "no_overlap": len(overlapping),
        "version_fence": len(fenced),
        "recovered": sum(first.get(task, at + 31 * SECOND) > at + 30 * SECOND for task, at in confirmed.items()),
        "no_silent_drop": sum(last[task][1] in ("publish", "nack", "reject") for task in missing),
        "state_consistent": len(completed ^ times.keys()),
    }
    return {"seconds": time.perf_counter() - began} | {key: f"broken {count}" if count else "held" for key, count in found.items()}


def lines_of(folder: Path, stem: str) -> Iterator[dict[str, Any]]:
    """The records of a file."""
    with (folder / f"{stem}.jsonl").open() as file:
        yield from map(json.loads, file)


def measure(way: str, folder: Path) -> Cost:
    """Run one way in a process of its own."""
    command = [sys.executable, __file__, "--child", way, str(folder)]
    said = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return Cost(said.pop("seconds"), said.pop("mebibytes"), said)


def child(way: str, folder: Path) -> None:
    """In that process: do it, and print what it took."""
    said = {"judge": judged, "plain": collections}[way](folder)
    print(json.dumps(said | {"mebibytes": _most_memory()}))


def _most_memory() -> float:
    """What this process had at most, in MiB; not by getrusage, which counts what its parent had when it was started."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split(maxsplit=1)[0]) / 1024


def main() -> int:
    """Measure, print, and say by the exit code whether the targets are met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, nargs="+", default=[10_000, 1_000_000, 10_000_000], help="sizes (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="of each (default: %(default)s)")
    parser.add_argument("--judge-only", action="store_true", help="leave plain Python out")
    parser.add_argument("--keep", type=Path, help="write the run directories here, and use those that are there")
    parser.add_argument("--child", nargs=2, metavar=("WAY", "RUN_DIR"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        child(given.child[0], Path(given.child[1]))
        return 0
    table = Table(box=None)
    for column in ("lines", "", "seconds", "growth", "MiB", "lines/s", "plain / judge"):
        table.add_column(column, justify="right" if column else "left", no_wrap=True)
    good, before = True, {}
    with tempfile.TemporaryDirectory() as temporary:
        for lines in given.lines:
            folder = (given.keep or Path(temporary)) / str(lines)
            if not folder.exists():
                folder.mkdir(parents=True)
                print(f"{write(folder, lines):,} lines written", file=sys.stderr, flush=True)
            (folder / "scenario.yaml").write_text(json.dumps({"title": "A drill to be judged", "invariants": everything()}))
            ways = ["judge"] if given.judge_only else ["judge", "plain"]
            costs: dict[str, list[Cost]] = defaultdict(list)
            for _ in range(given.rounds):
                for way in ways:
                    costs[way].append(measure(way, folder))
            best = {way: min(cost.seconds for cost in found) for way, found in costs.items()}
            for way in ways:
                memory = max(cost.mebibytes for cost in costs[way])
                growth = f"{best[way] / before[way]:.1f} x" if way in before else ""
                ratio = f"{best['plain'] / best['judge']:.1f}" if len(ways) == 2 and way == "judge" else ""
                table.add_row(f"{lines:,}", way, f"{best[way]:.2f}", growth, f"{memory:.0f}", f"{lines / best[way]:,.0f}", ratio)
            before = best
            good &= fits(lines, best["judge"], max(cost.mebibytes for cost in costs["judge"])) and agree(costs)
    Console(width=100).print(table)
    return 0 if good else 1


def fits(lines: int, seconds: float, mebibytes: float) -> bool:
    """Whether the targets for this size are met."""
    within, below = TARGETS.get(lines, (None, None))
    return (within is None or seconds <= within) and (below is None or mebibytes <= below)


def agree(costs: dict[str, list[Cost]]) -> bool:
    """Whether both ways found the same; says where they did not."""
    judge = costs["judge"][0].said
    for key, found in costs["plain"][0].said.items() if "plain" in costs else ():
        if judge.get(key, found) != found:
            print(f"{key}: the judge says {judge[key]}, plain Python says {found}", file=sys.stderr)
            return False
    return True


if __name__ == "__main__":
    sys.exit(main())
