"""Moments of a drill as people write them: ``20s after deployment``, and counts of tasks: ``200 confirmed``, ``20 given to v2``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Literal

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
class TaskCount:
    """So many tasks, somewhere."""

    count: int
    state: Literal["confirmed", "given to", "waiting in"]
    where: str | None = None
    """A version (given to) or a queue (waiting in)."""

    def __str__(self) -> str:
        """As a scenario file has it."""
        return f"{self.count} {self.state}{f' {self.where}' if self.where else ''}"


class Moments(Unit[Moment]):
    """Times of the drive."""

    name = "moment"
    form = Seconds.form
    examples = ("5s", "20s after deployment")
    pattern = f"{Seconds.pattern.removesuffix('$')}({_AFTER})?$"
    about = "It is counted from the start of the load, or from the end of the deployment."
    assumed = Seconds.assumed
    kind = Moment

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
    kind = TaskCount

    @classmethod
    def value(cls, match: re.Match[str]) -> TaskCount | None:
        """Of ``20 given to v2``: 20, given to, v2."""
        if (match[2] == "confirmed") != (match[3] is None):
            return None
        return TaskCount(int(match[1]), match[2], match[3])  # type: ignore[arg-type]


At = Annotated[Moment, Moments]
"""Written ``5s`` or ``5s after deployment``."""
Tasks = Annotated[TaskCount, TaskCounts]
"""Written ``200 confirmed``, ``20 given to v2`` (with ``basic.get`` too) or ``20 waiting in tasks`` (ready, as the broker counts them)."""
