"""Read single fields of AMQP 0-9-1 payloads: strings, message properties, entries of a headers table.

Layouts: sections 4.2.5 and 4.2.6.1 of the protocol, types of table values as RabbitMQ reads them
(https://www.rabbitmq.com/amqp-0-9-1-errata#section_3).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from struct import Struct

TaskOf = Callable[[bytes], str | None]
"""From the payload of a content header frame to the task's id; None where the message carries none."""

_long = Struct(">I").unpack_from
_FLAGS, _FIRST = 12, 14

_SHORT_STRING, _TABLE = -1, -2
_BEFORE = (  # flag, and width in octets
    (0x8000, _SHORT_STRING),  # content_type
    (0x4000, _SHORT_STRING),  # content_encoding
    (0x2000, _TABLE),  # headers
    (0x1000, 1),  # delivery_mode
    (0x0800, 1),  # priority
    (0x0400, _SHORT_STRING),  # correlation_id
    (0x0200, _SHORT_STRING),  # reply_to
    (0x0100, _SHORT_STRING),  # expiration
)
_HEADERS, _CORRELATION_ID, _MESSAGE_ID = 0x2000, 0x0400, 0x0080

_NUMBERS = {
    kind: Struct(f">{code}")
    for kind, code in {"b": "b", "B": "B", "s": "h", "u": "H", "I": "i", "i": "I", "l": "q", "L": "q", "T": "Q", "t": "B"}.items()
}
_WIDTHS = {ord(kind): number.size for kind, number in _NUMBERS.items()} | {ord("f"): 4, ord("d"): 8, ord("D"): 5, ord("V"): 0}
_SIZED = frozenset(b"SxAF")


def short_string(payload: bytes, position: int) -> tuple[str, int]:
    """A short string, and the position after it.

    Raises:
        IndexError: the payload is shorter than the string.
    """
    start = position + 1
    end = start + payload[position]
    return text(payload, start, end), end


def text(payload: bytes, start: int, end: int) -> str:
    """Octets as text; what is not UTF-8 is kept as ``\\xNN``.

    Raises:
        IndexError: the payload is shorter.
    """
    if end > len(payload):
        raise IndexError("a string is longer than its frame")
    return payload[start:end].decode("utf-8", "backslashreplace")


def property_reader(name: str) -> TaskOf:
    """Reads the property ``message_id`` or ``correlation_id`` from the payload of a content header frame."""
    flag = {"message_id": _MESSAGE_ID, "correlation_id": _CORRELATION_ID}[name]

    def read(payload: bytes) -> str | None:
        position = _find(payload, flag)
        if not position:
            return None
        start = position + 1
        return text(payload, start, start + payload[position])

    return read


def header_reader(name: str) -> TaskOf:
    """Reads an entry of the headers table from the payload of a content header frame."""
    wanted = name.encode()
    return lambda payload: _header(payload, wanted)


def _find(payload: bytes, flag: int) -> int:
    """Where a property begins; 0 where the message does not have it."""
    widths = _widths_before(payload[_FLAGS:_FIRST], flag)
    if widths is None:
        return 0
    position = _FIRST
    for width in widths:
        if width == _SHORT_STRING:
            position += 1 + payload[position]
        elif width == _TABLE:
            position += 4 + _long(payload, position)[0]
        else:
            position += width
    return position


@lru_cache
def _widths_before(octets: bytes, flag: int) -> tuple[int, ...] | None:
    """The widths of the properties before one that the message has."""
    flags = int.from_bytes(octets, "big")
    return tuple(width for present, width in _BEFORE if present > flag and flags & present) if flags & flag else None


def _header(payload: bytes, name: bytes) -> str | None:
    position = _find(payload, _HEADERS)
    if not position:
        return None
    end = position + 4 + _long(payload, position)[0]
    position += 4
    while position < end:
        start = position + 1
        position = start + payload[position]
        if payload[start:position] == name:
            return _value(payload, position)
        position = _after(payload, position)
    return None


def _value(payload: bytes, position: int) -> str | None:
    """A table's value as a task id: a string, or a number in digits; None for what identifies nothing."""
    kind = chr(payload[position])
    if kind == "S":
        start = position + 5
        return text(payload, start, start + _long(payload, position + 1)[0])
    if kind in _NUMBERS and kind != "t":
        return str(_NUMBERS[kind].unpack_from(payload, position + 1)[0])
    return None


def _after(payload: bytes, position: int) -> int:
    """The position after a table's value; nested tables and arrays are passed over whole."""
    kind = payload[position]
    if kind in _SIZED:
        return position + 5 + int(_long(payload, position + 1)[0])
    if kind not in _WIDTHS:
        raise ValueError(f"a table holds a value of unknown type {chr(kind)!r}")
    return position + 1 + _WIDTHS[kind]
