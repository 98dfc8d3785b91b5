"""Values of a scenario that the command line changes: ``--set stage.workers.v2.image=app:1.9``.

A key is the way to the value, its parts set off by dots; a part with a dot in it stands in double quotes, an entry of a list is its number,
from 0. What is not there yet is made, and what cannot stand beside it goes: an image takes the place of ``build``. A value is YAML, as it
would stand in the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.representer import BaseRepresenter

from drillbook.core.errors import UsageError
from drillbook.scenario import Scenario
from drillbook.scenario.part import part_at
from drillbook.validation.source import KeyPath, Place, ScenarioSource, parse, read

_PART = r'(?:"[^"]+"|[^".=\s]+)'
_CHANGE = re.compile(rf"({_PART}(?:\.{_PART})*)=(.*)", re.DOTALL)


@dataclass(frozen=True)
class ScenarioChange:
    """One value of a scenario, changed."""

    text: str
    """As it was given: ``load.rate=80/s``."""
    key: str
    parts: tuple[str, ...]
    value: str


def parse_changes(texts: Iterable[str]) -> tuple[ScenarioChange, ...]:
    """Read changes.

    Raises:
        UsageError: one is no change.
    """
    return tuple(map(_parse, texts))


def apply(changes: Iterable[ScenarioChange], source: ScenarioSource) -> None:
    """Change a file that was read; what is wrong with a change goes into the source's problems, with the change as its place."""
    for change in changes:
        _apply(change, source)


def changed_text(path: Path, changes: Sequence[ScenarioChange]) -> str:
    """A scenario file as changes have it, with a word on where it is from.

    Args:
        path: the file; it and the changes are known to be good.
    """
    source = read(path)
    apply(changes, source)
    text = StringIO()
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style, yaml.sort_base_mapping_type_on_output = False, False  # type: ignore[assignment]
    yaml.representer.add_representer(str, _as_written)
    yaml.dump(source.data, text)
    head = [f"# {path.name}, changed by", *(f"#   --set {line}" for change in changes for line in change.text.splitlines())]
    return "\n".join([*head, text.getvalue()])


def _as_written(representer: BaseRepresenter, text: str) -> ScalarNode:
    """A text; one with a line break that is no line feed only reads as itself when it is escaped."""
    style = '"' if re.search("[\r\x85\u2028\u2029]", text) else None
    return representer.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _parse(text: str) -> ScenarioChange:
    found = _CHANGE.fullmatch(text)
    if found is None:
        raise UsageError(
            f"--set {text}: that is no change.", 'Write KEY=VALUE, such as load.rate=80/s or stage.broker.queues."a.b".type=quorum.'
        )
    return ScenarioChange(text, found[1], tuple(part.strip('"') for part in re.findall(_PART, found[1])), found[2])


def _apply(change: ScenarioChange, source: ScenarioSource) -> None:
    value = ScenarioSource(f"--set {change.key}")
    place = Place(0, 0, value.file)
    if change.value.strip():
        parse(change.value, value)
    source.problems += value.problems
    path: KeyPath = ()
    here = source.data
    for number, part in enumerate(change.parts):
        key = _key(here, part)
        if key is None:
            source.refuse(place, f"{'.'.join(map(str, path)) or 'the file'} {_lacks(here, part)}")
            return
        path = (*path, key)
        if number + 1 < len(change.parts):
            here = _within(here, key)
    here[path[-1]] = value.data
    for other in _others(path) & set(here) if isinstance(here, dict) else ():
        del here[other]
        _forget(source, (*path[:-1], other))
    _move_places(source, path, value, place)


def _others(path: KeyPath) -> set[str]:
    """The keys that cannot stand beside this one: of an image that is given, the folder to build it from."""
    part = part_at(Scenario, path[:-1])
    return {other for group in (part.ONE_OF if part else ()) if path[-1] in group for other in group if other != path[-1]}


def _key(here: Any, part: str) -> str | int | None:
    """By what a part of a key is found in a mapping or a list; None where it cannot be."""
    if isinstance(here, dict):
        return part
    if isinstance(here, list) and part.isdecimal() and int(part) < len(here):
        return int(part)
    return None


def _within(here: Any, key: str | int) -> Any:
    """What is there, or a mapping for what is to come."""
    if isinstance(here, dict) and here.get(str(key)) is None:
        here[key] = {}
    return here[key]


def _lacks(here: Any, part: str) -> str:
    if isinstance(here, list):
        return f"is a list of {len(here)}, so that there is no {part} in it; the first one is 0"
    return f"is {here!r}, so that there is no {part} in it"


def _forget(source: ScenarioSource, path: KeyPath) -> None:
    for places in (source.keys, source.values, source.written):
        for old in [old for old in places if old[: len(path)] == path]:
            del places[old]


def _move_places(source: ScenarioSource, path: KeyPath, value: ScenarioSource, place: Place) -> None:
    """Have the places of what was there forgotten, and those of what came known."""
    _forget(source, path)
    for length in range(1, len(path) + 1):
        source.keys.setdefault(path[:length], place)
        source.values.setdefault(path[:length], place)
    source.keys |= {(*path, *inner): Place(one.line, one.column, place.file) for inner, one in value.keys.items()}
    source.values |= {(*path, *inner): Place(one.line, one.column, place.file) for inner, one in value.values.items() if inner}
    source.written |= {(*path, *inner): text for inner, text in value.written.items()}
