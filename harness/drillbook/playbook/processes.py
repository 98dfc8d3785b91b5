"""Every process of a program, wherever it went: its children, its session, and whatever carries its mark in the environment."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time

import psutil

MARK = "DRILLBOOK_PROGRAM"
"""The environment variable that marks one started program, deployment or playbook, and all it starts."""
_ROUNDS = 20
_ROUND_SECONDS = 0.5


class Tree:
    """The processes of one program, which runs in a session of its own.

    Args:
        leader: the process that was started, a child of this one; nobody else waits for it here, so its exit code is not lost.
        mark: the value of ``MARK`` in its environment.
    """

    def __init__(self, leader: subprocess.Popen[bytes], mark: str) -> None:
        self._leader = leader
        self._mark = mark
        self._asked: list[psutil.Process] = []

    def members(self) -> list[psutil.Process]:
        """Who is alive, those who left the session included."""
        alive: dict[int, psutil.Process] = {}
        children: dict[int, list[int]] = {}
        found: list[int] = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if process.pid == os.getpid() or process.status() == psutil.STATUS_ZOMBIE:
                    continue
                alive[process.pid] = process
                children.setdefault(process.ppid(), []).append(process.pid)
                if self._belongs(process):
                    found.append(process.pid)
        for pid in found:  # grows while it is read: children of children
            found += [child for child in children.get(pid, []) if child not in found]
        return [alive[pid] for pid in found]

    def terminate(self) -> list[psutil.Process]:
        """Ask all of them to end (SIGTERM), each once; who is alive."""
        members = self.members()
        for process in members:
            if process not in self._asked:
                self._asked.append(process)
                _send(process, signal.SIGTERM)
        return members

    def kill(self) -> None:
        """End all of them (SIGKILL), those that are started meanwhile too."""
        for _ in range(_ROUNDS):
            members = self.members()
            if not members:
                return
            for process in members:
                _send(process, signal.SIGKILL)
            self._wait(members, _ROUND_SECONDS)

    def end(self, seconds: float) -> None:
        """Wait for all of them to end as they were asked, those that were started meanwhile too; kill what is left after that time."""
        until = time.monotonic() + seconds
        while (members := self.terminate()) and (left := until - time.monotonic()) > 0:
            self._wait(members, min(left, _ROUND_SECONDS))
        self.kill()

    def _wait(self, members: list[psutil.Process], seconds: float) -> None:
        psutil.wait_procs([process for process in members if process.pid != self._leader.pid], timeout=seconds)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._leader.wait(seconds)  # psutil would reap it, and its exit code with it

    def _belongs(self, process: psutil.Process) -> bool:
        return os.getsid(process.pid) == self._leader.pid or process.environ().get(MARK) == self._mark


def _send(process: psutil.Process, number: int) -> None:
    with contextlib.suppress(psutil.Error):
        process.send_signal(number)
