"""A target of a Makefile, made by GNU make: one step as a whole.

The Makefile is read, never run, to see whether it has the target: `make --dry-run` would run what ``$(shell …)`` says. Where a target may
come from what only make can tell (a variable, ``eval``, a file that is included by a pattern), any target is let pass.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from drillbook.core.problems import suggestion
from drillbook.playbook.here import Here
from drillbook.playbook.runner import ProgramReading, Runner, Wrong

PROGRAM = "make"
_RULE = re.compile(r"(?P<targets>[^:=#]+?)\s*&?:{1,2}(?![:=])(?P<rest>.*)")
_OF_A_TARGET = re.compile(r"\s*(?:(?:export|override|private)\s+)*[\w.-]+\s*(?::{1,3}|[?+!])?=")
_INCLUDE = re.compile(r"(?:-include|sinclude|include)\s+(?P<files>.*)")
_DIRECTIVE = re.compile(r"(?:ifn?eq|ifn?def|else|endif|export|unexport|override|private|vpath|undefine|load)\b(?!\s*:)")
_DEFINE = re.compile(r"(?:(?:export|override)\s+)*define\b")


class MakeTarget(BaseModel):
    """A target and its Makefile; text alone is the target. The exit code is that of make: 2 where a recipe failed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    target: str = Field(min_length=1, description="The target that is made.")
    file: str = Field(default="Makefile", min_length=1, description="The Makefile, relative to the scenario file, beside which make runs.")

    def __str__(self) -> str:
        """As make is told: ``rollback``, ``-f ops.mk rollback``."""
        return self.target if self.file == "Makefile" else f"-f {self.file} {self.target}"


def _from_text(value: Any) -> Any:
    return {"target": value} if isinstance(value, str) else value


class Make(Runner[MakeTarget]):
    """A target of a Makefile."""

    key: ClassVar[str] = "make"
    value: ClassVar[Any] = Annotated[MakeTarget, BeforeValidator(_from_text, json_schema_input_type=str | MakeTarget)]
    about: ClassVar[str] = (
        "A target of the Makefile beside the scenario, `rollback`, or of another one, `{file: ops.mk, target: rollback}`."
    )
    steps: ClassVar[str] = "the making as a whole, `playbook`, unless `steps` names others"
    brought_by: ClassVar[Mapping[str, str]] = {PROGRAM: "apt-get install make brings it"}

    def command(self, value: MakeTarget) -> str:
        """``make -f Makefile rollback``."""
        return shlex.join([PROGRAM, "-f", value.file, value.target])

    def wrong(self, value: MakeTarget, here: Here) -> Wrong | None:
        """A Makefile, a target or a make that is not there."""
        if message := here.no_file(value.file, "Makefile"):
            return Wrong(message, "file")
        if value.target.startswith("-") or "=" in value.target:
            return Wrong(f"{value.target} is no target: name one alone, such as rollback", "target")
        rules = _Rules(here.folder)
        rules.read(here.folder / value.file)
        if not rules.may_have(value.target):
            return Wrong(f"{value.file} has no target {value.target}{suggestion(value.target, rules.targets)}", "target")
        message = here.no_program(PROGRAM)
        return Wrong(message) if message else None

    def takes(self, words: tuple[str, ...]) -> bool:
        """Such a command line as it makes itself."""
        return len(words) == 4 and words[:2] == (PROGRAM, "-f") and not words[3].startswith("-")

    def read(self, words: tuple[str, ...], folder: Path) -> ProgramReading:  # noqa: ARG002  # what is made is not read
        """One step."""
        return ProgramReading(whole=True)


@dataclass
class _Rules:
    """The targets of a Makefile and of those it includes.

    Args:
        folder: where make runs.
    """

    folder: Path
    targets: list[str] = field(default_factory=list)
    _unknown: bool = False
    """Whether there may be targets that cannot be read."""
    _files: list[Path] = field(default_factory=list)

    def may_have(self, target: str) -> bool:
        """Whether some rule makes the target, or may do so."""
        return self._unknown or any(_fits(rule, target) for rule in self.targets)

    def read(self, file: Path) -> None:
        """Read a file that is there, once."""
        if file in self._files:
            return
        self._files.append(file)
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            self._unknown = True
            return
        for line in _statements(text):
            self._statement(line)

    def _statement(self, line: str) -> None:
        if included := _INCLUDE.match(line):
            self._include(included["files"])
        elif _DIRECTIVE.match(line):
            return
        elif (rule := _RULE.match(line)) and "$" not in rule["targets"]:
            if not _OF_A_TARGET.match(rule["rest"]):
                self._rule(rule["targets"].split())
        elif line.startswith("$") or (rule and "$" in rule["targets"]):
            self._unknown = True

    def _rule(self, targets: list[str]) -> None:
        self._unknown |= ".DEFAULT" in targets
        special = [target for target in targets if re.fullmatch(r"\.[A-Z_]+", target)]
        self.targets += [target for target in targets if target not in special and target not in self.targets]

    def _include(self, files: str) -> None:
        for name in files.split():
            if (self.folder / name).is_file():
                self.read(self.folder / name)
            else:
                self._unknown = True


def _statements(text: str) -> Iterator[str]:
    """The lines that are no recipe, no comment and no part of a ``define``, each with those that continue it."""
    defining = False
    for line in re.sub(r"\\\n[ \t]*", " ", text).splitlines():
        stripped = line.strip()
        if defining:
            defining = not re.match(r"endef\b", stripped)
        elif _DEFINE.match(stripped) and not line.startswith("\t"):
            defining = True
        elif stripped and not line.startswith(("\t", "#")):
            yield re.sub(r"(?<!\\)#.*", "", stripped)


def _fits(rule: str, target: str) -> bool:
    before, percent, after = rule.partition("%")
    if not percent:
        return rule == target
    return len(target) > len(before) + len(after) and target.startswith(before) and target.endswith(after)
