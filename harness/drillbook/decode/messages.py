"""``messages.jsonl``: each message that was left, once for each place where it was seen; what a worker is asked to decode.

A line has the message as a worker sees it, ``properties`` by their AMQP names and the ``body`` in base64, and where it was seen. A message
that is delivered to the same version from the same queue again is not written again; headers in which the broker counts deliveries do not
make it another one.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal

from pika.spec import BasicProperties

from drillbook.stage import tap_control

NAME = "messages.jsonl"
"""Its name in the run directory."""
CAPTURED = Path("tap") / tap_control.CAPTURED
"""What the tap kept, in the run directory."""
OF_THE_BROKER = ("x-death", "x-delivery-count", "x-acquired-count", "x-first-death-", "x-last-death-", "x-opt-rabbitmq-")
"""Headers in which the broker counts what became of a message."""
_PROPERTIES_AT = 12
"""In a content header's payload: after class, weight and body size (AMQP 0-9-1, section 2.3.5.2)."""

WHERE = ("seen", "at", "task", "queue", "peer", "to_version")
"""What a line says of where the message was seen."""

Seen = Literal["delivered", "remaining"]


@dataclass(frozen=True)
class SeenMessage:
    """One message, and where it was seen."""

    seen: Seen
    at: int
    """Nanoseconds since the epoch."""
    task: str | None
    queue: str | None
    properties: BasicProperties
    body: bytes
    peer: str | None = None
    """Of a delivery: who got it."""
    to_version: str | None = None
    """Of a delivery: the version of the worker that got it."""


@dataclass
class Captured:
    """What a tap's file says beside its messages."""

    began: bool = False
    ended: bool = False
    full: bool = False
    too_large: int = 0
    """Deliveries whose body was not kept."""

    def problem(self) -> str:
        """Why messages may be missing; empty where none are."""
        if self.full:
            return "the bound of decode.most was reached, and no more messages were kept"
        if self.too_large:
            return f"{self.too_large:,} messages were too large to be kept"
        if self.began and not self.ended:
            return "the wire tap was not seen to end, so that messages may be missing"
        return ""


def captured(path: Path, found: Captured) -> Iterator[SeenMessage]:
    """The messages that a tap kept.

    Args:
        path: its file; one that is not there has none.
        found: filled in while the file is read.
    """
    if not path.exists():
        return
    with path.open("rb") as lines:
        for line in lines:
            try:
                content = json.loads(line)
            except ValueError:  # the last line of a tap that was killed
                continue
            match content["event"]:
                case "begin":
                    found.began, found.ended = True, False
                case "end":
                    found.ended = True
                case "full":
                    found.full = True
                case _ if "body" not in content:
                    found.too_large += 1
                case _:
                    yield _message(content)


def _message(content: dict[str, Any]) -> SeenMessage:
    properties = BasicProperties()
    properties.decode(b64decode(content["header"]), _PROPERTIES_AT)
    return SeenMessage(
        seen="delivered",
        at=content["at"],
        task=content.get("task"),
        queue=content.get("queue"),
        properties=properties,
        body=b64decode(content["body"]),
        peer=content.get("peer"),
        to_version=content.get("version"),
    )


class Messages:
    """Writes ``messages.jsonl``.

    Args:
        path: the file, made anew.
        most: octets that it may take; what is over is left out, and ``full`` says so.
    """

    def __init__(self, path: Path, most: int) -> None:
        self.path, self._room = path, most
        self._file = path.open("w", encoding="utf-8")
        self._known: set[bytes] = set()
        self.full = False
        self.about: dict[int, dict[str, Any]] = {}
        """By number: what a line of ``decoded.jsonl`` says of the message."""

    def add(self, message: SeenMessage) -> None:
        """Write a message, unless it was seen there before."""
        properties = _as_json(message.properties)
        known = _digest(message, properties)
        if known in self._known:
            return
        self._known.add(known)
        number = len(self.about) + 1
        where = {name: getattr(message, name) for name in WHERE if getattr(message, name) is not None}
        content = {"message": number, **where, "properties": properties, "body": b64encode(message.body).decode()}
        line = json.dumps(content) + "\n"
        if len(line) > self._room:
            self.full = True
            return
        self._room -= len(line)
        self._file.write(line)
        self.about[number] = about(content)

    def close(self) -> None:
        self._file.close()


def about(content: dict[str, Any]) -> dict[str, Any]:
    """What ``decoded.jsonl`` says of a message.

    Args:
        content: its line in ``messages.jsonl``.
    """
    properties = content["properties"]
    version = (properties.get("headers") or {}).get("version")
    where = {name: content[name] for name in WHERE if name in content}
    return where | {"type": properties.get("type"), "version": None if version is None else str(version)}


def _as_json(properties: BasicProperties) -> dict[str, Any]:
    """The properties that a message has, by their AMQP names, as JSON can hold them."""
    found = {name: value for name, value in vars(properties).items() if value is not None}
    return json.loads(json.dumps(found, default=_plain))  # type: ignore[no-any-return]


def _plain(value: Any) -> Any:
    """A table's value that JSON has no word for: octets, decimals, times (in whole seconds, as AMQP has them)."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return round(value.timestamp()) if isinstance(value, datetime) else str(value)


def _digest(message: SeenMessage, properties: dict[str, Any]) -> bytes:
    headers = {name: value for name, value in (properties.get("headers") or {}).items() if not name.startswith(OF_THE_BROKER)}
    place = [message.seen, message.task, message.queue, message.to_version or message.peer]
    digest = blake2b(json.dumps([place, properties | {"headers": headers}], sort_keys=True).encode(), digest_size=16)
    digest.update(message.body)
    return digest.digest()
