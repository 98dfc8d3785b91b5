"""The invariants there are: one ``.sql`` file each, the built-in ones in ``invariants/`` and the user's own beside a scenario.

The comment lines a file begins with are its header::

    -- no_lost_tasks: Every confirmed task left an effect, or remains where the playbook may put it.
    -- needs: published, effects, leftovers
    -- needs complete: effects, leftovers
    -- parameter allow: list[state] = [] (where a task may remain without having been done)
    -- in words: 1 task is lost | {count} tasks are lost

``needs``: evidence without which it is inconclusive. ``needs complete``: evidence that could explain a counterexample away when it is
missing or incomplete (``nothing`` is a word for none; without the line: all that it needs). ``in words``: for the verdict's sentence, of
one and of many; ``in words late: …`` is for the rows whose column ``kind`` is ``late``. Other comment lines are its documentation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from drillbook.core.problems import suggestion
from drillbook.evidence.kinds import FILES
from drillbook.judge import parameters
from drillbook.judge.parameters import DeclaredNames

FOLDER = Path(__file__).parent / "invariants"

OLDER_KEYS = {"excused by": "needs complete"}
"""Lines of a header, as they were called in format 1 of the run directory, and what they are called now."""

OLDER_COLUMNS = {
    **{"bit_at": "took_effect_at", "lifted_at": "cleared_at", "not_bit": "no_effect", "not_lifted": "not_cleared"},
    **{"rests": "remains", "rests_in": "remains_in", "rests_queue": "remains_queue", "rests_reason": "remains_reason"},
}
"""Columns of the views, as they were called in format 1, and what they are called now."""
_OLDER = re.compile(rf"('(?:[^']|'')*')|\b({'|'.join(OLDER_COLUMNS)})\b")

_PARAMETER = re.compile(r"^parameter (\w+): (\S+?)(?: = (\S+|\[[^\]]*\]))?(?: \((.*)\))?$")
_WORDS = re.compile(r"^in words(?: ([\w ]+))?: ([^|]+)\|([^|]+)$")


@dataclass(frozen=True)
class Parameter:
    """What an invariant can be told in the scenario file."""

    name: str
    kind: str
    """Its type, as ``drillbook.judge.parameters`` knows it."""
    required: bool
    default: Any = None
    description: str = ""


@dataclass(frozen=True)
class Invariant:
    """One invariant: its header, and the SQL that returns counterexamples."""

    name: str
    path: Path
    sql: str
    sentence: str = ""
    needs: tuple[str, ...] = ()
    needs_complete: tuple[str, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    words: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """For the verdict's sentence, by kind of finding: of one, and of many with ``{count}``."""
    about: str = ""
    header_problems: tuple[str, ...] = ()
    built_in: bool = True

    def problems(self, given: Mapping[str, Any] | None, names: DeclaredNames | None = None) -> list[str]:
        """What is wrong with the parameters given in a scenario file, each as a sentence; nothing wrong, an empty list.

        Args:
            given: parameters by name, as the file has them.
            names: what the scenario declares, by kind; None: not checked.
        """
        if self.header_problems:
            return list(self.header_problems)
        given, by_name = given or {}, {parameter.name: parameter for parameter in self.parameters}
        found = [f"{self.name} has no parameter {name}{suggestion(name, list(by_name))}" for name in given if name not in by_name]
        found += [
            f"{self.name} needs the parameter {name}, {_example(parameter)}"
            for name, parameter in by_name.items()
            if parameter.required and name not in given
        ]
        for name in given.keys() & by_name.keys():
            try:
                parameters.bound(by_name[name].kind, given[name], names or {})
            except ValueError as error:
                found.append(f"{self.name}, {name}: {error}")
        return sorted(found)

    def bindings(self, given: Mapping[str, Any] | None) -> dict[str, Any]:
        """What the SQL's named parameters get, defaults filled in; call it only where ``problems`` found none."""
        values = self.values(given)
        return {
            parameter.name: None if values[parameter.name] is None else parameters.bound(parameter.kind, values[parameter.name], {})
            for parameter in self.parameters
        }

    def values(self, given: Mapping[str, Any] | None) -> dict[str, Any]:
        """Its parameters as one writes them, defaults filled in."""
        return {parameter.name: (given or {}).get(parameter.name, parameter.default) for parameter in self.parameters}

    def json_schema(self) -> dict[str, Any]:
        """The JSON schema of what may stand under its name in a scenario file."""
        properties = {
            parameter.name: parameters.schema(parameter.kind)
            | ({"description": parameter.description} if parameter.description else {})
            | ({} if parameter.required else {"default": parameter.default})
            for parameter in self.parameters
        }
        required = [parameter.name for parameter in self.parameters if parameter.required]
        content = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
        return {"description": self.sentence} | (content if required else {"anyOf": [{"type": "null"}, content]})

    def markdown(self) -> str:
        """Its page in the documentation."""
        lines = [f"# {self.name}", "", self.sentence, "", f"Needs: {', '.join(self.needs)}.", ""]
        if self.parameters:
            lines += ["| parameter | type | default | |", "|---|---|---|---|"]
            lines += [
                f"| `{parameter.name}` | {parameter.kind.replace('|', ' or ')} | {_shown(parameter)} | {parameter.description} |"
                for parameter in self.parameters
            ]
            lines.append("")
        return "\n".join(lines + ([self.about, ""] if self.about else []))


