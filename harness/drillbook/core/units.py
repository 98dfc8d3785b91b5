"""Durations, rates and sizes as people write them: ``250ms``, ``5s``, ``2m``; ``300/s``; ``64KiB``; ``64KiB/s``."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

NANOSECONDS = 1_000_000_000
_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_BYTES = {"": 1, "B": 1, "KB": 1000, "MB": 1000**2, "KiB": 1024, "MiB": 1024**2}
DURATION = r"^(\d+(?:\.\d+)?)(us|ms|s|m|h)$"
_RATE = r"^(\d+(?:\.\d+)?)/(s|m|h)$"
_SIZE = r"^(\d+)(B|KB|MB|KiB|MiB)?$"
_BYTE_RATE = r"^(\d+)(B|KB|MB|KiB|MiB)/s$"


def seconds(text: Any) -> float:
    """Parse a duration such as ``250ms`` into seconds; a number passes as seconds already.

    Raises:
        ValueError: the text is not a duration; the message shows a correct one.
    """
    if isinstance(text, float):
        return text
    match = re.match(DURATION, text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f"{text!r} is not a duration: write a number and a unit, such as 250ms, 5s or 2m")
    return float(match[1]) * _SECONDS[match[2]]


def per_second(text: Any) -> float:
    """Parse a rate such as ``300/s`` into events a second.

    Raises:
        ValueError: the text is not a rate above zero.
    """
    if isinstance(text, float):
        return text
    match = re.match(_RATE, text) if isinstance(text, str) else None
    if match is None or float(match[1]) <= 0:
        raise ValueError(f"{text!r} is not a rate above zero: write a number and a unit, such as 300/s or 20/m")
    return float(match[1]) / _SECONDS[match[2]]


def size_bytes(text: Any) -> int:
    """Parse a size such as ``64KiB`` into bytes; a whole number is bytes.

    Raises:
        ValueError: the text is not a size.
    """
    match = re.match(_SIZE, str(text)) if isinstance(text, int | str) and not isinstance(text, bool) else None
    if match is None:
        raise ValueError(f"{text!r} is not a size: write a whole number of bytes, or a unit, such as 256, 64KiB or 1MiB")
    return int(match[1]) * _BYTES[match[2] or ""]


def bytes_per_second(text: Any) -> float:
    """Parse a rate such as ``64KiB/s`` into bytes a second.

    Raises:
        ValueError: the text is not such a rate.
    """
    if isinstance(text, float):
        return text
    match = re.match(_BYTE_RATE, text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f"{text!r} is not a rate of bytes: write a whole number and a unit, such as 64KiB/s or 1MB/s")
    return float(int(match[1]) * _BYTES[match[2]])


Duration = Annotated[
    float,
    BeforeValidator(seconds),
    WithJsonSchema({"type": "string", "pattern": DURATION, "examples": ["250ms", "5s", "2m"]}),
]
"""Seconds; written ``250ms``, ``5s``, ``2m``."""

Rate = Annotated[
    float,
    BeforeValidator(per_second),
    WithJsonSchema({"type": "string", "pattern": _RATE, "examples": ["300/s", "20/m"]}),
]
"""Events a second; written ``300/s``."""

Size = Annotated[
    int,
    BeforeValidator(size_bytes),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": _SIZE}], "examples": [256, "64KiB"]}),
]
"""Bytes; written ``256`` or ``64KiB``."""


ByteRate = Annotated[
    float,
    BeforeValidator(bytes_per_second),
    WithJsonSchema({"type": "string", "pattern": _BYTE_RATE, "examples": ["64KiB/s", "1MB/s"]}),
]
"""Bytes a second; written ``64KiB/s``."""

SYMBOLS: dict[Any, str] = {seconds: "s", bytes_per_second: "bytes/s"}
"""What stands behind a value when it is told, by what parses it."""


def written(duration: float) -> str:
    """Seconds as a scenario file has them: ``250ms``, ``5s``, ``2m``."""
    if duration and duration % 60 == 0:
        return f"{duration / 60:g}m"
    return f"{duration:g}s" if duration == 0 or duration >= 1 else f"{duration * 1000:g}ms"
