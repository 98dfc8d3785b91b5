"""Cut a stream of bytes into AMQP 0-9-1 frames, however the network has split or joined them.

A frame is: type (octet), channel (short), size (long), ``size`` octets of payload, and the octet 0xCE
(https://www.rabbitmq.com/resources/specs/amqp0-9-1.pdf, section 4.2.3). Bodies are counted and never kept, so that what a scanner
remembers is at most one method or header frame.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct

PREAMBLE = b"AMQP\x00\x00\x09\x01"
"""What a client sends first: the protocol's name and its version."""
LARGEST = 1 << 24
"""Octets of a method or header frame above which the stream is taken for something else; brokers negotiate 128 KiB."""

_METHOD, _HEADER, _BODY, _HEARTBEAT, _END = 1, 2, 3, 8, 0xCE
_SHOWN = (_METHOD, _HEADER)
_frame = Struct(">BHI").unpack_from

OnPayload = Callable[[int, bytes], None]
OnBody = Callable[[int, int], None]


class UnreadableError(Exception):
    """The bytes are not AMQP 0-9-1; the message says what they are instead."""


class Frames:
    """The frames of one direction of one connection.

    Args:
        method: called with the channel and the payload of each method frame.
        header: called with the channel and the payload of each content header frame.
        body: called with the channel and the payload's size in octets, when a body frame is whole.
        preamble: what the stream must begin with.
    """

    def __init__(self, method: OnPayload, header: OnPayload, body: OnBody, preamble: bytes = b"") -> None:
        self._method, self._header, self._body = method, header, body
        self._preamble = preamble
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
        self._whole_body(data[end])
        return end + 1

    def _cut(self, data: bytes, position: int) -> int:
        """Hand out every whole frame from ``position`` on; the position of the first octet not used."""
        length = len(data)
        while length - position >= 7:
            kind, channel, size = _frame(data, position)
            start = position + 7
            end = start + size
            if kind == _BODY:
                self._channel, self._size = channel, size
                if end >= length:
                    self._missing = end - length
                    return length
                self._whole_body(data[end])
            elif kind in _SHOWN:
                if size > LARGEST:
                    raise UnreadableError(f"a frame of {size} octets")
                if end >= length:
                    return position
                if data[end] != _END:
                    raise UnreadableError(f"a frame ends with octet {data[end]:#x}")
                (self._method if kind == _METHOD else self._header)(channel, data[start:end])
            elif kind != _HEARTBEAT or size:
                raise UnreadableError(f"a frame of type {kind} and {size} octets")
            elif end >= length:
                return position
            elif data[end] != _END:
                raise UnreadableError(f"a heartbeat ends with octet {data[end]:#x}")
            position = end + 1
        return position

    def _whole_body(self, last: int) -> None:
        if last != _END:
            raise UnreadableError(f"a body frame ends with octet {last:#x}")
        self._body(self._channel, self._size)
