"""Where a message carries its task's id, on the harness's side of the broker: the same places that the tap reads.

``message_id`` and ``correlation_id`` are properties, ``header:NAME`` an entry of the headers table, ``body:$.path`` a value in a JSON body,
such as ``body:$.id`` or ``body:$[1].task.id``. An id is text, or a whole number, then written in digits; anything else identifies nothing.
Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from pika.spec import BasicProperties

TaskOf = Callable[[BasicProperties, bytes], str | None]
"""From a message to its task's id; None where the message carries none."""
PROPERTIES = ("message_id", "correlation_id")
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")


def task_of(selector: str) -> TaskOf:
    """The reader for where a scenario keeps its task ids.

    Args:
        selector: ``stage.id_from`` of the scenario.

    Raises:
        ValueError: it names no such place.
    """
    kind, _, name = selector.partition(":")
    if selector in PROPERTIES:
        return lambda properties, _: _identifier(getattr(properties, selector))
    if kind == "header" and name:
        return lambda properties, _: _identifier((properties.headers or {}).get(name))
    steps = body_steps(selector)
    if steps:
        return lambda _, body: _in_body(body, steps)
    raise ValueError(f"{selector!r} is no place for a task id: say message_id, correlation_id, header:NAME or body:$.path")


def body_steps(selector: str) -> list[str | int]:
    """The way into a JSON body, a key or a place in a list each; empty where the id is not in the body."""
    path = selector.removeprefix("body:$")
    if path == selector or not re.fullmatch(f"({_STEP.pattern})+", path):
        return []
    return [key or int(place) for key, place in _STEP.findall(path)]


def _in_body(body: bytes, steps: list[str | int]) -> str | None:
    try:
        here: Any = json.loads(body)
        for step in steps:
            if isinstance(step, int) != isinstance(here, list):
                return None
            here = here[step]
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    return _identifier(here)


def _identifier(value: Any) -> str | None:
    if isinstance(value, bytes):  # pika gives text that is not UTF-8 as it came
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, datetime):
        return str(round(value.timestamp()))
    if isinstance(value, int) and not isinstance(value, bool):
        return str(int(value))
    return value if isinstance(value, str) else None
