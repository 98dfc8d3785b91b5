"""Errors a user can cause or meet, each a sentence and an exit code; the command line prints them without a traceback."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of every command."""

    HELD = 0
    BROKEN = 1
    USAGE = 2
    HARNESS = 3
    INCONCLUSIVE = 4
    DEFECT = 70
    """As ``EX_SOFTWARE`` of sysexits.h."""
    INTERRUPTED = 130
    UNREAD = 141
    """As of a program that SIGPIPE ends: nobody reads what it says."""
    TERMINATED = 143


class DrillbookError(Exception):
    """Something the user can understand and act on.

    Args:
        message: what happened and where, as a sentence.
        hint: what to do about it, as a sentence; empty where the message says it all.
    """

    exit_code: Exit = Exit.HARNESS

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class UsageError(DrillbookError):
    """A bad argument or a bad file: nothing was started."""

    exit_code = Exit.USAGE


class DefectError(DrillbookError):
    """Drillbook itself went wrong: it met something that nobody who wrote it thought of."""

    exit_code = Exit.DEFECT


class HarnessError(DrillbookError):
    """The harness, the engine or a part of the stage failed: the drill says nothing about the playbook."""

    exit_code = Exit.HARNESS
