"""Who is told about a program's steps, and the account of them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Protocol

from drillbook.playbook.transcript import Transcript


class StepListener(Protocol):
    """Told of every step, in order, in the thread that called ``Program.run``.

    An error raised in any of them kills the program, and is raised by ``Program.run``.
    """

    def begins(self, step: str) -> None:
        """A step is about to run; a program with a gate waits until this returns."""

    def runs(self, step: str) -> None:
        """The step has just been let go."""

    def ended(self, step: str, exit_code: int | None, skipped: bool = False) -> None:
        """The step has ended, with a code where one is known; a program with a gate waits until this returns, unless it has ended too.

        Args:
            step: its name.
            exit_code: None: nobody can know it.
            skipped: the program says that it did nothing in it.
        """


@dataclass(frozen=True)
class StepOutcome:
    """One step that ran."""

    name: str
    exit_code: int | None
    """None where nobody can know it: a step named by a line that another followed, or cut off by the timeout."""
    seconds: float
    """From when it was let go until it ended."""


class Steps:
    """The steps of one program, told to the listener and kept.

    Steps may overlap (``drain_v2 & stop_v1``): the last to begin is the current one.

    Args:
        listener: told of them.
        transcript: says where they begin and end.
        whole: the step that the program is as a whole; None where it is none.
    """

    def __init__(self, listener: StepListener, transcript: Transcript, whole: str | None) -> None:
        self._listener = listener
        self._transcript = transcript
        self._whole = whole
        self._open: list[tuple[str, float]] = []
        self._ended: list[StepOutcome] = []

    @property
    def current(self) -> str | None:
        """The step that runs now."""
        return self._open[-1][0] if self._open else None

    @property
    def outcomes(self) -> tuple[StepOutcome, ...]:
        """The steps that have ended, in the order they did."""
        return tuple(self._ended)

    def program_begins(self) -> None:
        """The program is about to start."""
        if self._whole is not None:
            self.begins(self._whole)

    def program_runs(self) -> None:
        """The program has started."""
        if self._whole is not None:
            self.runs(self._whole)

    def program_ended(self, exit_code: int | None) -> None:
        """The program has ended, and the step it was in with it; of older ones within it that were left open nobody knows the code."""
        self.all_ended(exit_code)
        if self._whole is not None:
            self.ended(self._whole, exit_code)

    def begins(self, step: str) -> None:
        """A step is about to run."""
        self._transcript.note(f"{step}: begins")
        self._listener.begins(step)

    def runs(self, step: str) -> None:
        """A step runs."""
        self._open.append((step, time.monotonic()))
        self._listener.runs(step)

    def ended(self, step: str, exit_code: int | None, skipped: bool = False) -> None:
        """A step has ended; one that was never let go is not told of."""
        place = next((place for place in reversed(range(len(self._open))) if self._open[place][0] == step), None)
        if place is None:
            return
        seconds = time.monotonic() - self._open.pop(place)[1]
        self._ended.append(StepOutcome(step, exit_code, seconds))
        self._transcript.note(
            f"{step}: ended after {seconds:.3f} s"
            + ("" if exit_code is None else f", exit code {exit_code}")
            + (", skipped" if skipped else "")
        )
        self._listener.ended(step, exit_code, skipped)

    def all_ended(self, exit_code: int | None) -> None:
        """All steps within the program have ended, the last one to begin with this code; of the others nobody knows it."""
        while len(self._open) > (self._whole is not None):
            self.ended(self._open[-1][0], exit_code)
            exit_code = None
