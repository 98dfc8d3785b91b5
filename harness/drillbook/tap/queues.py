"""What a channel does to whole queues: declares, purges and deletes them.

``purge`` and ``delete`` are written when the broker answers, with the messages that went as it counts them; where the client wants no
answer they are written when they are asked for, with the reason ``nowait`` and no count.
"""

from __future__ import annotations

from collections import deque
from json.encoder import encode_basestring_ascii as quoted
from struct import Struct

from .fields import short_string
from .transaction import LineSink

_count = Struct(">I").unpack_from


class Queues:
    """The queues as one channel speaks of them.

    Args:
        prefix: of each of its lines, after the event's name.
        lines: where they go.
    """

    def __init__(self, prefix: str, lines: LineSink) -> None:
        self._prefix, self._lines = prefix, lines
        self._declared = ""
        self._asked: dict[str, deque[str]] = {"purge": deque(), "delete": deque()}

    def named(self, name: str) -> str:
        """A queue as JSON that begins with a comma; an empty name stands for the queue last declared on the channel."""
        return f',"queue":{quoted(name or self._declared)}'

    def declare(self, payload: bytes) -> None:
        self._declared = short_string(payload, 6)[0] or self._declared

    def declare_ok(self, payload: bytes) -> None:
        self._declared = short_string(payload, 4)[0]

    def purge(self, payload: bytes) -> None:
        self._ask("purge", payload, nowait=1)

    def delete(self, payload: bytes) -> None:
        self._ask("delete", payload, nowait=4)

    def purge_ok(self, payload: bytes) -> None:
        self._done("purge", payload)

    def delete_ok(self, payload: bytes) -> None:
        self._done("delete", payload)

    def _ask(self, event: str, payload: bytes, nowait: int) -> None:
        name, position = short_string(payload, 6)
        queue = self.named(name)
        if payload[position] & nowait:
            self._lines.write(f'{event}"{self._prefix}{queue},"reason":"nowait"')
        else:
            self._asked[event].append(queue)

    def _done(self, event: str, payload: bytes) -> None:
        queue = self._asked[event].popleft()
        self._lines.write(f'{event}"{self._prefix}{queue},"count":{_count(payload, 4)[0]}')
