"""What people write with a unit, one class a unit: ``250ms``, ``300/s``, ``64KiB``.

A unit says all there is to say of it once: how a text is read and a value written, what it is called, what it looks like. Types of the
model, JSON schema, pages and messages ask it, and know no unit by name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from types import UnionType
from typing import Annotated, Any, ClassVar, Generic, TypeVar, Union, get_args, get_origin

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, core_schema

from drillbook.core.problems import either

NANOSECONDS = 1_000_000_000
_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_BYTES = {"B": 1, "KB": 1000, "MB": 1000**2, "KiB": 1024, "MiB": 1024**2}

T = TypeVar("T")


class Unit(Generic[T]):
    """What every unit says of itself; it is never made an object, and stands as it is in ``Annotated[T, …]``."""

    name: ClassVar[str]
    """In words, as pages and messages have it."""
    form: ClassVar[str]
    """What one writes: ``a number and a unit``."""
    examples: ClassVar[tuple[str | int, ...]]
    pattern: ClassVar[str]
    """Of the whole text."""
    about: ClassVar[str] = ""
    """What else the page of the scenario file says of it."""
    assumed: ClassVar[str] = ""
    """The unit that a number without one probably means; empty: such a number is no value."""
    kinds: tuple[type[T], ...]
    """Of its values."""

    @classmethod
    def read(cls, raw: object) -> T:
        """Parse what a file has; a value passes as it is.

        Raises:
            ValueError: it is none; the message shows correct ones.
        """
        if isinstance(raw, cls.kinds) and not isinstance(raw, int):
            return raw
        match = re.fullmatch(cls.pattern, raw) if isinstance(raw, str) else None
        value = cls.value(match) if match else None
        if value is None:
            raise ValueError(f"{raw!r} is not a {cls.name}: write {cls.form}, such as {either(map(str, cls.examples))}")
        return value

    @classmethod
    def value(cls, match: re.Match[str]) -> T | None:
        """The value of a text that the pattern matches; None where it is none after all."""
        raise NotImplementedError

    @classmethod
    def write(cls, value: T) -> str | int:
        """A value as a scenario file has it."""
        return str(value)

    @classmethod
    def say(cls, value: T) -> str:
        """A value as a sentence of a report has it."""
        return str(cls.write(value))

    @classmethod
    def json_schema(cls) -> dict[str, Any]:
        """The JSON schema of what one may write."""
        return {"type": "string", "pattern": cls.pattern, "examples": list(cls.examples)}

    @classmethod
    def __get_pydantic_core_schema__(cls, source: type[T], handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(cls.read, handler(source))

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return cls.json_schema()


class Seconds(Unit[float]):
    """Durations."""

    name = "duration"
    form = "a number and a unit"
    examples = ("250ms", "5s", "2m")
    pattern = r"^(\d+(?:\.\d+)?)(us|ms|s|m|h)$"
    about = "A bare number is refused, as nobody can tell its unit. Every time is a limit: what happens next follows from events."
    assumed = "s"
    kinds = (float,)

    @classmethod
    def value(cls, match: re.Match[str]) -> float:
        """Of ``250ms``: 0.25."""
        return float(match[1]) * _SECONDS[match[2]]

    @classmethod
    def write(cls, value: float) -> str:
        """``250ms``, ``5s``, ``2m``."""
        if value and value % 60 == 0:
            return f"{value / 60:g}m"
        return f"{value:g}s" if value == 0 or value >= 1 else f"{value * 1000:g}ms"

    @classmethod
    def say(cls, value: float) -> str:
        """``0.25 s``."""
        return f"{value:g} s"


class PerSecond(Unit[float]):
    """Rates of events."""

    name = "rate"
    form = "a number above zero and a unit"
    examples = ("300/s", "20/m")
    pattern = r"^(\d+(?:\.\d+)?)/(s|m|h)$"
    about = "It counts events in a unit of time."
    assumed = "/s"
    kinds = (float,)

    @classmethod
    def value(cls, match: re.Match[str]) -> float | None:
        """Of ``30/m``: 0.5."""
        return float(match[1]) / _SECONDS[match[2]] or None

    @classmethod
    def write(cls, value: float) -> str:
        """``300/s``, and ``20/m`` where that is shorter."""
        return f"{value:g}/s" if float(f"{value:g}") == value else f"{value * 60:g}/m"


class Bytes(Unit[int]):
    """Sizes; a whole number is bytes already."""

    name = "size"
    form = "a whole number of bytes, alone or with a unit"
    examples = (256, "64KiB", "1MiB")
    pattern = r"^(\d+)(B|KB|MB|KiB|MiB)?$"
    kinds = (int,)

    @classmethod
    def read(cls, raw: object) -> int:
        return super().read(str(raw) if type(raw) is int else raw)

    @classmethod
    def value(cls, match: re.Match[str]) -> int:
        """Of ``64KiB``: 65,536."""
        return int(match[1]) * _BYTES[match[2] or "B"]

    @classmethod
    def write(cls, value: int) -> str | int:
        """``64KiB``, and 300 as it is."""
        return next((f"{value // _BYTES[unit]}{unit}" for unit in ("MiB", "KiB") if value and value % _BYTES[unit] == 0), value)

    @classmethod
    def json_schema(cls) -> dict[str, Any]:
        text = super().json_schema()
        return {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": cls.pattern}], "examples": text["examples"]}


Duration = Annotated[float, Seconds]
"""Seconds; written ``250ms``, ``5s``, ``2m``."""
Rate = Annotated[float, PerSecond]
"""Events a second; written ``300/s``."""
Size = Annotated[int, Bytes]
"""Bytes; written ``256`` or ``64KiB``."""


class BytesPerSecond(Unit[float]):
    """Rates of bytes."""

    name = "byte rate"
    form = "a number of bytes above zero, with its unit, in a second"
    examples = ("64KiB/s", "1.5MB/s")
    pattern = r"^(\d+(?:\.\d+)?)(B|KB|MB|KiB|MiB)/s$"
    assumed = "B/s"
    kinds = (float,)

    @classmethod
    def value(cls, match: re.Match[str]) -> float | None:
        """Of ``64KiB/s``: 65,536."""
        return float(match[1]) * _BYTES[match[2]] or None

    @classmethod
    def write(cls, value: float) -> str:
        """``64KiB/s``, and ``300B/s`` where it is no whole number of anything larger."""
        unit = next((unit for unit in ("MiB", "KiB", "MB", "KB") if value % _BYTES[unit] == 0), "B")
        return f"{value / _BYTES[unit]:.15g}{unit}/s"


ByteRate = Annotated[float, BytesPerSecond]
"""Bytes a second; written ``64KiB/s``."""


def unit_among(marks: Iterable[Any]) -> type[Unit[Any]] | None:
    """The unit among an annotation's marks, where there is one."""
    return next((mark for mark in marks if isinstance(mark, type) and issubclass(mark, Unit)), None)


def unit_of(field: FieldInfo) -> type[Unit[Any]] | None:
    """The unit of a field, one that may be left out too."""
    options = get_args(field.annotation) if get_origin(field.annotation) in (Union, UnionType) else ()
    return unit_among([*field.metadata, *(mark for option in options for mark in getattr(option, "__metadata__", ()))])
