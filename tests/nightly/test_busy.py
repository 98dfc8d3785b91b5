"""Busy loops take processors, and are gone with the process that started them, however it ends."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from drillbook.core.wait import until
from tests.nightly.busy import busy_loops

STARTER = """
import sys, time
from tests.nightly.busy import busy_loops
with busy_loops(2) as loops:
    print(*loops, flush=True)
    time.sleep(600)
"""


def gone(loops: list[int]) -> bool:
    return not any(psutil.pid_exists(loop) and psutil.Process(loop).status() != psutil.STATUS_ZOMBIE for loop in loops)


def test_busy_loops_take_processors_and_end_with_what_they_ran_beside() -> None:
    with busy_loops(2) as loops:
        assert until(lambda: all(psutil.Process(loop).cpu_times().user > 0.1 for loop in loops), 30)
    assert gone(list(loops))


def test_busy_loops_end_when_what_they_ran_beside_fails() -> None:
    with pytest.raises(RuntimeError), busy_loops(1) as loops:
        raise RuntimeError
    assert gone(list(loops))


def test_busy_loops_end_when_the_process_that_started_them_is_killed() -> None:
    starter = subprocess.Popen([sys.executable, "-c", STARTER], cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True)
    assert starter.stdout is not None
    loops = list(map(int, starter.stdout.readline().split()))
    assert len(loops) == 2
    starter.kill()
    starter.wait()
    assert until(lambda: gone(loops), 30)
