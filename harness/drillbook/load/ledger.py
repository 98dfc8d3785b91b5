"""The publisher's ledger, ``published.jsonl``: one line an attempt, and at least one line for every task that was due.

Lines are formatted here by hand, because at 5,000 a second ``dataclasses.asdict`` costs more than the publish; they equal what
``drillbook.evidence.run_directory.line`` gives for the same ``Published``. A batch is one ``write``, so that a SIGKILL tears at most the
last line, which :func:`complete` removes.
"""

from __future__ import annotations

import json
import os
from json.encoder import encode_basestring_ascii as quoted
from pathlib import Path

from drillbook.evidence.kinds.published import Outcome, Published
from drillbook.evidence.run_directory import line
from drillbook.plan import arrivals
from drillbook.scenario import Load

DIED = "the load process died before it could say"


class Ledger:
    """Writes ``published.jsonl``; lines are kept until :meth:`flush`.

    Args:
        path: the file; appended to.
        load: whose publishes they are.

    Raises:
        OSError: on opening and on flushing, such as a full disk.
    """

    def __init__(self, path: Path, load: Load) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        self._lines: list[str] = []
        self._unwritten = b""
        self._before = {type: f',"type":{quoted(type)},{_version(load, type)}"attempt":' for type in load.types}
        self._middle = {type: f',"routing_key":{quoted(load.routing_key_of(type))},"intended_at":' for type in load.types}

    def add(
        self,
        task: str,
        type: str,
        attempt: int,
        intended_at: int,
        sent_at: int | None,
        resolved_at: int,
        outcome: Outcome,
        reason: str | None = None,
    ) -> None:
        """Note the outcome of an attempt; the fields are those of ``Published``."""
        sent = f',"sent_at":{sent_at}' if sent_at is not None else ""
        why = f',"reason":{quoted(reason)}' if reason is not None else ""
        self._lines.append(
            f'{{"task":{quoted(task)}{self._before[type]}{attempt}{self._middle[type]}{intended_at}{sent}'
            f',"resolved_at":{resolved_at},"outcome":"{outcome}"{why}}}\n'
        )

    def flush(self) -> None:
        """Write what is kept; what could not be written stays kept, so that no line is torn in the middle of the file."""
        self._unwritten += "".join(self._lines).encode()
        self._lines.clear()
        while self._unwritten:
            self._unwritten = self._unwritten[os.write(self._file, self._unwritten) :]

    def close(self) -> None:
        """Write what is kept and close the file."""
        self.flush()
        os.close(self._file)


def complete(path: Path, load: Load, seed: int, start_at: int, until: int) -> int:
    """Add what a publisher that died could not write: ``unknown`` for each task due by then that has no line.

    Args:
        path: ``published.jsonl``.
        load: whose publishes they are.
        seed: of the drill.
        start_at: when the arrivals started, nanoseconds since the epoch.
        until: tasks intended by then were due, nanoseconds since the epoch.

    Returns:
        How many lines were added.
    """
    known = _known(path)
    missing = [
        Published(
            task=arrival.task,
            type=arrival.type,
            version=load.version_of(arrival.type),
            attempt=1,
            routing_key=load.routing_key_of(arrival.type),
            intended_at=start_at + arrival.offset_ns,
            sent_at=None,
            resolved_at=until,
            outcome="unknown",
            reason=DIED,
        )
        for arrival in arrivals(load, seed)
        if start_at + arrival.offset_ns <= until and arrival.task not in known
    ]
    with path.open("a", encoding="utf-8") as file:
        file.writelines(line(record) + "\n" for record in missing)
    return len(missing)


def _version(load: Load, type: str) -> str:
    version = load.version_of(type)
    return "" if version is None else f'"version":{quoted(version)},'


def _known(path: Path) -> set[str]:
    """The tasks that have a line; a torn last line is cut off the file."""
    if not path.exists():
        return set()
    with path.open("r+b") as file:
        content = file.read()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            file.truncate(whole)
    return {json.loads(text)["task"] for text in content[:whole].splitlines()}
