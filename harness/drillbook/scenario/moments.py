"""Moments of a drill as people write them: ``20s after deployment``, and counts of tasks: ``200 confirmed``, ``20 given to v2``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

from drillbook.core.units import Seconds, Unit

_AFTER = " after deployment"


@dataclass(frozen=True)
class Moment:
    """A time of the drive."""

    seconds: float
    """Counted from the start of the load, or from the end of the deployment."""
    after_deployment: bool = False

    def __str__(self) -> str:
        """As a scenario file has it."""
        return f"{Seconds.write(self.seconds)}{_AFTER if self.after_deployment else ''}"


@dataclass(frozen=True)
class Confirmed:
    """So many tasks were confirmed."""

    count: int

    def __str__(self) -> str:
        """As a scenario file has it."""
        return f"{self.count} confirmed"


@dataclass(frozen=True)
class GivenTo:
    """So many tasks were given to a version."""

    count: int
    version: str

    def __str__(self) -> str:
        """As a scenario file has it."""
        return f"{self.count} given to {self.version}"


@dataclass(frozen=True)
class WaitingIn:
    """So many tasks are ready in a queue."""

    count: int
    queue: str

    def __str__(self) -> str:
        """As a scenario file has it."""
        return f"{self.count} waiting in {self.queue}"


TaskCount = Confirmed | GivenTo | WaitingIn
"""So many tasks, somewhere."""


class Moments(Unit[Moment]):
    """Times of the drive."""

    name = "moment"
    form = Seconds.form
    examples = ("5s", "20s after deployment")
    pattern = f"{Seconds.pattern.removesuffix('$')}({_AFTER})?$"
    about = "It is counted from the start of the load, or from the end of the deployment."
    assumed = Seconds.assumed
    kinds = (Moment,)

    @classmethod
    def read(cls, raw: object) -> Moment:
        return Moment(raw) if isinstance(raw, float) else super().read(raw)

    @classmethod
    def value(cls, match: re.Match[str]) -> Moment:
        """Of ``20s after deployment``: 20 seconds after it."""
        return Moment(Seconds.value(match), bool(match[3]))


class TaskCounts(Unit[TaskCount]):
    """Counts of tasks."""

    name = "count of tasks"
    form = "a number and where they are"
    examples = ("200 confirmed", "20 given to v2", "20 waiting in tasks")
    pattern = r"^([1-9]\d*) (confirmed|given to|waiting in)(?: (\S+))?$"
    about = "It is an event: that so many are there."
    kinds = (Confirmed, GivenTo, WaitingIn)

    @classmethod
    def value(cls, match: re.Match[str]) -> TaskCount | None:
        """Of ``20 given to v2``: 20, given to, v2."""
        match int(match[1]), match[2], match[3]:
            case count, "confirmed", None:
                return Confirmed(count)
            case count, "given to", str(version):
                return GivenTo(count, version)
            case count, "waiting in", str(queue):
                return WaitingIn(count, queue)
        return None


At = Annotated[Moment, Moments]
"""Written ``5s`` or ``5s after deployment``."""
Tasks = Annotated[TaskCount, TaskCounts]
"""Written ``200 confirmed``, ``20 given to v2`` (with ``basic.get`` too) or ``20 waiting in tasks`` (ready, as the broker counts them)."""
