"""Waiting for a fact by asking, with a deadline; the one place that paces questions."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event


def until(fact: Callable[[], object], within: float, every: float = 0.05, stop: Event | None = None) -> bool:
    """Ask until the answer is true or the time is over.

    Args:
        fact: the question; an exception of the kinds a starting service gives (``OSError``) counts as no.
        within: seconds.
        every: seconds between two questions.
        stop: ends the wait early when set.

    Returns:
        Whether the answer was true.
    """
    deadline = time.monotonic() + within
    pause = stop or Event()
    while True:
        try:
            if fact():
                return True
        except OSError:
            pass
        if time.monotonic() >= deadline or pause.wait(every):
            return False
