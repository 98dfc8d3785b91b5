"""A message on its way in one direction of a channel: announced by a method, then a header frame, then as many body frames as it takes."""

from __future__ import annotations

from collections.abc import Callable
from json.encoder import encode_basestring_ascii as quoted
from struct import Struct

from .fields import TaskOf
from .frames import UnreadableError

_start = Struct(">HHQ").unpack_from
_BASIC = 60

OnWhole = Callable[[str], None]
"""Called when the whole body has passed, with the task as JSON that begins with a comma; empty where the message has none."""


class Content:
    """The content of one message at a time, as a channel interleaves none.

    Args:
        task_of: reads a task's id from a content header.
    """

    __slots__ = ("_missing", "_task", "_task_of", "_whole")

    def __init__(self, task_of: TaskOf) -> None:
        self._task_of = task_of
        self._whole: OnWhole | None = None
        self._task = ""
        self._missing = 0

    def announce(self, whole: OnWhole) -> None:
        """A method that carries content has passed."""
        self._whole = whole

    def header(self, payload: bytes) -> None:
        """Its header frame has passed.

        Raises:
            UnreadableError: no method announced it.
        """
        basic, _, self._missing = _start(payload)
        if self._whole is None or basic != _BASIC:
            raise UnreadableError("a content header belongs to no method")
        task = self._task_of(payload)
        self._task = "" if task is None else f',"task":{quoted(task)}'
        if not self._missing:
            self._finish(self._whole)

    def body(self, size: int) -> None:
        """One of its body frames, of ``size`` octets, has passed.

        Raises:
            UnreadableError: the header said less.
        """
        self._missing -= size
        if self._missing < 0 or self._whole is None:
            raise UnreadableError("a body is longer than its header said")
        if not self._missing:
            self._finish(self._whole)

    def _finish(self, whole: OnWhole) -> None:
        self._whole = None
        whole(self._task)
