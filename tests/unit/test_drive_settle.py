"""Effects that are not of a scheduler's own tasks are counted right, however late the tap writes what it saw."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from drillbook.drive.settle import look
from drillbook.evidence.run_directory import now
from drillbook.evidence.wire_tail import WireTail
from drillbook.scenario import Scenario

SCENARIO = Scenario.model_validate(
    {
        "title": "A scheduler beside the load",
        "stage": {"broker": {"queues": {"tasks": {}}}, "database": {}, "workers": {"v1": {"image": "worker"}}},
        "effects": {"sources": {"rows": {"query": "select * from effects"}}},
        "playbook": {"run": "true", "start": {"at": "1s"}},
        "invariants": {"no_lost_tasks": {}},
    }
)


def published(task: str) -> dict[str, object]:
    return {"event": "publish", "peer": "workers.beat.1", "connection": 1, "channel": 1, "task": task, "routing_key": "tasks"}


class Late(WireTail):
    """The tap's lines come to the file some polls after what they tell of."""

    def __init__(self, path: Path, by: int) -> None:
        super().__init__(path, lambda task: task.startswith("charge-"))
        self._path, self._by, self._polls = path, by, 0
        self._waiting: list[tuple[int, dict[str, object]]] = []

    def passes(self, line: dict[str, object]) -> None:
        self._waiting.append((self._polls + self._by, line | {"at": now()}))

    def poll(self) -> WireTail:
        self._polls += 1
        self._waiting.append((self._polls + self._by, {"event": "alive", "at": now()}))
        with self._path.open("a") as file:
            while self._waiting and self._waiting[0][0] <= self._polls:
                file.write(json.dumps(self._waiting.pop(0)[1], separators=(",", ":")) + "\n")
        return super().poll()


class Rows:
    """A database to whose effects each count finds one more of a scheduler's tasks, as long as there are some left."""

    def __init__(self, wire: Late, tasks: list[str]) -> None:
        self._wire, self._left, self._effects = wire, tasks, ["charge-000001"]

    def count(self, _: str, without: Collection[str] = ()) -> int:
        if self._left:
            self._wire.passes(published(self._left[0]))
            self._effects.append(self._left.pop(0))
        return sum(task not in without for task in self._effects)


@pytest.mark.parametrize("made", [1, 4])
@pytest.mark.parametrize("late", range(4))
def test_an_effect_whose_task_the_tap_has_not_told_of_yet_is_not_taken_for_the_loads(tmp_path: Path, late: int, made: int) -> None:
    wire = Late(tmp_path / "wire.jsonl", late)
    wire.passes(published("sweep-0"))
    for _ in range(late + 1):
        wire.poll()
    rows = Rows(wire, [f"sweep-{at}" for at in range(1, made + 1)])
    depths: Any = SimpleNamespace(depth=lambda _: SimpleNamespace(ready=0))
    stage: Any = SimpleNamespace(wire=wire, database=rows, sink=None, broker=depths)
    seen = [look(SCENARIO, stage) for _ in range(3)]
    assert [one.effects for one in seen if one is not None] == [1, 1, 1]
