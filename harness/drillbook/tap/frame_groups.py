"""Cut one direction of a connection into units that a rule can meet: a whole message with its content, or any other frame by itself."""

from __future__ import annotations

from json.encoder import encode_basestring_ascii as quoted
from struct import Struct

from .channel import DELIVER, GET_OK, PUBLISH
from .frames import BODY, END, HEADER, HEARTBEAT, LARGEST, METHOD
from .selector import Selector

_frame = Struct(">BHI").unpack_from
_body_size = Struct(">Q").unpack_from
_WITH_CONTENT = frozenset((PUBLISH, DELIVER, GET_OK))


class FrameGroup:
    """One or more frames of a channel that are carried on together, or not at all."""

    __slots__ = ("covers", "data", "name", "number", "task")

    def __init__(self, data: bytes, number: int = 0, name: bytes = b"", task: str = "") -> None:
        self.data, self.number, self.name, self.task = data, number, name, task
        """``name``: the first octets of its method; empty for a frame of another type. ``task``: of a message, as JSON that begins with
        a comma."""
        self.covers: list[str] = []
        """The tasks it is about, each as JSON that begins with a comma; filled in by whom it passes."""

    @property
    def payload(self) -> bytes:
        """Of its method frame; more follows where it has content."""
        return self.data[7:-1]


class FrameGrouper:
    """The units of one direction, from a frame's edge on.

    Args:
        selector: where a message carries its task's id.
    """

    def __init__(self, selector: Selector) -> None:
        self._selector = selector
        self._rest = b""
        self._messages: dict[int, _Message] = {}
        self._unreadable = False

    def feed(self, data: bytes) -> list[FrameGroup]:
        """The units that these bytes complete; what is no AMQP is handed out as it came."""
        units: list[FrameGroup] = []
        if self._rest:
            data = self._rest + data
        position = 0
        while not self._unreadable and len(data) - position >= 7:
            kind, number, size = _frame(data, position)
            end = position + 8 + size
            if kind not in (METHOD, HEADER, BODY, HEARTBEAT) or size > LARGEST or (end <= len(data) and data[end - 1] != END):
                self._unreadable = True
            elif end > len(data):
                break
            else:
                units += self._take(kind, number, data[position:end])
                position = end
        self._rest = data[position:]
        if self._unreadable:
            units.append(FrameGroup(self.rest()))
        return units

    def rest(self) -> bytes:
        """Take out what is of no unit yet."""
        rest = b"".join(b"".join(message.frames) for message in self._messages.values()) + self._rest
        self._messages.clear()
        self._rest = b""
        return rest

    def _take(self, kind: int, number: int, frame: bytes) -> list[FrameGroup]:
        message = self._messages.get(number)
        if kind == METHOD:
            return self._method(number, frame)
        if message is None or kind == HEARTBEAT:
            return [FrameGroup(frame, number)]
        if not message.add(kind, frame):
            return []
        del self._messages[number]
        return [FrameGroup(b"".join(message.frames), number, message.frames[0][7:11], message.task(self._selector))]

    def _method(self, number: int, frame: bytes) -> list[FrameGroup]:
        """A method ends a message that is not whole, which the receiver has to judge."""
        cut = self._messages.pop(number, None)
        before = [FrameGroup(b"".join(cut.frames), number)] if cut else []
        name = frame[7:11]
        if name in _WITH_CONTENT:
            self._messages[number] = _Message(frame)
            return before
        return [*before, FrameGroup(frame, number, name)]


class _Message:
    """The frames of a message that is not whole yet."""

    def __init__(self, method: bytes) -> None:
        self.frames = [method]
        self._missing = 0

    def add(self, kind: int, frame: bytes) -> bool:
        """Whether it is whole now."""
        self.frames.append(frame)
        if kind == HEADER and len(frame) >= 20:
            self._missing = _body_size(frame, 11)[0]
        else:
            self._missing -= len(frame) - 8
        return self._missing <= 0

    def task(self, selector: Selector) -> str:
        """Its task as JSON that begins with a comma; empty where it has none."""
        body = sum(len(frame) - 8 for frame in self.frames[2:])
        if selector.of_body and not 0 < body <= selector.keep:
            return ""
        read = b"".join(frame[7:-1] for frame in self.frames[2:]) if selector.of_body else self.frames[1][7:-1]
        try:
            task = selector.read(read)
        except (IndexError, ValueError):  # what it carries makes no sense, as the scanner will say
            return ""
        return "" if task is None else f',"task":{quoted(task)}'
