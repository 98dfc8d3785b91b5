"""What it costs to judge next to nothing, in seconds of processor beside an anchor: a process that imports duckdb and pydantic.

    .venv/bin/python benchmarks/tiny.py

One task, published and done, is judged by three invariants and by all there are: by ``drillbook judge`` in a process of its own, which
imports everything and writes the reports, and again and again within one process, as the tests do. Every round measures each once, one
after the other, so that a busy machine slows them alike; the least of each counts, and the last column is what to compare.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from judge import everything
from rich.console import Console
from rich.table import Table

ANCHOR = ("-c", "import duckdb, pydantic")
WITHIN = """
import sys, time
from pathlib import Path
from drillbook.api import judge
spent = []
for _ in range(5):
    began = time.process_time()
    judge(Path(sys.argv[1]))
    spent.append(time.process_time() - began)
print(min(spent[1:]))
"""
FILES = {
    "published": {"task": "a", "type": "charge", "attempt": 1, "routing_key": "tasks", "intended_at": 1, "outcome": "ok"}
    | {"sent_at": 1, "resolved_at": 2},
    "effects": {"task": "a", "at": 3},
}
THREE = {"no_lost_tasks": None, "no_duplicate_effects": None, "conservation": None}


def write(folder: Path, invariants: dict[str, object]) -> Path:
    """A run directory of one task."""
    folder.mkdir()
    (folder / "scenario.yaml").write_text(json.dumps({"title": "Next to nothing", "invariants": invariants}))
    for stem, line in FILES.items():
        (folder / f"{stem}.jsonl").write_text(json.dumps(line) + "\n")
    return folder


def processor(*arguments: str | Path) -> float:
    """Seconds of processor that a Python process takes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *map(str, arguments)], stdout=subprocess.DEVNULL, check=False)  # check exits by the verdict
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def within(run: Path) -> float:
    """Seconds of processor that a judgement takes where another was made before."""
    return float(subprocess.run([sys.executable, "-c", WITHIN, run], stdout=subprocess.PIPE, check=True).stdout)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="of each (default: %(default)s)")
    rounds = parser.parse_args().rounds
    check = ("-c", "from drillbook.app.cli import main; main()", "judge")
    with tempfile.TemporaryDirectory() as temporary:
        three, all_there_are = write(Path(temporary, "three"), THREE), write(Path(temporary, "all"), everything())
        ways = {
            "import duckdb, pydantic": lambda: processor(*ANCHOR),
            "import the judge": lambda: processor("-c", "import drillbook.judge.judge"),
            "drillbook judge, three invariants": lambda: processor(*check, three),
            "drillbook judge, all invariants": lambda: processor(*check, all_there_are),
            "once more in a process, three": lambda: within(three),
            "once more in a process, all": lambda: within(all_there_are),
        }
        spent: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(rounds):
            for way, measure in ways.items():
                spent[way].append(measure())
    table = Table(box=None)
    for column in ("", "processor s", "x anchor"):
        table.add_column(column, justify="right" if column else "left")
    anchor = min(spent["import duckdb, pydantic"])
    for way, times in spent.items():
        table.add_row(way, f"{min(times):.3f}", f"{min(times) / anchor:.1f}")
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
