"""Defaults of a project: the table ``[tool.drillbook]`` of the nearest ``pyproject.toml``, and the environment, which goes before it.

What the command line says goes before both.
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from drillbook.core.errors import UsageError
from drillbook.core.problems import sentence, suggestion

TABLE = "tool.drillbook"


@dataclass(frozen=True)
class Setting:
    """One default that a project can change.

    Args:
        name: of the option on the command line, without its dashes; in the table it is the same.
        kind: ``int`` or ``Path``; a path in the table is relative to the folder of its file.
        otherwise: the value where nobody says one.
    """

    name: str
    kind: type
    otherwise: Any

    @property
    def variable(self) -> str:
        """The variable of the environment: ``DRILLBOOK_JUNIT_XML``."""
        return f"DRILLBOOK_{self.name.upper().replace('-', '_')}"

    def value(self) -> Any:
        """What a command uses where its line does not say.

        Raises:
            UsageError: it is said, and cannot be used.
        """
        given = os.environ.get(self.variable)
        if given:
            return self._from_text(given)
        file, table = _table(Path.cwd())
        if self.name not in table or file is None:
            return self.otherwise
        found = table[self.name]
        if self.kind is Path and isinstance(found, str):
            return file.parent / found
        if type(found) is not self.kind:
            raise UsageError(f"{file}: {self.name} in [{TABLE}] is {found!r}, and should be {_WORDS[self.kind]}.")
        return found

    def _from_text(self, text: str) -> Any:
        try:
            return self.kind(text)
        except ValueError:
            raise UsageError(f"{self.variable} is {text!r}, and should be {_WORDS[self.kind]}.") from None


_WORDS = {Path: "a path", int: "a whole number"}

OUTPUT = Setting("output", Path, Path("reports"))
SEED = Setting("seed", int, None)
JUNIT_XML = Setting("junit-xml", Path, None)
SETTINGS = {setting.name: setting for setting in (OUTPUT, SEED, JUNIT_XML)}


@cache
def _table(folder: Path) -> tuple[Path | None, dict[str, Any]]:
    """The file that has the table, and the table; of several files the nearest one up from a folder."""
    for parent in (folder, *folder.parents):
        file = parent / "pyproject.toml"
        if file.is_file():
            table = _read(file)
            if table is not None:
                return file, table
    return None, {}


def _read(file: Path) -> dict[str, Any] | None:
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{file} cannot be read: {error}.") from error
    tools = content.get("tool")
    table = tools.get("drillbook") if isinstance(tools, dict) else None
    if table is None:
        return None
    if not isinstance(table, dict):
        raise UsageError(f"{file}: {TABLE} is {table!r}, and should be a table.")
    for name in table:
        if name not in SETTINGS:
            raise UsageError(sentence(f"{file}: unknown key {name} in [{TABLE}]{suggestion(name, list(SETTINGS))}"))
    return table
