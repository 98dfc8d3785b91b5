"""YAML with the place of every key and value: what the loader validates and points into.

YAML 1.2 (``on`` and ``no`` are text), one document, plain values only. Dates stay text, as nothing in a scenario is a date.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from drillbook.core.problems import Problem

KeyPath = tuple[str | int, ...]
"""Where a value is: ``("faults", 0, "kill", "target")``."""

MOST_VALUES = 50_000
"""More than any scenario has; aliases of aliases can name billions."""

_TAG = "tag:yaml.org,2002:"
_TEXT = {f"{_TAG}str", f"{_TAG}timestamp"}
_PLAIN = {f"{_TAG}{name}" for name in ("int", "float", "bool", "null")}


@dataclass(frozen=True)
class Place:
    """A line and a column, both counted from 1; both 0: the whole of it."""

    line: int
    column: int
    file: str | None = None
    """Where it is not in the file itself: the change of the command line that it is in."""


@dataclass
class ScenarioSource:
    """A scenario file, read: plain data, and where each key and value of it stands."""

    file: str
    data: Any = None
    keys: dict[KeyPath, Place] = field(default_factory=dict)
    values: dict[KeyPath, Place] = field(default_factory=dict)
    written: dict[KeyPath, str] = field(default_factory=dict)
    """Scalars as the file has them: ``5s``, ``1.10``."""
    problems: list[Problem] = field(default_factory=list)

    def key(self, path: KeyPath) -> Place:
        """Where a key stands; of a list's entry, its value; of what is not there, the nearest part that is."""
        return self.keys.get(path) or self.values.get(path) or (self.key(path[:-1]) if path else Place(1, 1))

    def value(self, path: KeyPath) -> Place:
        """Where a value stands; of what is not there, the nearest part that is."""
        return self.values.get(path) or self.key(path)

    def within(self, path: KeyPath) -> list[Place]:
        """Where the value at a path stands, and each that is part of it."""
        return [place for other, place in self.values.items() if other[: len(path)] == path]

    def get(self, *path: str | int) -> Any:
        """The raw value at a path, None where there is none."""
        here = self.data
        for step in path:
            if isinstance(here, dict):
                here = here.get(step)
            elif isinstance(here, list) and isinstance(step, int) and step < len(here):
                here = here[step]
            else:
                return None
        return here

    def names(self, *path: str | int) -> list[str]:
        """The keys of the mapping at a path; none where there is no mapping."""
        here = self.get(*path)
        return list(here) if isinstance(here, dict) else []

    def refuse(self, place: Place, message: str) -> None:
        """Note a problem."""
        self.problems.append(Problem(place.file or self.file, place.line, place.column, message))


def read(path: Path) -> ScenarioSource:
    """Read a file; what is wrong with it is in ``problems``, and ``data`` is then what could be read, or None."""
    source = ScenarioSource(file=str(path))
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        source.refuse(Place(1, 1), f"the file cannot be read: {(error.strerror or str(error)).lower()}")
        return source
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        source.refuse(Place(line, error.start - error.object.rfind(b"\n", 0, error.start)), "the file is not UTF-8 text")
        return source
    return parse(text, source)


def parse(text: str, source: ScenarioSource) -> ScenarioSource:
    """Fill a source from YAML text."""
    try:
        node = YAML(typ="safe", pure=True).compose(text)
        if node is None:
            source.refuse(Place(1, 1), "the file is empty")
        else:
            source.data = _YamlReader(source).value(node, (), ())
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        source.refuse(Place(mark.line + 1, mark.column + 1) if mark else Place(1, 1), _syntax(error))
    except ReaderError as error:
        before = text[: error.position]
        place = Place(before.count("\n") + 1, error.position - before.rfind("\n"))
        source.refuse(place, f"not YAML: the control character {ord(text[error.position]):#04x} cannot stand in it")
    except YAMLError as error:
        source.refuse(Place(1, 1), f"not YAML: {' '.join(str(error).split())}")
    except RecursionError:
        source.data = None
        source.refuse(Place(1, 1), "the file is nested too deeply")
    except _TooMuchError:
        source.data = None
        source.refuse(Place(1, 1), f"the file has more than {MOST_VALUES} values once its aliases are written out")
    return source


class _TooMuchError(Exception):
    """The file would grow without bound."""


