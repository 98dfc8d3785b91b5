"""The steps of a play, read from its YAML before it runs; `ansible-playbook --list-tasks` leaves out rescue, always and handlers.

A step is a task, named as in the file: those of the play's sections, of blocks with their rescue and always, of handlers, and of the roles
and files that it imports or includes by a literal name. A task without a name is named after its module, without its collection. What is
put together at run time (``drain {{ version }}``, ``include_tasks: "{{ file }}"``) cannot be read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from drillbook.core.errors import HarnessError

SECTIONS = ("pre_tasks", "roles", "tasks", "post_tasks", "handlers")
"""In the order in which they run; handlers in the end."""
_KEYWORDS = """
action any_errors_fatal args async become become_exe become_flags become_method become_user changed_when check_mode collections connection
debugger delay delegate_facts delegate_to diff environment failed_when ignore_errors ignore_unreachable listen loop loop_control
module_defaults name no_log notify poll port register remote_user retries run_once tags throttle timeout until vars when
"""
KEYWORDS = frozenset(_KEYWORDS.split())
"""Of a task (docs.ansible.com, playbook keywords): every other key is its module."""
_MAIN = ("main.yml", "main.yaml", "main")


class PlayError(HarnessError):
    """A file of the play is not one; the message names it, with line and column where the YAML is at fault."""


def play_steps(play: Path) -> list[str]:
    """The names of a play's steps, in the order in which they run; a name that comes again is there again.

    Args:
        play: the play file; its roles are looked for in ``roles`` beside it.

    Raises:
        PlayError: it, or a file that it imports, is no YAML, or not made of plays and tasks.
    """
    return list(_PlayReader(play.parent).plays(play))


@dataclass
class _PlayReader:
    """One play and what it reads, each file once on the way down.

    Args:
        folder: of the play.
    """

    folder: Path
    _open: list[Path] = field(default_factory=list)
    _late: list[str] = field(default_factory=list)
    """Handlers of roles that a task of the play brings."""

    def plays(self, file: Path) -> Iterator[str]:
        for play in self._read(file):
            if imported := _literal(_module(play, "import_playbook")):
                yield from self._file(file.parent / imported, self.plays)
            elif "hosts" in play:
                yield from self._play(play, file)
            else:
                raise PlayError(f"{file.name}: a play needs hosts, and this one begins with {next(iter(play), 'nothing')}.")

    def _play(self, play: dict[str, Any], file: Path) -> Iterator[str]:
        if play.get("gather_facts", True) is not False:
            yield "Gathering Facts"
        for section in SECTIONS:
            if section == "roles":
                for role in play.get(section) or ():
                    yield from self._role(role, "tasks")
            else:
                yield from self._tasks(play.get(section), file)
        for role in play.get("roles") or ():
            yield from self._role(role, "handlers")
        yield from self._late

    def _role(self, role: Any, what: str, tasks: str | None = None) -> Iterator[str]:
        name = (_literal(role.get("role")) or _literal(role.get("name"))) if isinstance(role, dict) else _literal(role)
        folder = next((folder for folder in (self.folder / "roles" / (name or ""), self.folder / (name or "")) if folder.is_dir()), None)
        if not name or folder is None:
            return
        if what == "tasks":
            for meta in self._first(folder / "meta", None):
                content = self._load(meta)
                for needed in (content.get("dependencies") if isinstance(content, dict) else None) or ():
                    yield from self._role(needed, what)
        for main in self._first(folder / what, tasks):
            yield from self._file(main, lambda file: self._tasks(self._read(file), file))

    def _tasks(self, tasks: Any, file: Path) -> Iterator[str]:
        for task in _list(tasks, file):
            if "block" in task:
                for part in ("block", "rescue", "always"):
                    yield from self._tasks(task.get(part), file)
                continue
            module = next((str(key) for key in task if key not in KEYWORDS and not str(key).startswith("with_")), "")
            short = module.rpartition(".")[2]
            if short == "meta":
                continue
            if not short.startswith("import_") and (name := _literal(task.get("name") or short)):
                yield " ".join(name.split())
            yield from self._followed(short, task.get(module), file)

    def _followed(self, module: str, what: Any, file: Path) -> Iterator[str]:
        """What an import or include reads, where its name is literal."""
        if module in ("import_tasks", "include_tasks"):
            name = _literal(what.get("file") if isinstance(what, dict) else what)
            if name:
                yield from self._file(file.parent / name, lambda found: self._tasks(self._read(found), found))
        elif module in ("import_role", "include_role") and isinstance(what, dict):
            yield from self._role(what, "tasks", _literal(what.get("tasks_from")))
            self._late += self._role(what, "handlers", _literal(what.get("handlers_from")))

    def _first(self, folder: Path, name: str | None) -> list[Path]:
        names = (name, f"{name}.yml", f"{name}.yaml") if name else _MAIN
        return [file for entry in names if (file := folder / entry).is_file()][:1]

    def _file(self, file: Path, read: Any) -> Iterator[str]:
        if file.is_file() and file not in self._open:
            self._open.append(file)
            yield from read(file)
            self._open.pop()

    def _read(self, file: Path) -> list[dict[str, Any]]:
        return _list(self._load(file), file)

    def _load(self, file: Path) -> Any:
        try:
            return YAML(typ="rt").load(file.read_text(encoding="utf-8"))
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            place = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
            raise PlayError(f"{self._shown(file)}{place}: {error.problem or error.context}.") from error
        except (OSError, UnicodeDecodeError, YAMLError) as error:
            raise PlayError(f"{self._shown(file)} cannot be read: {error}.") from error

    def _shown(self, file: Path) -> str:
        return str(file.relative_to(self.folder)) if file.is_relative_to(self.folder) else str(file)


def _list(content: Any, file: Path) -> list[dict[str, Any]]:
    if content is None:
        return []
    if not isinstance(content, list) or not all(isinstance(entry, dict) for entry in content):
        raise PlayError(f"{file.name}: where plays or tasks are meant, there is no list of them.")
    return content


def _module(task: dict[str, Any], name: str) -> Any:
    return next((task[key] for key in (name, f"ansible.builtin.{name}") if key in task), None)


def _literal(value: Any) -> str | None:
    """A text in which nothing is filled in at run time."""
    return str(value) if isinstance(value, str) and "{{" not in value and "{%" not in value else None
