"""Units: what is read, what is refused, and what follows from the declaration of each."""

from __future__ import annotations

import re
from typing import Annotated, Any

import jsonschema
import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from drillbook.core import units
from drillbook.core.units import Bytes, BytesPerSecond, PerSecond, Seconds, Unit
from drillbook.scenario import moments

UNITS = {
    mark: alias
    for module in (units, moments)
    for alias in vars(module).values()
    for mark in getattr(alias, "__metadata__", ())
    if isinstance(mark, type) and issubclass(mark, Unit)
}
"""Every unit that a key of the scenario file can have, with the type that its keys have."""
READ: list[tuple[type[Unit[Any]], str, float]] = [
    *((Seconds, text, value) for text, value in {"250ms": 0.25, "5s": 5.0, "2m": 120.0, "1.5h": 5400.0, "0s": 0.0}.items()),
    *((PerSecond, text, value) for text, value in {"300/s": 300.0, "30/m": 0.5, "1.5/s": 1.5}.items()),
    *((Bytes, text, value) for text, value in {"300": 300, "64KiB": 65_536, "1MiB": 1_048_576, "2KB": 2000, "0": 0}.items()),
    *((BytesPerSecond, text, value) for text, value in {"64KiB/s": 65_536.0, "1.5MB/s": 1_500_000.0, "0.5B/s": 0.5}.items()),
]
REFUSED: list[tuple[type[Unit[Any]], object]] = [
    *((Seconds, raw) for raw in ("5", "5 s", "-5s", "5d", "s", "5s\n", 5, True, None, ["5s"])),
    *((PerSecond, raw) for raw in ("0/s", "300", "300/d", "/s", 300, None)),
    *((Bytes, raw) for raw in ("1.5KiB", "KiB", "1GiB", "64 KiB", -5, True, 2.0, None)),
    *((BytesPerSecond, raw) for raw in ("64KiB", "64/s", "0B/s", "64KiB/m", "64 KiB/s", 64, None)),
]


@pytest.mark.parametrize(("unit", "text", "value"), READ)
def test_a_text_is_read(unit: type[Unit[Any]], text: str, value: float) -> None:
    assert unit.read(text) == value


@pytest.mark.parametrize(("unit", "raw"), REFUSED)
def test_what_is_no_value_is_refused_with_correct_ones(unit: type[Unit[Any]], raw: object) -> None:
    shown = ".*".join(re.escape(str(example)) for example in unit.examples)
    with pytest.raises(ValueError, match=f"is not a {unit.name}: write {unit.form}, such as {shown}$"):
        unit.read(raw)


@pytest.mark.parametrize("unit", [unit for unit in Unit.__subclasses__() if unit.__module__.startswith("drillbook")])
def test_a_unit_is_the_mark_of_a_type(unit: type[Unit[Any]]) -> None:
    assert unit in UNITS


@pytest.mark.parametrize("unit", UNITS)
def test_an_example_is_read_and_what_is_written_of_it_is_the_same_value(unit: type[Unit[Any]]) -> None:
    values = [unit.read(example) for example in unit.examples]
    assert [unit.read(unit.write(value)) for value in values] == values == [unit.read(value) for value in values]
    assert all(isinstance(value, unit.kinds) for value in values)


@pytest.mark.parametrize("unit", UNITS)
def test_a_key_of_a_unit_takes_what_its_schema_takes_and_gives_the_value(unit: type[Unit[Any]]) -> None:
    key: TypeAdapter[Any] = TypeAdapter(UNITS[unit])
    for example in unit.examples:
        jsonschema.validate(example, key.json_schema())
        assert key.validate_python(example, strict=True) == unit.read(example)
    for wrong in ("nothing of the kind", -1):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, key.json_schema())
        with pytest.raises(ValidationError, match=f"is not a {unit.name}"):
            key.validate_python(wrong, strict=True)


@pytest.mark.parametrize("unit", [unit for unit in UNITS if unit.assumed])
def test_a_number_with_the_unit_that_it_probably_has_is_a_value(unit: type[Unit[Any]]) -> None:
    assert unit.read(f"2.5{unit.assumed}")


def test_a_default_is_written_as_one_writes_it() -> None:
    written = {
        Seconds: [(0.25, "250ms"), (90.0, "90s"), (120.0, "2m"), (0.0, "0s")],
        Bytes: [(300, 300), (2048, "2KiB"), (1 << 20, "1MiB")],
    }
    assert {unit: [(value, unit.write(value)) for value, _ in pairs] for unit, pairs in written.items()} == written


def test_a_byte_rate_is_written_in_the_largest_unit_that_it_is_a_whole_number_of() -> None:
    written = {65_536.0: "64KiB/s", 1_500_000.0: "1500KB/s", 2_000_000.0: "2MB/s", 1_234_567.0: "1234567B/s", 0.5: "0.5B/s"}
    assert {value: BytesPerSecond.write(value) for value in written} == written


def test_the_unit_of_a_field_is_found_beside_its_other_marks_and_where_it_may_be_left_out() -> None:
    class Part(BaseModel):
        plain: float = 0.0
        needed: Annotated[units.Duration, "another mark"]
        optional: units.Size | None = None
        several: list[units.Rate] = []

    assert {name: units.unit_of(field) for name, field in Part.model_fields.items()} == {
        "plain": None,
        "needed": Seconds,
        "optional": Bytes,
        "several": None,
    }
