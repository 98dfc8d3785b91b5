"""Moments of a drill as people write them: ``20s after deployment``, and counts of tasks: ``200 confirmed``, ``20 given to v2``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, WithJsonSchema

from drillbook.core.units import DURATION, seconds, written

_AFTER = " after deployment"
MOMENT = f"{DURATION.removesuffix('$')}({_AFTER})?$"
_COUNT = r"^([1-9]\d*) (confirmed|given to|waiting in)(?: (\S+))?$"


@dataclass(frozen=True)
class Moment:
    """A time of the drive."""

    seconds: float
    """Counted from the start of the load, or from the end of the deployment."""
    after_deployment: bool = False

    def __str__(self) -> str:
        """As a scenario file has it."""
        return f"{written(self.seconds)}{_AFTER if self.after_deployment else ''}"


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


def moment(text: Any) -> Moment:
    """Parse ``20s`` or ``20s after deployment``.

    Raises:
        ValueError: the text is neither; the message shows a correct one.
    """
    if isinstance(text, Moment):
        return text
    after = isinstance(text, str) and text.endswith(_AFTER)
    try:
        return Moment(seconds(text.removesuffix(_AFTER) if after else text), after)
    except ValueError:
        raise ValueError(f"{text!r} is not a moment: write a number and a unit, such as 5s or 2m, or 5s after deployment") from None


def task_count(text: Any) -> TaskCount:
    """Parse ``200 confirmed``, ``20 given to v2`` or ``20 waiting in tasks``.

    Raises:
        ValueError: the text is none of these; the message shows correct ones.
    """
    if isinstance(text, TaskCount):
        return text
    match = re.match(_COUNT, text) if isinstance(text, str) else None
    if match is None or (match[2] == "confirmed") != (match[3] is None):
        raise ValueError(f"{text!r} counts no tasks: write 200 confirmed, 20 given to v2 or 20 waiting in tasks")
    return TaskCount(int(match[1]), match[2], match[3])  # type: ignore[arg-type]


At = Annotated[
    Moment,
    BeforeValidator(moment),
    WithJsonSchema({"type": "string", "pattern": MOMENT, "examples": ["5s", "20s after deployment"]}),
]
"""Written ``5s`` or ``5s after deployment``."""

Tasks = Annotated[
    TaskCount,
    BeforeValidator(task_count),
    WithJsonSchema({"type": "string", "pattern": _COUNT, "examples": ["200 confirmed", "20 given to v2", "20 waiting in tasks"]}),
]
"""Written ``200 confirmed``, ``20 given to v2`` (with ``basic.get`` too) or ``20 waiting in tasks`` (ready, as the broker counts them)."""
