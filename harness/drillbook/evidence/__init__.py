"""Evidence: the run directory. In: what happened, as it happens. Out: files that a judge reads with no Docker and no harness running.

It never interprets: whether something is wrong is said by the invariants alone.
"""

from drillbook.evidence.kinds.counters import Counter
from drillbook.evidence.kinds.effects import Effect
from drillbook.evidence.kinds.leftovers import Leftover
from drillbook.evidence.kinds.published import Published
from drillbook.evidence.kinds.timeline import Event
from drillbook.evidence.kinds.wire import Wire
from drillbook.evidence.run_directory import RunDirectory, now

__all__ = ["Counter", "Effect", "Event", "Leftover", "Published", "RunDirectory", "Wire", "now"]
