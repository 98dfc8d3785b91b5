"""What a task looks like on the wire: a JSON body of the wished size, and properties, with the id where the scenario wants it.

``load.messages`` of the scenario says otherwise, a type at a time, so that the load can speak what a system's own publishers speak.
"""

from __future__ import annotations

import json
from typing import Any

from pika.spec import BasicProperties

from drillbook.evidence.task_id import body_steps
from drillbook.load.template import BodyTemplate, filler, typed
from drillbook.scenario import Load

_TASK, _PADDING = "\0task", "\0padding"
"""Stand in the body where it differs from task to task; no type and no key has a NUL in it."""


class Body:
    """Makes the bodies of one task type: ``{"task": …, "type": …, "payload": …}``, padded.

    An id that the scenario wants in the body is put there too: ``body:$.id`` adds ``"id": …``, ``body:$.meta.id`` adds
    ``"meta": {"id": …}``. Where the path begins in a list, the body is a list whose last item is the object:
    ``body:$[0].id`` makes ``[{"id": …}, {"task": …, "type": …, "payload": …}]``.

    Args:
        type: the task's type.
        size: bytes of a body; where that is too few to name the task, the body is as long as it must be.
        id_from: where the message carries its task's id.
    """

    def __init__(self, type: str, size: int, id_from: str = "message_id") -> None:
        content = json.dumps(_content(type, body_steps(id_from)), separators=(",", ":"))
        before, _, self._after = content.encode().partition(json.dumps(_PADDING)[1:-1].encode())
        self._parts = before.split(json.dumps(_TASK).encode())
        self._padding = b"x" * size
        self._room = size - sum(map(len, self._parts)) - len(self._after)

    def of(self, task: str) -> bytes:
        """The body of one task."""
        name = json.dumps(task).encode()
        room = self._room - len(name) * (len(self._parts) - 1)
        return name.join(self._parts) + self._padding[: max(0, room)] + self._after


class Properties:
    """Makes the properties of one task type's messages.

    Args:
        load: what it says of the type's messages.
        type: the task type's name.
        id_from: where the message carries its task's id; ``message_id`` is set in any case.
    """

    def __init__(self, load: Load, type: str, id_from: str = "message_id") -> None:
        shape, version = load.shape(type), load.version_of(type)
        self._fillers = {name: fill for name, value in shape.headers.items() if (fill := filler(value, type))}
        self._headers = {name: typed(value, type) for name, value in shape.headers.items() if name not in self._fillers}
        if version is not None:
            self._headers["version"] = version
        if id_from.startswith("header:"):
            self._fillers[id_from.removeprefix("header:")] = lambda task: task
        self._correlated = id_from == "correlation_id"
        self._type = type if shape.type is None else typed(shape.type, type)
        self._content_type, self._content_encoding = typed(shape.content_type, type), typed(shape.content_encoding, type)

    def of(self, task: str, attempt: int, intended_at: int) -> BasicProperties:
        """The properties of one attempt.

        Args:
            task: its id.
            attempt: 1 for the first, which does not say so.
            intended_at: nanoseconds since the epoch.
        """
        headers: dict[str, Any] = {"intended_at": intended_at, **self._headers}
        for name, fill in self._fillers.items():
            headers[name] = fill(task)
        if attempt > 1:
            headers["attempt"] = attempt
        correlation_id = task if self._correlated else None
        return BasicProperties(
            self._content_type, self._content_encoding, headers, 2, correlation_id=correlation_id, message_id=task, type=self._type
        )


class MessageMaker:
    """Makes the messages of one task type.

    Args:
        load: whose they are.
        type: the task type's name.
        id_from: where they carry their task's id.
    """

    def __init__(self, load: Load, type: str, id_from: str = "message_id") -> None:
        body = load.shape(type).body
        self.routing_key = load.routing_key_of(type)
        self.body = Body(type, load.size, id_from).of if body is None else BodyTemplate(body, type).of
        """From a task's id to the body."""
        self.properties = Properties(load, type, id_from).of
        """From a task's id, the attempt and its intended time to the properties."""


def _content(type: str, steps: list[str | int]) -> Any:
    """The body with the task's id and the padding still to be put in; the padding comes last."""
    task = {"task": _TASK, "type": type, "payload": _PADDING}
    if not steps or steps == ["task"]:
        return task
    if isinstance(steps[0], str):
        return {steps[0]: _holding(steps[1:]), **task}
    return [*_holding(steps), task]


def _holding(steps: list[str | int]) -> Any:
    """A value in which a path leads to the task's id; places of a list before it hold null."""
    if not steps:
        return _TASK
    below = _holding(steps[1:])
    return {steps[0]: below} if isinstance(steps[0], str) else [*[None] * steps[0], below]