class _YamlReader:
    def __init__(self, source: ScenarioSource) -> None:
        self.source = source
        self.scalars = YAML(typ="safe", pure=True).constructor

    def value(self, node: Node, path: KeyPath, within: tuple[int, ...]) -> Any:
        """The plain value of a node; ``within`` holds the nodes it is nested in, to see one that holds itself."""
        if len(self.source.values) >= MOST_VALUES:
            raise _TooMuchError
        place = _place(node)
        self.source.values[path] = place
        if id(node) in within:
            self.source.refuse(place, "this alias names the part it stands in")
            return None
        within = (*within, id(node))
        if isinstance(node, MappingNode) and node.tag == f"{_TAG}map":
            return self._mapping(node, path, within)
        if isinstance(node, SequenceNode) and node.tag == f"{_TAG}seq":
            return [self.value(item, (*path, number), within) for number, item in enumerate(node.value)]
        if isinstance(node, ScalarNode) and node.tag in {*_TEXT, *_PLAIN}:
            return self._scalar(node, path)
        self.source.refuse(place, f"the tag {node.tag} has no meaning here")
        return None

    def _mapping(self, node: MappingNode, path: KeyPath, within: tuple[int, ...]) -> dict[str, Any]:
        content: dict[str, Any] = {}
        merged: list[Node] = []
        for key, item in node.value:
            if key.tag == f"{_TAG}merge":
                merged += item.value if isinstance(item, SequenceNode) else [item]
                continue
            if not isinstance(key, ScalarNode) or key.tag not in _TEXT:
                self.source.refuse(_place(key), f"a key is text{f': write {chr(34)}{key.value}{chr(34)}' if key.id == 'scalar' else ''}")
                continue
            where = (*path, key.value)
            if key.value in content:
                first = self.source.keys[where]
                self.source.refuse(_place(key), f"{key.value} is here twice; the first is on line {first.line}")
                continue
            self.source.keys[where] = _place(key)
            content[key.value] = self.value(item, where, within)
        for part in merged:
            self._merge(part, content, path, within)
        return content

    def _merge(self, part: Node, content: dict[str, Any], path: KeyPath, within: tuple[int, ...]) -> None:
        if not isinstance(part, MappingNode):
            self.source.refuse(_place(part), "<< merges keys and values, and this has none")
            return
        if id(part) in within:
            self.source.refuse(_place(part), "this alias names the part it stands in")
            return
        for key, item in part.value:
            if key.tag == f"{_TAG}merge":
                self._merge(item, content, path, (*within, id(part)))
            elif isinstance(key, ScalarNode) and key.tag in _TEXT and key.value not in content:
                self.source.keys[(*path, key.value)] = _place(key)
                content[key.value] = self.value(item, (*path, key.value), (*within, id(part)))

    def _scalar(self, node: ScalarNode, path: KeyPath) -> Any:
        self.source.written[path] = node.value
        if node.tag in _TEXT:
            return node.value
        try:
            value = self.scalars.construct_object(node)
        except ValueError:
            value = math.nan
        if isinstance(value, float) and not math.isfinite(value):
            self.source.refuse(_place(node), f"{node.value[:40]} is not a number one can work with")
            return 0.0
        return value


def _place(node: Node) -> Place:
    return Place(node.start_mark.line + 1, node.start_mark.column + 1)


def _syntax(error: MarkedYAMLError) -> str:
    problem = error.problem or "the text cannot be read"
    if "'\\t'" in problem:
        return "not YAML: a tab cannot indent; use spaces"
    if "cannot start any token" in problem:
        found = problem.removeprefix("found ").removesuffix(" that cannot start any token")
        return f"not YAML: {found} cannot start a value; write the value in quotes"
    if "mapping values are not allowed" in problem:
        return "not YAML: a second colon in one line; write the value in quotes"
    if "found another document" in problem:
        return "a scenario file holds one document, and here a second begins"
    if "unexpected end of stream" in problem:
        begun = f", begun on line {error.context_mark.line + 1}," if error.context_mark else ""
        return f"not YAML: a quoted text{begun} has no end" if "quoted" in (error.context or "") else "not YAML: the file ends too early"
    context = f" {error.context}" if error.context else ""
    return f"not YAML:{context} {problem}" if context else f"not YAML: {problem}"
