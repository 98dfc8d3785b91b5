"""Kill the harness with SIGKILL at random moments, clean, and look for anything left: ``python tests/soak/kills.py [COUNT] [SEED]``.

After each kill: the run directory's files must be readable, ``drillbook judge`` must say something else than "held" and print no traceback,
and after ``drillbook clean`` no container, network or process of any dead run may be left. Exits 1 at the first that is not so.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from random import Random
from threading import Timer

from drillbook.engine.clean import remains

SHORT = Path(__file__).parents[1] / "drills" / "short"
DRILL_SECONDS = 14.0


def main(count: int, seed: int) -> None:
    draw = Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        for number in range(1, count + 1):
            moment = draw.uniform(0.2, DRILL_SECONDS)
            print(f"{number:2}/{count} {one_kill(Path(folder) / str(number), moment)}", flush=True)
    print(f"{count} kills: nothing left")


def one_kill(reports: Path, moment: float) -> str:
    """Run, kill after ``moment`` seconds, clean, look."""
    process = subprocess.Popen(drillbook("run", SHORT, "--output", reports), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    killer = Timer(moment, process.kill)
    killer.start()
    process.wait()
    killer.cancel()
    held = sum(remain.containers + remain.processes for remain in remains() if not remain.alive)
    checked = [check(run) for run in reports.glob("*/*") if (run / "timeline.jsonl").exists()]
    cleaned = subprocess.run(drillbook("clean"), capture_output=True, text=True, check=True)
    left = [remain for remain in remains() if not remain.alive]
    if left:
        sys.exit(f"left after a kill at {moment:.1f} s: {left}\n{cleaned.stdout}")
    ended = "killed" if process.returncode == -9 else f"ended by itself with {process.returncode}"
    return f"{ended} at {moment:4.1f} s; held {held} containers and processes; {', '.join(checked) or 'no run yet'}; clean left nothing"


def check(run: Path) -> str:
    """The run's files, read line by line, and what the judge makes of them."""
    for path in run.glob("*.jsonl"):
        *whole, _last = path.read_text(encoding="utf-8").split("\n")
        for line in whole:
            json.loads(line)
    done = subprocess.run(drillbook("judge", run), capture_output=True, text=True)
    if "Traceback" in done.stderr or done.returncode not in (0, 1, 4):
        sys.exit(f"check of {run} exits with {done.returncode}: {done.stderr}")
    finished = (run / "junit.xml").exists() and '"collect"' in (run / "timeline.jsonl").read_text()
    if done.returncode == 0 and not finished:
        sys.exit(f"{run} was killed half-way and is green")
    return f"judged {('held', 'broken', '', '', 'inconclusive')[done.returncode]}"


def drillbook(*arguments: str | Path) -> list[str]:
    """The command line of a command."""
    return [str(Path(sys.executable).parent / "drillbook"), *map(str, arguments)]


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20, int(sys.argv[2]) if len(sys.argv) > 2 else 1)
