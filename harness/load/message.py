"""What a task looks like on the wire: a JSON body of the wished size."""

from __future__ import annotations

import json


class Body:
    """Makes the bodies of one task type: ``{"task": …, "type": …, "payload": …}``, padded.

    Args:
        type: the task's type.
        size: bytes of a body; where that is too few to name the task, the body is as long as it must be.
    """

    def __init__(self, type: str, size: int) -> None:
        self._middle = f',"type":{json.dumps(type)},"payload":"'.encode()
        self._padding = b"x" * size
        self._room = size - len(b'{"task":') - len(self._middle) - len(b'"}')

    def of(self, task: str) -> bytes:
        """The body of one task."""
        name = json.dumps(task).encode()
        return b'{"task":%b%b%b"}' % (name, self._middle, self._padding[: max(0, self._room - len(name))])
