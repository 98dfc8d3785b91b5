"""What a runner is: one way to write a program into a scenario, and what is known of it there, before it starts and while it runs.

A runner is one file or folder of `runners`. It has a key of the scenario file, and makes a command line of what stands there. All that
follows is asked by the command line alone, so that `run: ansible-playbook rollback.yml` is what `ansible: rollback.yml` is.
"""

from __future__ import annotations

import re
import shlex
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from drillbook.playbook.gate import Gate
from drillbook.playbook.here import Here

V = TypeVar("V")
_STEP = re.compile(r"\s*::step +(?P<name>\S.*?)\s*$")
_END_STEP = re.compile(r"\s*::endstep\b")


@dataclass(frozen=True)
class Wrong:
    """What is wrong with what a scenario says of a program.

    Args:
        message: the end of a sentence, without its full stop.
        at: the key at fault, where the value has keys.
    """

    message: str
    at: str | None = None


@dataclass(frozen=True)
class ProgramReading:
    """What can be said of a program's steps before it runs.

    Args:
        names: the steps, in the order of the text, each once.
        gate: makes the gate at which it waits, given its environment; None: it cannot be made to wait, and its output tells of its steps.
        whole: where the scenario names no steps, it is one step as a whole, named after what it is in the drill. It waits before it
            starts and after it has ended; steps that it tells of all the same are within that one.
    """

    names: tuple[str, ...] = ()
    gate: Callable[[Mapping[str, str]], Gate] | None = None
    whole: bool = False

    def whole_step(self, called: str, named: Sequence[str]) -> str | None:
        """The name of the step that the program is as a whole; None where it is none.

        Args:
            called: what it is in the drill, ``deployment`` or ``playbook``.
            named: the steps that the scenario names.
        """
        return called if self.whole and not named else None


class Runner(ABC, Generic[V]):
    """One way to run a program."""

    key: ClassVar[str]
    """In the scenario file, under `deployment` and `playbook`."""
    value: ClassVar[Any] = str
    """The type of what stands there, as pydantic takes it: text, or a part with keys of its own."""
    about: ClassVar[str]
    """What stands there, for the table of keys; a sentence."""
    steps: ClassVar[str]
    """What its steps are, for the documentation; the end of a sentence."""
    brought_by: ClassVar[Mapping[str, str]] = {}
    """Programs that it needs and not every machine has, each with what brings it: ``pip install … brings it``."""

    @abstractmethod
    def command(self, value: V) -> str:
        """The command line, relative to the scenario's folder."""

    @abstractmethod
    def wrong(self, value: V, here: Here) -> Wrong | None:
        """What is wrong with the value, as far as its own files and programs go; nothing is started."""

    @abstractmethod
    def takes(self, words: tuple[str, ...]) -> bool:
        """Whether a command line is one of its own, whichever key it stands under."""

    @abstractmethod
    def read(self, words: tuple[str, ...], folder: Path) -> ProgramReading:
        """What its command line does, step by step, read from the text of the file that it names.

        Raises:
            HarnessError: the text cannot be read.
        """

    def environment(self, folder: Path, told: Mapping[str, str]) -> dict[str, str]:  # noqa: ARG002  # for those that have one
        """Variables that every program of the drill gets, as a program of another kind may start one of this kind.

        Args:
            folder: of the run, for files of its own; not made yet.
            told: what the program is told of its stage.

        Raises:
            HarnessError: a file cannot be written.
        """
        return {}

    def step_told(self, line: str) -> str | None:
        """The step that begins with a line of output, where there is no gate; empty where one ends; None: the line tells of none."""
        if match := _STEP.match(line):
            return " ".join(match["name"].split())
        return "" if _END_STEP.match(line) else None

    def words(self, value: str, what: str) -> tuple[str, ...] | Wrong:
        """The words of a line, as a shell would split it; or that it has none, or cannot be split.

        Args:
            value: what stands under the key.
            what: how a person calls it, such as ``command line``.
        """
        try:
            words = tuple(shlex.split(value))
        except ValueError:
            return Wrong(f"a quote in this {what} has no end")
        return words or Wrong(f"{self.key} is empty")
