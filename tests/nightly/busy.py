"""Other work on the machine: loops that do nothing but take processors, and end with the process that started them, however it ends."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

LOOPS = 4
"""On two cores: everybody else gets a third of what there is."""
LOOP = """
import os, sys, threading
threading.Thread(target=lambda: (sys.stdin.buffer.read(), os._exit(0))).start()
while True:
    pass
"""
"""Its standard input is a pipe whose other end is open in the starting process only: it is closed even when that one is killed."""


@contextmanager
def busy_loops(loops: int = LOOPS) -> Iterator[tuple[int, ...]]:
    """Have loops run beside what is done meanwhile; gives their process ids."""
    started = [
        # A session of their own: Ctrl-C is for the one who started them.
        subprocess.Popen([sys.executable, "-ISc", LOOP], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True)
        for _ in range(loops)
    ]
    try:
        yield tuple(loop.pid for loop in started)
    finally:
        for loop in started:
            loop.communicate()
