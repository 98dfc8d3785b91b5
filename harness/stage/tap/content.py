"""A message on its way in one direction of a channel: announced by a method, then a header frame, then as many body frames as it takes."""

from __future__ import annotations

from collections.abc import Callable
from json.encoder import encode_basestring_ascii as quoted
from struct import Struct

from .frames import BODY, END, HEADER, UnreadableError
from .selector import Selector

_start = Struct(">H2xQ").unpack_from
_header_frame = Struct(">BHIH2xQ").unpack_from
_frame = Struct(">BHI").unpack_from
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
    """

    __slots__ = ("_kept", "_missing", "_number", "_selector", "_whole", "task")

    def __init__(self, number: int, selector: Selector) -> None:
        self._number, self._selector = number, selector
        self._whole: OnWhole | None = None
        self._kept: list[bytes] | None = None
        self._missing = 0
        self.task = ""
        """Of the message that has passed last, as JSON that begins with a comma; empty where it has none."""

    def whole(self, data: bytes, position: int) -> int:
        """Read a message whose header frame and only body frame lie whole at ``position``, as nearly all do.

        Returns:
            The position after it; 0 when it is not so, and its frames are to be read one by one.
        """
        length = len(data)
        if length - position < _LEAST:
            return 0
        size: int
        body: int
        kind, number, size, basic, body = _header_frame(data, position)
        position += 7
        end = position + size
        if kind != HEADER or number != self._number or basic != _BASIC:
            return 0
        after = end
        if body:
            after = end + 8 + body
            if after >= length or _frame(data, end + 1) != (BODY, number, body):
                return 0
        if after >= length or data[end] != END or data[after] != END:
            return 0
        selector = self._selector
        if selector.of_body:
            task = selector.read(data[end + 8 : after]) if 0 < body <= selector.keep else None
        else:
            task = selector.read(data[position:end])
        self.task = "" if task is None else f',"task":{quoted(task)}'
        return after + 1

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
        self._kept = [] if self._missing <= self._selector.keep else None
        self._read(None if self._selector.of_body else self._selector.read(payload))
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
        if self._selector.of_body and self._kept:
            self._read(self._selector.read(b"".join(self._kept)))
        self._whole = self._kept = None
        whole(self.task)
