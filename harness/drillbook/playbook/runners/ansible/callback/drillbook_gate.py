"""Loaded by ansible-playbook: tells the drill of every task, handler, rescue and always, and holds the play there until it is let go.

It speaks over a Unix socket that the process inherits: a line ``begin<TAB>name`` or ``end<TAB>name<TAB>code``, with
``<TAB>skipped`` after it where no host had to do it, then it waits for one byte.
Ansible calls it in the process that leads the play, before it gives a task to any worker process, so nothing runs while it waits. Without
the socket it does nothing, so that a play started by a play waits at no step.

A task's end is told when its result is there. Where a play has several hosts it is told when the next task begins, since only then all of
them have answered.
"""

# ruff: noqa: ARG002  # the signatures are Ansible's
from __future__ import annotations

import os
import socket
from typing import Any

from ansible.plugins.callback import CallbackBase

FAILED, UNREACHABLE = 1, 4
"""As ansible-playbook's own exit codes for one host; a command that failed has its own."""
LEFT_ALONE = 143
"""The exit code when the drill is gone: as if it had been asked to end."""


class CallbackModule(CallbackBase):  # type: ignore[misc]  # Ansible ships no types
    """The play's side of the gate."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "drillbook_gate"
    CALLBACK_NEEDS_ENABLED = False

    def __init__(self) -> None:
        super().__init__()
        self._gate = _inherited()
        self._step: str | None = None
        self._code = 0
        self._skipped: list[bool] = []
        """Of each host that has answered, whether it had nothing to do."""
        self._hosts = 1

    def v2_playbook_on_play_start(self, play: Any) -> None:
        """Count the hosts: of one alone, a result ends the task."""
        self._end()
        if self._gate is not None:
            self._hosts = len(play.get_variable_manager().get_vars(play=play).get("ansible_play_hosts_all", ()))

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        """A task of any section: tasks, rescue, always, and the gathering of facts."""
        self._begin(task)

    def v2_playbook_on_handler_task_start(self, task: Any) -> None:
        """A handler that was notified."""
        self._begin(task)

    def v2_runner_on_ok(self, result: Any) -> None:
        """One host has done the task."""
        self._result(0)

    def v2_runner_on_skipped(self, result: Any) -> None:
        """One host need not do it."""
        self._result(0, skipped=True)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """One host has failed; also when the play goes on, by ignore_errors or rescue."""
        code = result.result.get("rc")
        self._result(code if isinstance(code, int) and 0 < code < 256 else FAILED)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """One host could not be reached."""
        self._result(UNREACHABLE)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """The last play has ended."""
        self._end()

    def _begin(self, task: Any) -> None:
        self._end()
        if task.action.rpartition(".")[2] == "meta":
            return  # Ansible's own order to itself, such as flush_handlers
        self._step, self._code = " ".join(str(task.name or task.action.rpartition(".")[2]).split()), 0
        self._skipped = []
        self._say("begin", self._step)

    def _result(self, code: int, skipped: bool = False) -> None:
        self._code = self._code or code
        self._skipped.append(skipped)
        if self._hosts == 1:
            self._end()

    def _end(self) -> None:
        step, self._step = self._step, None
        if step is not None:
            self._say("end", step, str(self._code), *(["skipped"] if self._skipped and all(self._skipped) else []))

    def _say(self, *words: str) -> None:
        """Tell, and wait to be let go. Ansible catches every error of a callback, so where the drill is gone the process is ended here."""
        if self._gate is None:
            return
        try:
            self._gate.sendall(("\t".join(words) + "\n").encode())
            let_go = self._gate.recv(1)
        except OSError:
            let_go = b""
        if not let_go:
            os._exit(LEFT_ALONE)


def _inherited() -> socket.socket | None:
    number = os.environ.pop("DRILLBOOK_PLAY_GATE", None)
    if number is None:
        return None
    os.set_inheritable(int(number), False)  # the modules that the play runs do not get it
    return socket.socket(fileno=int(number))
