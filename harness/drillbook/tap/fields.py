"""Read single fields of AMQP 0-9-1 payloads: strings, message properties, entries of a headers table.

Layouts: sections 4.2.5 and 4.2.6.1 of the protocol, types of table values as RabbitMQ reads them
(https://www.rabbitmq.com/amqp-0-9-1-errata#section_3).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from struct import Struct

TaskOfHeader = Callable[[bytes], str | None]
"""From the payload of a content header frame to the task's id; None where the message carries none."""

_long = Struct(">I").unpack_from
_FLAGS, _FIRST = 12, 14

_SHORT_STRING, _TABLE, _LABEL = -1, -2, -3
"""A label is a short string that is the same in messages of one kind."""
_BEFORE = (  # flag, and width in octets
    (0x8000, _LABEL),  # content_type
    (0x4000, _LABEL),  # content_encoding
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

_Extent = tuple[int, int]
"""Where a part of a payload begins and ends."""
_MOST_PLACES = 256
_TOO_LONG = "a string is longer than its frame"


def short_string(payload: bytes, position: int) -> tuple[str, int]:
    """A short string, and the position after it.

    Raises:
        IndexError: the payload is shorter than the string.
    """
    start = position + 1
    end = start + payload[position]
    return text(payload, start, end), end


def _short(payload: bytes, position: int) -> str:
    start = position + 1
    end = start + payload[position]
    if end > len(payload):
        raise IndexError(_TOO_LONG)
    return payload[start:end].decode("utf-8", "backslashreplace")


def text(payload: bytes, start: int, end: int) -> str:
    """Octets as text; what is not UTF-8 is kept as ``\\xNN``.

    Raises:
        IndexError: the payload is shorter.
    """
    if end > len(payload):
        raise IndexError(_TOO_LONG)
    return payload[start:end].decode("utf-8", "backslashreplace")


def property_reader(name: str) -> TaskOfHeader:
    """Reads the property ``message_id`` or ``correlation_id`` from the payload of a content header frame."""
    flag = {"message_id": _MESSAGE_ID, "correlation_id": _CORRELATION_ID}[name]
    return _Places(lambda payload: _property(payload, flag), _short).read


def header_reader(name: str) -> TaskOfHeader:
    """Reads an entry of the headers table from the payload of a content header frame."""
    wanted = name.encode()
    return _Places(lambda payload: _header(payload, wanted), _value).read


class _Places:
    """Where an id lies in payloads, remembered by what decides it: messages of one kind differ in values, and hardly in their layout.

    Args:
        find: the position of the id and the spans of the payload that decide it; position 0 where there is none.
        value: reads the id at a position.
    """

    def __init__(self, find: Callable[[bytes], tuple[int, list[_Extent]]], value: Callable[[bytes, int], str | None]) -> None:
        self._find, self._value = find, value
        self._known: dict[int, tuple[int, list[tuple[int, bytes]]]] = {}
        """By the length of a payload."""

    def read(self, payload: bytes) -> str | None:
        known = self._known.get(len(payload))
        if known is not None:
            for start, octets in known[1]:
                if not payload.startswith(octets, start):
                    break
            else:
                return self._value(payload, known[0])
        position, spans = self._find(payload)
        if not position:
            return None
        if len(self._known) >= _MOST_PLACES:
            self._known.clear()
        self._known[len(payload)] = position, [(start, payload[start:end]) for start, end in _joined(spans)]
        return self._value(payload, position)


def _joined(spans: list[_Extent]) -> list[_Extent]:
    """Spans that touch made one."""
    joined = spans[:1]
    for start, end in spans[1:]:
        if start == joined[-1][1]:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined


def _property(payload: bytes, flag: int) -> tuple[int, list[_Extent]]:
    """Where a property begins, 0 where the message does not have it; and the spans that decide it: flags and lengths."""
    spans = [(_FLAGS, _FIRST)]
    widths = _widths_before(payload[_FLAGS:_FIRST], flag)
    if widths is None:
        return 0, spans
    position = _FIRST
    for width in widths:
        if width in (_SHORT_STRING, _LABEL):
            start, position = position, position + 1 + payload[position]
            spans.append((start, position if width == _LABEL else start + 1))
        elif width == _TABLE:
            spans.append((position, position + 4))
            position += 4 + _long(payload, position)[0]
        else:
            position += width
    return position, spans


@lru_cache
def _widths_before(octets: bytes, flag: int) -> tuple[int, ...] | None:
    """The widths of the properties before one that the message has."""
    flags = int.from_bytes(octets, "big")
    return tuple(width for present, width in _BEFORE if present > flag and flags & present) if flags & flag else None


def _header(payload: bytes, name: bytes) -> tuple[int, list[_Extent]]:
    """Where the value of a header begins, at its type, and the spans that decide it: names, types and lengths of those before it too."""
    position, spans = _property(payload, _HEADERS)
    if not position:
        return 0, spans
    end = position + 4 + _long(payload, position)[0]
    spans.append((position, position + 4))
    position += 4
    while position < end:
        start = position + 1
        spans.append((position, start + payload[position] + 1))
        position = start + payload[position]
        if payload[start:position] == name:
            return position, spans
        if payload[position] in _SIZED:
            spans.append((position + 1, position + 5))
        position = _after(payload, position)
    return 0, spans


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
