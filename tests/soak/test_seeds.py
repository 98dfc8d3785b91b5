"""What the soak run of a correct system draws: valid drills, and the same ones again for the same seeds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def drawn(count: int, first: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.soak.seeds", str(count), str(first), "--draw"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)


def test_every_drawn_drill_is_valid() -> None:
    done = drawn(100, 1)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 100


def test_a_seed_draws_the_same_faults_whichever_seeds_come_before_it() -> None:
    assert drawn(3, 5).stdout.splitlines()[2] == drawn(1, 7).stdout.strip()
