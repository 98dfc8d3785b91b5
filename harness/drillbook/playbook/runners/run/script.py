"""A bash script, parsed: which of its functions are steps.

A step is a call of a function from the script's top level, named after the function (``drain_v2`` is ``drain v2``). Looked through, so that
their calls are the steps: a function called ``main``, functions that run their arguments (``run "$@"``), and sourced files. Aside, so never
steps: functions whose name begins with ``_``, the names in ``TALK``, and those called only in ``$(…)`` or by a ``trap``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Node

TALK = ("log", "say", "info", "warn", "error", "debug", "fail", "die", "usage", "help")
_SUBSTITUTIONS = ("command_substitution", "process_substitution")
_RUNS_ITS_ARGUMENTS = re.compile(r'^"?\$(?:[@*1]|\{[@*1](?::[^}]*)?\})"?$')
_PREFIXES = ("time", "coproc")


@dataclass(frozen=True)
class Functions:
    """What a script's functions are to the drill.

    Args:
        steps: the names of the steps, in the order of the text, each once.
        within: functions that are looked through.
        aside: functions that are never steps.
    """

    steps: tuple[str, ...]
    within: tuple[str, ...]
    aside: tuple[str, ...]


def functions(script: Path) -> Functions:
    """Read a script and the files that it sources."""
    return _Script(script).functions()


def step_name(function: str) -> str:
    """The name of the step that a function is: ``drain_v2`` is ``drain v2``."""
    return " ".join(function.replace("_", " ").split())


def plain_text(file: Path) -> str | None:
    """A file's text; None where it is none."""
    try:
        content = file.read_bytes()
        return None if b"\0" in content else content.decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return None


@dataclass
class _Calls:
    """Functions called by one stretch of a script, in order."""

    direct: list[str] = field(default_factory=list)
    substituted: list[str] = field(default_factory=list)
    trapped: list[str] = field(default_factory=list)


class _Script:
    """A bash script and the files it sources, parsed."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._functions: dict[str, Node] = {}
        self._sourced: dict[Path, Node] = {}
        self._root = self._load(file)

    def functions(self) -> Functions:
        within = [name for name, body in self._functions.items() if name == "main" or _runs_its_arguments(body)]
        calls = _Calls()
        self._follow(self._root, within, calls, set())
        direct = [name for name in dict.fromkeys(calls.direct) if name not in TALK and not name.startswith("_")]
        aside = [name for name in dict.fromkeys(calls.substituted + calls.trapped) if name not in direct and name not in within]
        names = dict.fromkeys(step_name(name) for name in direct)
        return Functions(tuple(names), tuple(within), (*TALK, *aside))

    def _load(self, file: Path) -> Node:
        import tree_sitter
        import tree_sitter_bash

        text = plain_text(file) or ""
        root = tree_sitter.Parser(tree_sitter.Language(tree_sitter_bash.language())).parse(text.encode()).root_node
        self._sourced[file.resolve()] = root
        for node in _nodes(root):
            if node.type == "function_definition" and (name := node.child_by_field_name("name")):
                self._functions[_literal(name) or ""] = node
            elif node.type == "command" and (sourced := self._source(node)) and sourced.resolve() not in self._sourced:
                self._load(sourced)
        return root

    def _source(self, node: Node) -> Path | None:
        """The file that ``source`` or ``.`` reads: its literal end, looked for beside the script."""
        words = _words(node)
        if len(words) < 2 or _literal(words[0]) not in ("source", "."):
            return None
        end = re.split(r"[})]|\$\w+", (words[1].text or b"").decode())[-1].strip("\"'").lstrip("/")
        file = self._file.parent / end
        return file if end and file.is_file() else None

    def _follow(self, node: Node, within: list[str], calls: _Calls, entered: set[str]) -> None:
        """Collect the calls below a node, in order; what is looked through is entered once."""
        for child in node.named_children:
            if child.type == "function_definition":
                continue
            if child.type in _SUBSTITUTIONS:
                calls.substituted += [name for name in map(_called, _nodes(child)) if name in self._functions]
                continue
            if child.type == "for_statement":
                calls.direct += [name for word in child.named_children if (name := _literal(word)) in self._functions]
            if child.type == "command":
                self._call(child, within, calls, entered)
            self._follow(child, within, calls, entered)

    def _call(self, node: Node, within: list[str], calls: _Calls, entered: set[str]) -> None:
        name = _called(node)
        if name == "trap":
            text = " ".join((word.text or b"").decode() for word in _words(node)[1:2])
            calls.trapped += [word for word in re.findall(r"[\w:-]+", text) if word in self._functions]
        elif sourced := self._source(node):
            if str(sourced.resolve()) not in entered:
                entered.add(str(sourced.resolve()))
                self._follow(self._sourced[sourced.resolve()], within, calls, entered)
        elif name in within:
            calls.direct += [word for word in map(_literal, _words(node)[1:]) if word in self._functions and word not in within]
            if name not in entered:
                entered.add(name)
                self._follow(self._functions[name], within, calls, entered)
        elif name in self._functions:
            calls.direct.append(name)


def _nodes(node: Node) -> Iterator[Node]:
    yield node
    for child in node.named_children:
        yield from _nodes(child)


def _words(command: Node) -> list[Node]:
    """The words of a command from its name on, without the assignments before it and the keyword ``time``."""
    words = [child for child in command.named_children if child.type not in ("variable_assignment", "file_redirect", "herestring_redirect")]
    while words and _literal(words[0]) in _PREFIXES:
        words = [word for word in words[1:] if not (_literal(word) or "").startswith("-")]
    return words


def _called(node: Node) -> str:
    words = _words(node) if node.type == "command" else []
    return (_literal(words[0]) or "") if words else ""


def _literal(node: Node) -> str | None:
    """The text of a word without its quotes; None where something in it is expanded."""
    text = (node.text or b"").decode("utf-8", "replace")
    return None if any(sign in text for sign in "$`") else text.strip("\"'")


def _runs_its_arguments(function: Node) -> bool:
    names = (words[0] for node in _nodes(function) if node.type == "command" and (words := _words(node)))
    return any(_RUNS_ITS_ARGUMENTS.match((name.text or b"").decode("utf-8", "replace")) for name in names)