def catalogue(*folders: Path) -> dict[str, Invariant]:
    """Every invariant by name: the built-in ones, and each ``.sql`` file of the folders given.

    A file that cannot be an invariant (no header, a built-in's name) is in it too, and says so in ``problems``: other ``.sql`` files may
    stand beside a scenario, and matter only when they are named as an invariant.
    """
    found = dict(_built_in())
    for folder in folders:
        for path in sorted(folder.glob("*.sql")):
            found[path.stem] = _read(path, built_in=False)
    return found


def pages() -> dict[str, str]:
    """The documentation of the built-in invariants: file name to Markdown, for ``docs/invariants``."""
    return {f"{name}.md": invariant.markdown() for name, invariant in _built_in().items()}


@cache
def _built_in() -> dict[str, Invariant]:
    return {path.stem: _read(path, built_in=True) for path in sorted(FOLDER.glob("*.sql"))}


def _read(path: Path, built_in: bool) -> Invariant:
    if not built_in and path.stem in _built_in():
        return _unusable(path, f"{path.name}: {path.stem} is the name of a built-in invariant; give the file another name")
    try:
        sql = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        return _unusable(path, f"{path.name} cannot be read: {error}")
    return _parsed(path, sql, built_in)


def _unusable(path: Path, problem: str) -> Invariant:
    return Invariant(name=path.stem, path=path, sql="", header_problems=(problem,), built_in=False)


def _parsed(path: Path, sql: str, built_in: bool) -> Invariant:
    lines = _header(sql)
    about, problems = [], []
    found: dict[str, Any] = {"words": {}, "parameters": []}
    for number, text in enumerate(lines):
        key, _, value = text.partition(":")
        key = OLDER_KEYS.get(key, key)
        if number == 0 and key == path.stem and value.strip():
            found["sentence"] = value.strip()
        elif key in ("needs", "needs complete"):
            stems = tuple(stem.strip() for stem in value.split(",") if stem.strip() not in ("", "nothing"))
            problems += [f"there is no evidence {stem}{suggestion(stem, list(FILES))}" for stem in stems if stem not in FILES]
            found[key.replace(" ", "_")] = stems
        elif key.startswith("parameter "):
            problems += _add_parameter(text, found["parameters"])
        elif key.startswith("in words") and (match := _WORDS.match(text)):
            found["words"][match[1] or ""] = (match[2].strip(), match[3].strip())
        else:
            about.append(text)
    if "sentence" not in found:
        problems.insert(0, f"its first line must be `-- {path.stem}: ` and a sentence that says what must hold")
    if "needs" not in found:
        problems.append(f"it must say what it reads, such as `-- needs: published, effects` (there are {', '.join(FILES)})")
    found["parameters"] = tuple(found["parameters"])
    return Invariant(
        **{"needs_complete": found.get("needs", ())} | found,
        name=path.stem,
        path=path,
        sql=sql if built_in else _OLDER.sub(lambda found: found[1] or OLDER_COLUMNS[found[2]], sql),
        about="\n".join(about).strip(),
        header_problems=tuple(f"{path.name}: {problem}" for problem in problems),
        built_in=built_in,
    )


def _header(sql: str) -> list[str]:
    lines = []
    for line in sql.lstrip("\ufeff").splitlines():
        if not line.startswith("--"):
            break
        lines.append(line.removeprefix("--").removeprefix(" ").rstrip())
    return lines


def _add_parameter(text: str, into: list[Parameter]) -> list[str]:
    match = _PARAMETER.match(text)
    if match is None:
        return [f"`{text}` is no parameter: write `parameter name: type = default (what it means)`"]
    name, kind, default, description = match.groups()
    if not parameters.known(kind):
        return [f"the parameter {name} has the unknown type {kind}: use {parameters.kinds()}"]
    value = _default(default)
    into.append(Parameter(name=name, kind=kind, required=default is None, default=value, description=description or ""))
    try:
        if value is not None:
            parameters.bound(kind, value, {})
    except ValueError as error:
        return [f"the default of {name}: {error}"]
    return []


def _default(text: str | None) -> Any:
    """A default as YAML would read it: ``[dead, cancelled]``, ``30s``, ``3``, ``none``."""
    if text is None or text == "none":
        return None
    if text.startswith("["):
        return [_default(item.strip()) for item in text[1:-1].split(",") if item.strip()]
    try:
        return float(text) if "." in text else int(text)
    except ValueError:
        return text


def _example(parameter: Parameter) -> str:
    example = {"duration": "30s", "step": "{step: the step's name}", "int": "1", "float": "0.5"}.get(parameter.kind, f"a {parameter.kind}")
    return f"such as {parameter.name}: {example}"


def _shown(parameter: Parameter) -> str:
    if parameter.required:
        return "required"
    if isinstance(parameter.default, list):
        return f"[{', '.join(map(str, parameter.default))}]"
    return "none" if parameter.default is None else str(parameter.default)
