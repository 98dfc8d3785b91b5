"""Where a message carries its task's id: ``message_id``, ``correlation_id``, ``header:NAME``, or ``body:$.path`` of a JSON body.

A path is made of ``.name`` and ``[n]`` (n from 0), such as ``$.order.items[0].id``; it leads to a string or a whole number. A message
without such a place, a body that is no JSON, or one above ``BODY_KEPT`` has no task. Bodies are kept, while they pass, for this alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from .body import BODY_KEPT, body_reader
from .elsewhere import Elsewhere
from .fields import header_reader, property_reader

_PATH = re.compile(r"\$((?:\.[^.\[\]]+|\[\d+\])+)")
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class Selector:
    """Reads a task's id."""

    read: Callable[[bytes], str | None]
    """From the payload of a content header frame, or from a whole body; None where there is no id."""
    of_body: bool = False
    elsewhere: Elsewhere = field(default_factory=Elsewhere, compare=False)
    """Tried where it finds none."""

    @property
    def keep(self) -> int:
        """The largest body that it wants to read, in octets."""
        return BODY_KEPT if self.of_body else 0


def selector(place: str) -> Selector:
    """The reader for where a scenario keeps its task ids.

    Args:
        place: ``message_id``, ``correlation_id``, ``header:NAME`` or ``body:$.path``.

    Raises:
        ValueError: it is none of these.
    """
    kind, _, name = place.partition(":")
    if kind == "header" and name:
        return Selector(header_reader(name))
    if kind == "body" and (path := _PATH.fullmatch(name)):
        return Selector(body_reader([key or int(index) for key, index in _STEP.findall(path[1])]), of_body=True)
    if place in ("message_id", "correlation_id"):
        return Selector(property_reader(place))
    raise ValueError(f"{place!r} is no place for a task id: say message_id, correlation_id, header:NAME or body:$.path")
