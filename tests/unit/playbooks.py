"""Programs to run under the gate, and a listener that keeps what it is told."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any

from drillbook.playbook.program import Program, ProgramEnd


class Told:
    """Keeps what it is told, in order: ``> step`` begins, ``: step`` runs, ``< step code`` ended; calls what it is given for them."""

    def __init__(self, **calls: Callable[[str], Any]) -> None:
        self.all: list[str] = []
        self._calls = calls

    def begins(self, step: str) -> None:
        self._tell("begins", f"> {step}", step)

    def runs(self, step: str) -> None:
        self._tell("runs", f": {step}", step)

    def ended(self, step: str, exit_code: int | None, skipped: bool = False) -> None:
        self._tell("ended", f"< {step} {exit_code}{' skipped' if skipped else ''}", step)

    def _tell(self, what: str, line: str, step: str) -> None:
        self.all.append(line)
        if what in self._calls:
            self._calls[what](step)

    @property
    def ends(self) -> list[str]:
        """What ended, with its code."""
        return [line[2:] for line in self.all if line.startswith("<")]


def script(folder: Path, text: str, name: str = "rollback.sh", first: str = "#!/usr/bin/env bash") -> Path:
    """An executable script."""
    file = folder / name
    file.write_text(f"{first}\n{dedent(text)}")
    file.chmod(0o755)
    return file


def program(folder: Path, told: Any, command: str = "./rollback.sh", **more: Any) -> Program:
    """A program in that folder; its transcript is ``transcript.log`` there."""
    environment: Mapping[str, str] = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **more.pop("environment", {})}
    settings = {"timeout": 30.0, "redact": lambda text: text, **more}
    return Program(command, folder, environment, folder / "transcript.log", steps=told, **settings)


def run(folder: Path, text: str, told: Any = None, **more: Any) -> ProgramEnd:
    """Run a bash script to its end."""
    script(folder, text)
    return program(folder, told or Told(), **more).run()


def said(folder: Path, step: str | None = None) -> list[str]:
    """What a program said, by its transcript; in one step, when it is given."""
    lines = [line[13:] for line in (folder / "transcript.log").read_text().splitlines()]
    own = [line for line in lines if line.startswith("[")]
    return [line.split("] ", 1)[1] for line in own if step is None or line.startswith(f"[{step}]")]


class Running:
    """A program that runs in a thread of its own."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self.outcome: ProgramEnd | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        self.outcome = self._program.run()

    def wait(self, seconds: float = 20.0) -> ProgramEnd:
        """Its outcome; fails when it does not come."""
        self._thread.join(seconds)
        assert self.outcome is not None, "the program still runs"
        return self.outcome
