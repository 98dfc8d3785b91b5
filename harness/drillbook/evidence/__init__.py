"""Evidence: the run directory. In: what happened, as it happens. Out: files that a judge reads with no Docker and no harness running.

It never interprets: whether something is wrong is said by the invariants alone.
"""

from drillbook.evidence.records import Counter, Effect, Event, Leftover, Published, Wire
from drillbook.evidence.run_directory import RunDirectory, now

__all__ = ["Counter", "Effect", "Event", "Leftover", "Published", "RunDirectory", "Wire", "now"]
