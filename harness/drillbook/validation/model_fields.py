"""A walk over the model beside the raw data: every value that a field of the model stands for, with what the model says about it.

It works on files that do not validate, so that a dangling name is told together with a missing key.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from drillbook.core.units import Unit, unit_among
from drillbook.validation.source import KeyPath


@dataclass(frozen=True)
class Leaf:
    """A raw value where the model has a field that is no part of its own."""

    path: KeyPath
    value: Any
    metadata: tuple[Any, ...]
    optional: bool
    """Whether the model takes nothing in its place."""

    def marked(self, kind: type) -> Any:
        """The first metadata of a kind, or None."""
        return next((mark for mark in self.metadata if isinstance(mark, kind)), None)


def key_of(name: str, field: FieldInfo) -> str:
    """How a field is written in the file."""
    return field.alias or name


def part_of(annotation: Any) -> type[BaseModel] | None:
    """The part of the file an annotation stands for, if it stands for one."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) is Annotated:
        return part_of(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return next((part for option in get_args(annotation) if (part := part_of(option))), None)
    return None


def parts(annotation: Any) -> Iterator[type[BaseModel]]:
    """The part that an annotation stands for, and all parts within it; one that is used twice comes twice."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        for field in annotation.model_fields.values():
            yield from parts(field.annotation)
    for inner in get_args(annotation):
        yield from parts(inner)


def units(model: type[BaseModel]) -> list[type[Unit[Any]]]:
    """Every unit that a part or one within it has values in, in the order of their declarations."""
    fields = [field for part in parts(model) for field in part.model_fields.values()]
    used = {unit_among(marks) for field in fields for marks in (field.metadata, *_marks(field.annotation))}
    return [unit for unit in Unit.__subclasses__() if unit in used]


def _marks(annotation: Any) -> Iterator[tuple[Any, ...]]:
    yield getattr(annotation, "__metadata__", ())
    for inner in get_args(annotation):
        yield from _marks(inner)


def leaves(model: type[BaseModel], raw: Any, path: KeyPath = ()) -> Iterator[Leaf]:
    """Every value in ``raw`` that a field of ``model`` or of its parts stands for."""
    if not isinstance(raw, dict):
        return
    for name, field in model.model_fields.items():
        key = key_of(name, field)
        if key in raw:
            yield from _below(field.annotation, tuple(field.metadata), raw[key], (*path, key))


def _below(annotation: Any, metadata: tuple[Any, ...], raw: Any, path: KeyPath) -> Iterator[Leaf]:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        yield from _below(arguments[0], (*metadata, *arguments[1:]), raw, path)
    elif origin in (Union, UnionType):
        yield from _of_union(arguments, metadata, raw, path)
    elif origin is list and isinstance(raw, list):
        for number, item in enumerate(raw):
            yield from _below(arguments[0], (), item, (*path, number))
    elif origin is dict and isinstance(raw, dict):
        for key, item in raw.items():
            yield from _below(arguments[1], (), item, (*path, key))
    elif part := part_of(annotation):
        yield from leaves(part, raw, path)
    else:
        yield Leaf(path, raw, metadata, optional=annotation is NoneType)


def _of_union(options: tuple[Any, ...], metadata: tuple[Any, ...], raw: Any, path: KeyPath) -> Iterator[Leaf]:
    if raw is None:
        yield Leaf(path, raw, metadata, optional=NoneType in options)
        return
    for option in options:
        if option is not NoneType:
            yield from _below(option, metadata, raw, path)


def keys_at(model: type[BaseModel], path: KeyPath) -> list[str]:
    """The keys that the part at a path may have; none where the model has no part."""
    part = _part_at(model, path)
    return [key_of(name, field) for name, field in part.model_fields.items()] if part else []


def key_named(model: type[BaseModel], path: KeyPath, name: str) -> str | None:
    """The key that the code calls ``name`` in the part at a path, where the file calls it otherwise."""
    part = _part_at(model, path)
    return part.model_fields[name].alias if part and name in part.model_fields else None


def description_at(model: type[BaseModel], path: KeyPath) -> str:
    """What the model says a key means; empty where it says nothing."""
    field = _field(_part_at(model, path[:-1]), path[-1])
    return description(field) if field else ""


def description(field: FieldInfo) -> str:
    """What a field means: its own words, or the first line about the part that it holds."""
    part = part_of(field.annotation)
    return field.description or ((part.__doc__ or "").strip().splitlines()[0] if part else "")


def _part_at(model: type[BaseModel], path: KeyPath) -> type[BaseModel] | None:
    here: Any = model
    for step in path:
        here = _step(here, step)
    return part_of(here)


def _step(annotation: Any, step: str | int) -> Any:
    part = part_of(annotation)
    if part is not None:
        field = _field(part, step)
        return field.annotation if field else None
    if get_origin(annotation) in (list, dict):
        return get_args(annotation)[-1]
    options = get_args(annotation) if get_origin(annotation) in (Union, UnionType, Annotated) else ()
    return next((option for option in options if get_origin(option) in (list, dict, Annotated)), None)


def _field(part: type[BaseModel] | None, key: str | int) -> FieldInfo | None:
    return next((field for name, field in part.model_fields.items() if key_of(name, field) == key), None) if part else None
