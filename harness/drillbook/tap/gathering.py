"""Fewer, larger reads when much passes: what a network card's interrupt coalescing does, for the tap.

A broker and its clients write a frame or two at a time, and each wakes the tap: at some ten thousand tasks a second the wake-ups, the
reads and the writes cost more than the scanning. So above a bound the tap waits a moment before it reads, and finds more to carry at once,
which spares the broker as many reads. Below it, nothing waits.
"""

from __future__ import annotations

import selectors
import time

BUSY_LINES = 1000
"""Lines of evidence in one batch (``FLUSH_SECONDS``) from which on the tap gathers: about 12,000 tasks a second."""
PAUSE_SECONDS = 0.0005


class GatheringSelector(selectors.DefaultSelector):
    """The event loop's selector, which gathers while the tap is busy."""

    def __init__(self) -> None:
        super().__init__()
        self.busy = False

    def passed(self, lines: int) -> None:
        """So many lines were in the last batch."""
        self.busy = lines >= BUSY_LINES

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready, a moment later when the tap is busy."""
        ready = super().select(timeout)
        if not self.busy or not ready:
            return ready
        time.sleep(PAUSE_SECONDS)
        return super().select(0)
