"""Write a starting folder for a drill that runs as it is, to be changed part by part: a small one, or that of a rollback method.

A method's folder is the shipped drill itself, with what it shares with the others brought along, so that it stands alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from drillbook.core.errors import HarnessError, UsageError
from drillbook.core.problems import sentence, suggestion
from drillbook.validation.discovery import SCENARIO, listed

TEMPLATES = Path(__file__).parent / "templates"
TEMPLATE = TEMPLATES / "drill"
FILLED_IN = ".in"
"""Files with this ending get the drill's name, and lose the ending: a template is no scenario to be found."""
SHIPPED = Path(__file__).parent / "drills"
"""The shipped drills: a link to the repository's ``scenarios/``, a folder of its own in an installed package."""
METHODS = {
    "isolation": "isolation_feature_gate",
    "transactional": "transactional",
    "messaging": "event_sourcing_replay",
    "versioned-workers": "versioned_workers",
    "rollback-script": "rollback_script",
    "configuration": "configuration_ansible",
}
"""The drill that a method's folder is made of."""
_SHARED = re.compile(r"\.\./([A-Za-z]\w*)")
"""What a drill shares with others, as its files say it: ``../worker``."""
_LINK_OUT = re.compile(r"\[([^]]+)\]\(\.\./[^)]+\)")
"""A link of a page to what is not brought along."""
_README, _PAGE = "README.md", ".md"
_OF_TOOLS = {"__pycache__", "reports"}


def write(folder: Path, name: str | None = None, method: str | None = None) -> list[Path]:
    """Write the files of a new drill; nothing that is there is overwritten.

    Args:
        folder: made when it is not there.
        name: shown in its README; the folder's own name by default.
        method: a rollback method as `method` of a scenario says it; None: the small drill.

    Returns:
        the files written.

    Raises:
        UsageError: there is no such method, or a file of that name is there already; nothing was written.
        HarnessError: the folder cannot be written.
    """
    folder = Path(folder)
    name = name or folder.absolute().name
    texts = {folder / path: text for path, text in (_small(name) if method is None else _of_method(name, method)).items()}
    there = [path for path in texts if path.exists()]
    if folder.is_file() or there:
        what = f"{folder} is a file" if folder.is_file() else f"{folder} has {', '.join(str(path.relative_to(folder)) for path in there)}"
        raise UsageError(f"{what} already; nothing was written.", "Choose another folder.")
    try:
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            if text.startswith("#!"):
                path.chmod(0o755)
    except OSError as error:
        raise HarnessError(f"cannot write {error.filename or folder}: {error.strerror}.") from error
    return list(texts)


def _small(name: str) -> dict[Path, str]:
    """The small drill's files, by their path in its folder."""
    found = {}
    for path, text in _texts(TEMPLATE):
        filled_in = path.suffix == FILLED_IN
        found[path.with_suffix("") if filled_in else path] = text.replace("NAME", name) if filled_in else text
    return found


def _of_method(name: str, method: str) -> dict[Path, str]:
    """A method's files, by their path in its folder."""
    if method not in METHODS:
        raise UsageError(sentence(f"there is no method {method}{suggestion(method, list(METHODS))}"))
    source = SHIPPED / METHODS[method]
    texts = dict(_texts(source))
    used = [text for path, text in texts.items() if path.suffix != _PAGE]
    shared = {found for text in used for found in _SHARED.findall(text) if (SHIPPED / found).is_dir()}
    places = {one: one if not (source / one).exists() else f"shared_{one}" for one in sorted(shared)}
    for one, place in places.items():
        texts |= {Path(place) / path: text for path, text in _texts(SHIPPED / one)}

    def moved(text: str) -> str:
        return _SHARED.sub(lambda found: places.get(found[1], found[0]), text)

    found = {path: _LINK_OUT.sub(r"\1", moved(text)) if path.suffix == _PAGE else moved(text) for path, text in texts.items()}
    return found | {Path(_README): _readme(name, method, source, found.get(Path(_README), ""), moved)}


def _readme(name: str, method: str, source: Path, page: str, moved: Callable[[str], str]) -> str:
    """Where one's own parts go, and below it the shipped drill's page about the method.

    Args:
        name: the drill's.
        method: as the command says it.
        source: the shipped drill's folder.
        page: its page.
        moved: where a path of the shipped drill leads in the new folder.
    """
    from drillbook.validation.loader import load_to_judge

    scenario = load_to_judge(source / SCENARIO)
    others = [row for row in listed([source]) if row.file.name != SCENARIO]
    templates = Environment(  # noqa: S701 - Markdown
        loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    below = re.sub(r"^#", "##", page, flags=re.MULTILINE)
    return templates.get_template("method.md.j2").render(
        name=name, method=method, scenario=scenario, others=others, page=below, moved=moved
    )


def _texts(folder: Path) -> Iterator[tuple[Path, str]]:
    """The files of a folder with their path in it; what tools keep beside them is left out."""
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if path.is_file() and not any(part.startswith(".") or part in _OF_TOOLS for part in inside.parts):
            yield inside, path.read_text(encoding="utf-8")
