"""Strings of a scenario in which ``{task}`` and ``{type}`` stand for something, taken apart once so that a message costs a join. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

_PLACEHOLDER = re.compile(r"\{([A-Za-z_]\w*)\}")
TASK, TYPE = "{task}", "{type}"


def placeholders(text: str) -> list[str]:
    """The names in braces; braces around anything but a name, as in JSON, are plain text."""
    return _PLACEHOLDER.findall(text)


def strings(value: Any) -> Iterator[str]:
    """Every string in a header's value, however deep; keys are no templates."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from strings(item)


def filler(value: Any, type: str) -> Callable[[str], Any] | None:
    """Makes a header's value from a task's id; None where every task has the same, which :func:`typed` gives.

    Args:
        value: as the scenario has it.
        type: the task type's name.
    """
    if not any(TASK in text for text in strings(value)):
        return None
    plain = typed(value, type)
    return lambda task: _replaced(plain, TASK, task)


def typed(value: Any, type: str) -> Any:
    """A value with the type's name in its strings."""
    return _replaced(value, TYPE, type)


class BodyTemplate:
    """Makes bodies from a string. In a JSON body, names are written as JSON has them, a quote in one as ``\\"``.

    Args:
        text: as the scenario has it.
        type: the task type's name.
    """

    def __init__(self, text: str, type: str) -> None:
        self._json = is_json(text)
        self._parts = text.replace(TYPE, self._written(type)).encode().split(TASK.encode())

    def of(self, task: str) -> bytes:
        """The body of one task."""
        return self._written(task).encode().join(self._parts)

    def _written(self, name: str) -> str:
        return json.dumps(name)[1:-1] if self._json else name


def is_json(text: str) -> bool:
    """Whether a string is JSON, its placeholders taken as text."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _replaced(value: Any, placeholder: str, name: str) -> Any:
    if isinstance(value, str):
        return value.replace(placeholder, name)
    if isinstance(value, dict):
        return {key: _replaced(item, placeholder, name) for key, item in value.items()}
    if isinstance(value, list):
        return [_replaced(item, placeholder, name) for item in value]
    return value
