"""Find scenario files in folders, cheaply: nothing is validated, and what cannot be read is passed over."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drillbook.core.errors import UsageError

SCENARIO = "scenario.yaml"
SUFFIXES = (".yaml", ".yml")
"""Either will do, everywhere."""
LARGEST_BYTES = 1_048_576
"""A larger YAML file is no scenario."""

_PASSED_OVER = {"node_modules", "reports", "__pycache__"}
_OF_A_RUN = "plan.json"
"""Every run directory has one."""
_TITLE = re.compile(r"^title\s*:", re.MULTILINE)
_INVARIANTS = re.compile(r"^invariants\s*:\s*(?:[{#&*]|$)", re.MULTILINE)
_OWN = re.compile(r"^(?:invariants|playbook)\s*:", re.MULTILINE)


@dataclass(frozen=True)
class ScenarioRow:
    """A scenario, as a list shows it."""

    name: str
    title: str
    proves: str
    """The first sentence of its description; the title where it has none."""
    method: str
    tags: tuple[str, ...]
    expected: str
    """``held``, or ``broken: `` and the invariants that it is expected to break."""
    file: Path


def find(paths: Iterable[Path]) -> list[Path]:
    """Every scenario file in folders: ``scenario.yaml``, and any other ``.yaml`` or ``.yml`` with a title and invariants.

    Hidden folders, run directories and links to folders are passed over. A file given by itself is taken as it is.

    Args:
        paths: folders and files.

    Raises:
        UsageError: a path is not there.
    """
    found: dict[Path, None] = {}
    for path in map(Path, paths):
        if not path.exists():
            raise UsageError(f"there is no file or folder {path}.")
        found |= dict.fromkeys([path] if path.is_file() else _in_folder(path))
    return list(found)


def file(path: Path) -> Path:
    """The scenario file that a person means: the file itself, or a folder's ``scenario.yaml``.

    Raises:
        UsageError: there is none.
    """
    path = Path(path)
    if path.is_file():
        return path
    for suffix in SUFFIXES:
        if (own := (path / SCENARIO).with_suffix(suffix)).is_file():
            return own
    if not path.exists():
        raise UsageError(f"there is no file or folder {path}.")
    inside = [str(found) for found in find([path])]
    hint = f"There are {', '.join(inside)}." if inside else "`drillbook init FOLDER` writes one."
    raise UsageError(f"the folder {path} has no {SCENARIO}.", hint)


def is_scenario(path: Path) -> bool:
    """Whether a file is a scenario: by its name, or by its keys at the left margin."""
    if path.suffix not in SUFFIXES:
        return False
    if _is_main(path):
        return True
    text = _text(path)
    return bool(_TITLE.search(text) and _INVARIANTS.search(text))


def is_drill(path: Path) -> bool:
    """Whether a file among those of any project is a scenario to run.

    Others call a file of theirs ``scenario.yaml`` too, so it must have a key that only scenarios have; and that of a run has been run.
    """
    return is_scenario(path) and bool(_OWN.search(_text(path))) and not (path.parent / _OF_A_RUN).is_file()


def _text(path: Path) -> str:
    """What a file says; nothing where it cannot be read, or is too large for a scenario."""
    try:
        return path.read_text(encoding="utf-8") if path.stat().st_size <= LARGEST_BYTES else ""
    except (OSError, UnicodeDecodeError):
        return ""


def name(path: Path) -> str:
    """A scenario's name: its folder's, and the file's where that is not ``scenario.yaml`` (``versioned_workers-careless``)."""
    path = Path(path).absolute()
    folder = Path(os.path.normpath(path)).parent.name or "scenario"
    return folder if _is_main(path) else f"{folder}-{path.stem}"


def _is_main(path: Path) -> bool:
    """Whether it is the scenario that its folder is named for."""
    return path.stem == Path(SCENARIO).stem and path.suffix in SUFFIXES


def rows(paths: Iterable[Path]) -> list[tuple[str, str, str, str]]:
    """The scenarios in folders as `drillbook list` prints them: method, expected verdict, file, what it proves."""
    return [(row.method, row.expected, str(row.file), row.proves) for row in listed(paths)]


def listed(paths: Iterable[Path]) -> list[ScenarioRow]:
    """The scenarios in folders, by name."""
    return sorted((_row(path) for path in find(paths)), key=lambda row: (row.name, str(row.file)))


def first_sentence(text: str) -> str:
    """The first sentence of a text; a full stop within a word, as in app.py, or in e.g. and i.e. ends none."""
    return re.split(r"(?<=[.!?])(?<!e\.g\.)(?<!i\.e\.)\s+", " ".join(text.split()), maxsplit=1)[0]


def _in_folder(folder: Path) -> Iterator[Path]:
    for here, folders, files in os.walk(folder):
        if here != str(folder) and _OF_A_RUN in files:
            folders.clear()
            continue
        folders[:] = sorted(name for name in folders if name not in _PASSED_OVER and not name.startswith("."))
        yield from sorted(path for entry in files if is_scenario(path := Path(here, entry)))


def _row(path: Path) -> ScenarioRow:
    content = _content(path)
    broken = content.get("expect", {}).get("broken") if isinstance(content.get("expect"), dict) else None
    tags = content.get("tags")
    title = str(content.get("title") or f"cannot be read: drillbook validate {path}")
    return ScenarioRow(
        name=name(path),
        title=title,
        proves=first_sentence(str(content.get("description") or "")) or title,
        method=str(content.get("method") or ""),
        tags=tuple(map(str, tags)) if isinstance(tags, list) else (),
        expected=f"broken: {', '.join(map(str, broken))}" if isinstance(broken, list) else "held",
        file=path,
    )


def _content(path: Path) -> dict[str, Any]:
    from drillbook.validation.source import read

    content = read(path).data
    return content if isinstance(content, dict) else {}
