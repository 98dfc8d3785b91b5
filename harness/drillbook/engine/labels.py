"""How the harness knows its own: labels on containers and networks, a variable in the environment of child processes."""

from __future__ import annotations

import os
import socket

import psutil

RUN = "drillbook.run"
OWNER = "drillbook.owner"
ROLE = "drillbook.role"
VARIABLE = "DRILLBOOK_RUN"
"""Set in the environment of every child process to the id of its run."""


def labels(run_id: str, role: str) -> dict[str, str]:
    """The labels of one container or network of a run."""
    return {RUN: run_id, OWNER: owner(), ROLE: role}


def owner() -> str:
    """This process, so that it cannot be mistaken for a later one with the same number: ``host:pid:start``."""
    return f"{socket.gethostname()}:{os.getpid()}:{psutil.Process().create_time():.2f}"


def alive(owner: str) -> bool:
    """Whether the process that a label names still runs; an owner on another host counts as alive, since nobody here can tell."""
    host, pid, started = owner.rsplit(":", 2)
    if host != socket.gethostname():
        return True
    try:
        return abs(psutil.Process(int(pid)).create_time() - float(started)) < 1
    except (psutil.NoSuchProcess, ValueError):
        return False
