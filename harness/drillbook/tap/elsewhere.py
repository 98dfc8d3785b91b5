"""Where else a message may carry its id, when it has none where the scenario says: looked for in the first such messages, to suggest it."""

from __future__ import annotations

import json
from collections.abc import Callable
from json.encoder import encode_basestring_ascii as quoted

from .body import BODY_KEPT, body_reader
from .fields import header_reader, property_reader

MOST = 50
"""Messages of a queue that are looked into: enough to tell one place from another, and no burden where no message has an id."""
QUEUES = 100
"""That are told apart; of further ones nothing is looked into."""
LONGEST = 255
"""Characters of what can be an id."""

_Read = Callable[[bytes], str | None]
_PROPERTIES = ("message_id", "correlation_id")
_HEADERS = ("id", "task_id", "message_id", "job_id", "uuid")
_BODIES = ("message_id", "id", "task_id", "task", "job_id", "uuid", "messageId", "taskId")


class Elsewhere:
    """The usual places of an id, tried on messages that have none where it should be."""

    def __init__(self) -> None:
        self._left: dict[str, int] = {}
        self._of_header: dict[str, _Read] = {name: property_reader(name) for name in _PROPERTIES}
        self._of_header |= {f"header:{name}": header_reader(name) for name in _HEADERS}
        self._of_body: dict[str, _Read] = {f"body:$.{name}": body_reader([name]) for name in _BODIES}

    def look(self, queue: str, header: bytes, body: bytes | None) -> str:
        """What there is, as JSON that begins with a comma; empty where there is nothing, or enough was looked into.

        Args:
            queue: where the message comes from.
            header: the payload of the content header frame.
            body: the whole body; None: it was not kept.
        """
        left = self._left.get(queue, MOST if len(self._left) < QUEUES else 0)
        if not left:
            return ""
        self._left[queue] = left - 1
        found = {place: value for place, read in self._of_header.items() if (value := _tried(read, header))}
        if body and len(body) <= BODY_KEPT:
            found |= {place: value for place, read in self._of_body.items() if (value := _tried(read, body))}
        return f',"elsewhere":{quoted(json.dumps(found))}' if found else ""


def _tried(read: _Read, octets: bytes) -> str | None:
    """What is read there, where it can be an id; a message that cannot be read has nothing."""
    try:
        value = read(octets)
    except (ValueError, LookupError):
        return None
    return value if value and len(value) <= LONGEST else None
