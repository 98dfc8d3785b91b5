"""When an alert is raised, and when the playbook starts. Pure: samples and elapsed seconds come in, decisions go out; no clock, no I/O.

A value is *beyond* when it is greater than ``above`` or smaller than ``below``; the bound itself is not beyond it. An alert is *raised* at
the first sample at which every sample for ``lasting`` seconds was beyond, and *cleared* at the first sample that is not. No value (None, or
not a number) proves neither: it does not clear a raised alert and does not raise one, and it breaks the row of samples that would have, so
that an alert is never raised across a gap in which nothing was known.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from drillbook.scenario import Start
from drillbook.scenario.moments import Moment


class Alarm:
    """One monitor's alert.

    Args:
        above: the bound, where beyond is greater; give this or ``below``.
        below: the bound, where beyond is smaller.
        lasting: seconds it must stay beyond; 0 raises at the first sample.
    """

    def __init__(self, above: float | None, below: float | None, lasting: float) -> None:
        if (above is None) == (below is None):
            raise ValueError("give exactly one of above and below")
        self._above = above
        self._below = below
        self._lasting = lasting
        self._since: float | None = None
        self.raised = False

    def feed(self, at_seconds: float, value: float | None) -> Literal["raised", "cleared"] | None:
        """Take one sample; what it changes, if anything.

        Args:
            at_seconds: when it was taken, on any clock that does not go backwards.
            value: what was measured; None when nothing could be.
        """
        if value is None or math.isnan(value):
            self._since = None
            return None
        if not self._beyond(value):
            self._since = None
            was, self.raised = self.raised, False
            return "cleared" if was else None
        self._since = at_seconds if self._since is None else self._since
        if self.raised or at_seconds - self._since < self._lasting:
            return None
        self.raised = True
        return "raised"

    def _beyond(self, value: float) -> bool:
        return value > self._above if self._above is not None else self._below is not None and value < self._below


@dataclass(frozen=True)
class Reason:
    """Why the playbook starts."""

    by: Literal["at", "event", "alert", "no_later_than"]
    monitor: str | None = None
    """The monitor it waited for."""
    value: float | None = None
    """By what value, where an alert decided."""
    event: str | None = None
    """The event it waited for."""

    def __str__(self) -> str:
        """As the timeline has it: ``alert slow``, ``at``, ``after 200 confirmed``."""
        return f"alert {self.monitor}" if self.by == "alert" else f"after {self.event}" if self.by == "event" else self.by


@dataclass(frozen=True)
class Decision:
    """The decision point of a playbook that starts at a time or by an alert.

    Args:
        start: as in the scenario: a time, or an alert and the latest time.
    """

    start: Start

    def decide(self, elapsed_seconds: float, raised: Mapping[str, float], deployed_seconds: float | None = None) -> Reason | None:
        """Whether the playbook starts now, and why; an alert is the reason even when the latest time has come too.

        Args:
            elapsed_seconds: since the start of the load.
            raised: the monitors whose alert is raised now, each with the value that raised it.
            deployed_seconds: when the deployment ended, since the start of the load; None: it has not.
        """

        def has_come(moment: Moment | None) -> bool:
            if moment is None or (moment.after_deployment and deployed_seconds is None):
                return False
            return elapsed_seconds >= moment.seconds + ((deployed_seconds or 0.0) if moment.after_deployment else 0.0)

        if has_come(self.start.at):
            return Reason("at")
        monitor = self.start.when
        if monitor is not None and monitor in raised:
            return Reason("alert", monitor, raised[monitor])
        return Reason("no_later_than", monitor) if has_come(self.start.no_later_than) else None
