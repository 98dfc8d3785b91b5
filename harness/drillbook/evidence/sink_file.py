"""The file of the effect sink, ``sink.jsonl``: followed while it grows, and read as effects when the sink has ended.

The sink hands a line to the operating system before it answers a call, so that an answered call is in the file whatever happens to the
sink. A file that does not end with the sink's own ``end``, or whose numbers have a gap, may lack calls.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path
from threading import Lock
from typing import Any

from drillbook.core.errors import HarnessError
from drillbook.evidence.appended import Appended
from drillbook.evidence.kinds.effects import Effect

NAME = "sink.jsonl"
"""In the run directory."""


class SinkTail:
    """What the sink has written so far.

    Args:
        path: the sink's file; it need not be there yet.
    """

    def __init__(self, path: Path) -> None:
        self._appended = Appended(path)
        self._lock = Lock()
        self.started = False
        """The sink listens."""
        self._calls: Counter[str] = Counter()

    def poll(self) -> SinkTail:
        """Read what has been appended since."""
        with self._lock:
            for line in map(json.loads, self._appended.lines()):
                self.started = self.started or line["event"] == "start"
                if line["event"] == "call":
                    self._calls[line["task"]] += 1
        return self

    def calls(self, without: Collection[str] = ()) -> int:
        """Calls recorded, those with a key seen before included.

        Args:
            without: tasks whose calls do not count.
        """
        with self._lock:
            return self._calls.total() - sum(self._calls[task] for task in without if task in self._calls)


def calls(path: Path) -> Iterator[Effect]:
    """Every call in the file, and at its end a complaint where calls may be missing.

    Args:
        path: the sink's file, after the sink has ended.

    Raises:
        HarnessError: there is no file, or lines may be missing from it; raised after what there is has been given.
    """
    if not path.exists():
        raise HarnessError(f"the effect sink left no {path.name}.")
    last: dict[str, Any] = {}
    with path.open("rb") as file:
        for number, text in enumerate(file, start=1):
            if not text.endswith(b"\n"):
                raise HarnessError(f"the last line of {path.name} is half-written: the effect sink was killed.")
            last = json.loads(text)
            if last["seq"] != number:
                raise HarnessError(f"{path.name}:{number} is numbered {last['seq']}: calls of the effect sink are missing.")
            if last["event"] == "call":
                yield Effect(last["task"], last.get("key"), last.get("version"), last.get("worker"), last["at"], last.get("source"))
    if last.get("event") != "end":
        raise HarnessError("the effect sink was not seen to end, so that calls may be missing.")
