"""Cut a stream of bytes into AMQP 0-9-1 frames, however the network has split or joined them.

A frame is: type (octet), channel (short), size (long), ``size`` octets of payload, and the octet 0xCE
(https://www.rabbitmq.com/resources/specs/amqp0-9-1.pdf, section 4.2.3). Bodies are counted and not kept unless a scanner is asked to,
so that what it remembers is at most one frame.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct

PREAMBLE = b"AMQP\x00\x00\x09\x01"
"""What a client sends first: the protocol's name and its version."""
LARGEST = 1 << 24
"""Octets of a method or header frame above which the stream is taken for something else; brokers negotiate 128 KiB."""
METHOD, HEADER, BODY, HEARTBEAT, END = 1, 2, 3, 8, 0xCE

_frame = Struct(">BHI").unpack_from

OnMethod = Callable[[int, bytes, int, int], int]
OnHeader = Callable[[int, bytes], None]
OnBody = Callable[[int, int, bytes], None]


class UnreadableError(Exception):
    """The bytes are not AMQP 0-9-1; the message says what they are instead."""


class Frames:
    """The frames of one direction of one connection.

    Args:
        method: called for each method frame with its channel, the bytes at hand, and where in them its payload begins and ends; gives
            the position to go on from, which is further on when it has read the frames behind it as well.
        header: called with the channel and the payload of each content header frame.
        body: called with the channel, the payload's size in octets, and the payload where it is kept, when a body frame is whole.
        preamble: what the stream must begin with.
        keep: the largest payload of a body frame that is kept, in octets.
    """

    def __init__(self, method: OnMethod, header: OnHeader, body: OnBody, preamble: bytes = b"", keep: int = 0) -> None:
        self._method, self._header, self._body = method, header, body
        self._preamble, self._keep = preamble, keep
        self._rest = b""
        self._missing = -1
        self._channel = self._size = 0

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the stream.

        Raises:
            UnreadableError: they are not AMQP 0-9-1; do not feed again.
        """
        if self._rest:
            data = self._rest + data
            self._rest = b""
        position = 0
        if self._preamble:
            position = self._greet(data)
        elif self._missing >= 0:
            position = self._skip(data)
        if position >= 0:
            self._rest = data[self._cut(data, position) :]

    @property
    def owed(self) -> int:
        """How many octets are to come, at the least, before the stream can be at a frame's edge; 0: it is."""
        if self._preamble:
            return len(self._preamble) - len(self._rest)
        if self._missing >= 0:
            return self._missing + 1
        if not self._rest:
            return 0
        return (7 if len(self._rest) < 7 else 8 + int(_frame(self._rest)[2])) - len(self._rest)

    def _greet(self, data: bytes) -> int:
        if not self._preamble.startswith(data[: len(self._preamble)]):
            raise UnreadableError(f"it begins with {data[:8]!r} instead of the AMQP 0-9-1 header")
        if len(data) < len(self._preamble):
            self._rest = data
            return -1
        position, self._preamble = len(self._preamble), b""
        return position

    def _skip(self, data: bytes) -> int:
        """Pass over the part of a body frame that had not come yet; -1 while it is still not whole."""
        if len(data) <= self._missing:
            self._missing -= len(data)
            return -1
        end, self._missing = self._missing, -1
        if data[end] != END:
            raise UnreadableError(f"a body frame ends with octet {data[end]:#x}")
        self._body(self._channel, self._size, b"")
        return end + 1

    def _cut(self, data: bytes, position: int) -> int:
        """Hand out every whole frame from ``position`` on; the position of the first octet not used."""
        length, method = len(data), self._method
        while length - position >= 7:
            kind, channel, size = _frame(data, position)
            start = position + 7
            end = start + size
            if end >= length:
                return self._part(kind, channel, size, position, length)
            if data[end] != END:
                raise UnreadableError(f"a frame ends with octet {data[end]:#x}")
            if kind == METHOD:
                position = method(channel, data, start, end)
                continue
            if kind == BODY:
                self._body(channel, size, data[start:end] if size <= self._keep else b"")
            elif kind == HEADER:
                self._header(channel, data[start:end])
            elif kind != HEARTBEAT or size:
                raise UnreadableError(f"a frame of type {kind} and {size} octets")
            position = end + 1
        return position

    def _part(self, kind: int, channel: int, size: int, position: int, length: int) -> int:
        """A frame whose end has not come yet: it waits for it, unless it is a body that is only counted."""
        if kind == BODY and size > self._keep:
            self._channel, self._size = channel, size
            self._missing = position + 7 + size - length
            return length
        if kind in (METHOD, HEADER) and size > LARGEST:
            raise UnreadableError(f"a frame of {size} octets")
        if kind not in (METHOD, HEADER, BODY) and (kind != HEARTBEAT or size):
            raise UnreadableError(f"a frame of type {kind} and {size} octets")
        return position
