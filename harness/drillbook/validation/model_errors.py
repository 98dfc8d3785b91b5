"""What the model refuses, said in the file's own words: one problem a value, whatever pydantic makes of it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from drillbook.core.problems import LISTED, either, nearest, suggestion
from drillbook.validation.model_fields import description_at, key_named, keys_at
from drillbook.validation.source import KeyPath, Place, ScenarioSource

_WANTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "dict_type": "keys with values",
    "model_type": "keys with values",
    "model_attributes_type": "keys with values",
    "list_type": "a list",
}
_BOUNDS = {
    "greater_than": ("more than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("less than", "lt"),
    "less_than_equal": ("at most", "le"),
}


def explain(model: type[BaseModel], errors: Sequence[Mapping[str, Any]], source: ScenarioSource) -> None:
    """Note every error of a validation as a problem of the source.

    Args:
        model: what the whole file was validated as.
        errors: ``ValidationError.errors()``.
        source: the file; gains the problems.
    """
    by_value: dict[tuple[KeyPath, str], list[Mapping[str, Any]]] = defaultdict(list)
    for error in errors:
        path, rest = _split(error["loc"], source)
        missing = str(error["loc"][-1]) if error["type"] == "missing" else ""
        by_value[path, missing].append({**error, "branch": rest})
    unread = {Place(problem.line, problem.column) for problem in source.problems}
    misspelt = {meant for (path, _), group in by_value.items() if _is_unknown(group) and (meant := unknown_key(model, path, source))}
    for (path, missing), group in by_value.items():
        if missing and (*path, missing) not in misspelt:
            about = description_at(model, (*path, missing)).rstrip(".")
            source.refuse(source.key(path), f"{label(path)} needs {missing}{f': {about[0].lower()}{about[1:]}' if about else ''}")
        elif not missing and not _is_unknown(group) and source.value(path) not in unread:
            source.refuse(source.value(path), _refusal(path, group, source))


def unknown_key(model: type[BaseModel], path: KeyPath, source: ScenarioSource) -> KeyPath | None:
    """Note a key that the model does not have; gives the key that was probably meant."""
    key, known = str(path[-1]), keys_at(model, path[:-1])
    meant = key_named(model, path[:-1], key) or nearest(key, known)
    hint = f"; did you mean {meant}?" if meant else suggestion(key, known)
    source.refuse(source.key(path), f"{label(path[:-1])} has no key {key}{hint}")
    return (*path[:-1], meant) if meant else None


def label(path: KeyPath) -> str:
    """A part of the file as a person would name it: ``stage.broker``, ``latency of entry 1 of faults``."""
    if not path:
        return "a scenario"
    if isinstance(path[-1], int):
        return f"entry {path[-1] + 1} of {label(path[:-1])}"
    last_entry = max((number for number, step in enumerate(path) if isinstance(step, int)), default=-1)
    words = ".".join(str(step) for step in path[last_entry + 1 :])
    return f"{words} of {label(path[: last_entry + 1])}" if last_entry >= 0 else words


def _is_unknown(group: list[Mapping[str, Any]]) -> bool:
    return bool(group[0]["type"] == "extra_forbidden")


def _split(loc: Sequence[str | int], source: ScenarioSource) -> tuple[KeyPath, tuple[str | int, ...]]:
    """The part of an error's location that the file has, and what is left: a missing key, or pydantic's name for a union's branch."""
    for length in range(len(loc), -1, -1):
        if tuple(loc[:length]) in source.values:
            return tuple(loc[:length]), tuple(loc[length:])
    return (), tuple(loc)


def _refusal(path: KeyPath, group: list[Mapping[str, Any]], source: ScenarioSource) -> str:
    name = path[-1] if path and isinstance(path[-1], str) else label(path)
    kinds = {error["type"] for error in group}
    first = group[0]
    if kinds <= {*_WANTED, "literal_error"}:
        return _wrong_type(str(name), path, group, source)
    if first["type"] in _BOUNDS:
        words, key = _BOUNDS[first["type"]]
        return f"{name} must be {words} {first['ctx'][key]:.12g}, not {source.written.get(path, first['input'])}"
    if first["type"] == "too_short":
        return f"{name} needs at least one entry"
    if first["type"] == "string_too_short":
        return f"{name} is empty"
    message = str(first["msg"]).removeprefix("Value error, ")
    return f"{label(path) if isinstance(first['input'], dict) else name}: {message}"


def _wrong_type(name: str, path: KeyPath, group: list[Mapping[str, Any]], source: ScenarioSource) -> str:
    value = group[0]["input"]
    choices = [
        choice for error in group if error["type"] == "literal_error" for choice in re.findall(r"'([^']*)'", error["ctx"]["expected"])
    ]
    wanted = list(dict.fromkeys([*choices, *(_WANTED[error["type"]] for error in group if error["type"] in _WANTED)]))
    written = source.written.get(path, "")
    if value is None:
        return f"{name} has nothing in it; it takes {either(wanted)}"
    hint = ""
    if "text" in wanted and isinstance(value, bool | int | float):
        hint = f': write it in quotes, "{written}"'
    elif isinstance(value, str) and choices and len(choices) <= LISTED:
        meant = suggestion(value, choices, [])
        hint = meant if "did you mean" in meant else ""
    return f"{name} is {either(wanted)}, not {_said(value, written)}{hint}"


def _said(value: Any, written: str) -> str:
    if isinstance(value, dict):
        return "keys with values"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, bool):
        return written
    return f"the number {written}" if isinstance(value, int | float) else f"the text {written!r}"
