"""Close a channel in the middle of things, as a broker does that meets an error on it: at the broker first, then at the client.

Until both have answered, nothing of the channel is carried on either way. An end that closes the channel itself meanwhile gets its answer
from the tap.
"""

from __future__ import annotations

from struct import Struct
from typing import Protocol

from .channel import method
from .connection import Connection
from .frame_groups import FrameGroup
from .frames import END, METHOD

_frame = Struct(">BHI").pack
_code = Struct(">H").pack
_CLOSE, _CLOSE_OK = method(20, 40), method(20, 41)
_INTERNAL_ERROR = 541
_TEXT = "INTERNAL_ERROR - closed by the drill"


class Ends(Protocol):
    """The connection whose channels are closed, with its two ends."""

    connection: Connection

    def insert(self, who: str, number: int, payload: bytes) -> None:
        """Send a method in the name of ``who``."""

    def is_amid(self, who: str, number: int) -> bool:
        """Whether ``who`` has sent a part of a message on a channel that was carried on already."""


class ChannelCloser:
    """The channels of a connection that the tap is closing."""

    def __init__(self, ends: Ends) -> None:
        self._ends = ends
        self._awaited: dict[int, str] = {}
        """Whose answer is waited for, by channel."""
        self._closed_itself: set[int] = set()
        """Channels that the client has closed meanwhile."""

    def __bool__(self) -> bool:
        return bool(self._awaited)

    def close(self, number: int) -> None:
        """Begin to close a channel, unless it is being closed."""
        if number not in self._awaited:
            self._awaited[number] = "broker"
            self._ends.connection.channels[number].end(f"{_INTERNAL_ERROR} {_TEXT} (tap)")
            self._ends.insert("client", number, _close())

    def lets_pass(self, who: str, unit: FrameGroup) -> bool:
        """Whether a unit that ``who`` sends concerns no such channel; else it is taken as the answer it may be."""
        awaited = self._awaited.get(unit.number)
        if awaited is None or (awaited == "client" and who == "broker"):
            return True
        if not unit.name:  # the rest of a message of which a part has been carried already
            return self._ends.is_amid(who, unit.number)
        if unit.name == _CLOSE:
            self._is_closed_by(who, unit.number)
        elif unit.name == _CLOSE_OK and who == awaited:
            self._answered(who, unit.number)
        return False

    def _is_closed_by(self, who: str, number: int) -> None:
        if who == "client" and self._awaited[number] == "broker":
            self._closed_itself.add(number)
        else:
            self._ends.insert("broker" if who == "client" else "client", number, _CLOSE_OK)

    def _answered(self, who: str, number: int) -> None:
        if who == "client":
            del self._awaited[number]
        elif number in self._closed_itself:
            self._closed_itself.remove(number)
            del self._awaited[number]
            self._ends.insert("broker", number, _CLOSE_OK)
        else:
            self._awaited[number] = "client"
            self._ends.insert("broker", number, _close())


def _close() -> bytes:
    text = _TEXT.encode()
    return _CLOSE + _code(_INTERNAL_ERROR) + bytes([len(text)]) + text + bytes(4)


def frame(number: int, payload: bytes) -> bytes:
    """A method frame."""
    return _frame(METHOD, number, len(payload)) + payload + bytes([END])
