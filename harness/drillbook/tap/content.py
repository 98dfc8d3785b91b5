"""A message on its way in one direction of a channel: announced by a method, then a header frame, then as many body frames as it takes."""

from __future__ import annotations

from collections.abc import Callable
from json.encoder import encode_basestring_ascii as quoted
from struct import Struct

from .capture import LARGEST_BODY, Capture
from .frames import BODY, END, HEADER, UnreadableError
from .selector import Selector

_start = Struct(">H2xQ").unpack_from
_header_frame = Struct(">BHIH2xQ").unpack_from
_pack_frame = Struct(">BHI").pack
_BASIC = 60
_LEAST = 22
"""Octets of the smallest content header frame."""

OnWhole = Callable[[str], None]
"""Called when the whole body has passed, with the task as JSON that begins with a comma; empty where the message has none."""


class Content:
    """The content of one message at a time, as a channel interleaves none.

    Args:
        number: the channel's.
        selector: where a message carries its task's id.
        capture: who may want the messages themselves.
    """

    __slots__ = (
        *("_body_head", "_body_size", "_capture", "_elsewhere", "_keep", "_kept", "_missing", "_number", "_of_body", "_select", "_whole"),
        *("header_payload", "octets", "size", "task"),
    )

    def __init__(self, number: int, selector: Selector, capture: Capture | None = None) -> None:
        self._number, self._select = number, selector.read
        self._of_body, self._elsewhere, self._capture = selector.of_body, selector.elsewhere, capture
        self._keep = max(selector.keep, LARGEST_BODY if capture else 0)
        self._body_size, self._body_head = 0, b""
        """Of the message before: the size of its body, and with what its only body frame began."""
        self._whole: OnWhole | None = None
        self._kept: list[bytes] | None = None
        self._missing = 0
        self.task = ""
        """Of the message that has passed last, as JSON that begins with a comma; empty where it has none."""
        self.header_payload: bytes = b""
        self.octets: bytes | None = None
        self.size = 0
        """Of the message that has passed last, while messages are captured and where it has no task: the payload of its header frame, its
        body where that is small enough to be kept, and the size of it."""

    def whole(self, data: bytes, position: int) -> int:
        """Read a message whose header frame and only body frame lie whole at ``position``, as nearly all do.

        Returns:
            The position after it; 0 when it is not so, and its frames are to be read one by one.
        """
        length = len(data)
        if length - position < _LEAST:
            return 0
        kind, number, size, basic, body = _header_frame(data, position)
        position += 7
        after = end = position + size
        if kind != HEADER or number != self._number or basic != _BASIC or end >= length or data[end] != END:
            return 0
        if body:
            if body != self._body_size:
                self._body_size, self._body_head = body, _pack_frame(BODY, number, body & 0xFFFFFFFF)
            after += 8 + body
            if after >= length or data[after] != END or not data.startswith(self._body_head, end + 1):
                return 0
        if self._of_body:
            task = self._select(data[end + 8 : after]) if 0 < body <= self._keep else None
        else:
            task = self._select(data[position:end])
        if task is None or (self._capture is not None and self._capture.on):
            self.header_payload, self.size = data[position:end], body
            self.octets = None if body > LARGEST_BODY else data[end + 8 : after] if body else b""
        self.task = "" if task is None else f',"task":{quoted(task)}'
        return int(after) + 1

    def elsewhere(self, queue: str) -> str:
        """Where else the message that has passed last, and has no task, may carry an id, as JSON that begins with a comma.

        Args:
            queue: where it comes from.
        """
        return self._elsewhere.look(queue, self.header_payload, self.octets)

    @property
    def under_way(self) -> int | None:
        """How many octets of a body are still to come; -1: its header frame is; None: no message has passed in part."""
        return None if self._whole is None else self._missing

    def announce(self, whole: OnWhole) -> None:
        """A method that carries content has passed."""
        self._whole = whole
        self._missing = -1

    def header(self, payload: bytes) -> None:
        """Its header frame has passed.

        Raises:
            UnreadableError: no method announced it.
        """
        basic, self._missing = _start(payload)
        if self._whole is None or basic != _BASIC:
            raise UnreadableError("a content header belongs to no method")
        self._kept = [] if self._missing <= self._keep else None
        self.header_payload, self.size = payload, self._missing
        self._read(None if self._of_body else self._select(payload))
        if not self._missing:
            self._finish(self._whole)

    def body(self, size: int, octets: bytes) -> None:
        """One of its body frames, of ``size`` octets, has passed.

        Raises:
            UnreadableError: the header said less.
        """
        self._missing -= size
        if self._missing < 0 or self._whole is None:
            raise UnreadableError("a body is longer than its header said")
        if self._kept is not None:
            self._kept.append(octets)
        if not self._missing:
            self._finish(self._whole)

    def _read(self, task: str | None) -> None:
        self.task = "" if task is None else f',"task":{quoted(task)}'

    def _finish(self, whole: OnWhole) -> None:
        if self._of_body and self._kept:
            self._read(self._select(b"".join(self._kept)))
        if self._capture is not None or not self.task:
            self.octets = None if self._kept is None else b"".join(self._kept)
        self._whole = self._kept = None
        whole(self.task)
