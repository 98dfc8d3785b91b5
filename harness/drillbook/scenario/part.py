"""What every part of the scenario file has in common."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import UnionType
from typing import Annotated, ClassVar, Self, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, model_validator


class Part(BaseModel):
    """A part of the file: unknown keys are refused, and nothing is changed after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
    ONE_OF: ClassVar[tuple[tuple[str, ...], ...]] = ()
    """Keys of which exactly one is given."""

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        for *keys, last in self.ONE_OF:
            if sum(getattr(self, key) is not None for key in (*keys, last)) != 1:
                raise ValueError(f"give exactly one of {', '.join(keys)} and {last}")
        return self


def part_at(part: type[Part], path: Sequence[str | int]) -> type[Part] | None:
    """Which part of the file stands there; None where none does.

    Args:
        part: of the whole file.
        path: keys as the file has them, and the numbers of entries of lists.
    """
    here: object = part
    for key in path:
        here = _within(here, key)
    return next(_parts_of(here), None)


def _within(annotation: object, key: str | int) -> object:
    """What is annotated for a key of something of that type."""
    for part in _parts_of(annotation):
        return next((field.annotation for name, field in part.model_fields.items() if key in (name, field.alias)), None)
    for kind in _kinds(annotation):
        if get_origin(kind) in (dict, list):
            return get_args(kind)[-1]
    return None


def _parts_of(annotation: object) -> Iterator[type[Part]]:
    return (kind for kind in _kinds(annotation) if isinstance(kind, type) and issubclass(kind, Part))


def _kinds(annotation: object) -> Iterator[object]:
    """A type, or those that it is a union of, without what they are annotated with."""
    if get_origin(annotation) in (Union, UnionType):
        for kind in get_args(annotation):
            yield from _kinds(kind)
    elif get_origin(annotation) is Annotated:
        yield from _kinds(get_args(annotation)[0])
    else:
        yield annotation
