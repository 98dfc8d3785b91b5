"""The states of tasks and the sources of effects in the report."""

from __future__ import annotations

from pathlib import Path

from small_run import at, effect, hand_made, published, read

from drillbook.evidence import Effect, Leftover
from drillbook.evidence.kinds.states import State
from drillbook.report.sections import tasks
from drillbook.report.sections.idempotency import SourceCounts, sources
from drillbook.report.sections.tasks import SaidState

TWO_SOURCES = """\
title: A drill
invariants: {no_lost_tasks: }
effects: {sources: {rows: {query: select 1}, calls: {http: true, types: [charge]}}}
"""


def test_every_task_has_one_state_at_the_end(tmp_path: Path) -> None:
    sent = [published(task, 1, outcome) for task, outcome in zip("abcdefghi", ["ok"] * 6 + ["unknown", "skipped", "ok"], strict=True)]
    rest = [
        Leftover("b", "tasks.v1", "ready"),
        Leftover("i", "tasks.retry", "delayed"),
        Leftover("c", "tasks.v1", "unacked"),
        Leftover("d", "tasks.dead", "dead", 1, "rejected"),
        Leftover("e", None, "cancelled"),
        Leftover("a", "tasks.dead", "dead"),
        Leftover("z", "tasks.dead", "dead"),
    ]
    states = tasks.states(read(hand_made(tmp_path, *sent, *rest, effect("a", 2))))
    assert states is not None
    assert {state: found["ok"] for state, found in states.items()} == {
        "completed": 1, "executing": 1, "queued": 2, "failed": 1, "cancelled": 1, "nowhere": 1,
    }  # fmt: skip
    assert states["nowhere"] == {"ok": 1, "unknown": 1, "foreign": 0}
    assert states["failed"]["foreign"] == 1


def test_states_are_not_guessed_where_leftovers_were_not_collected(tmp_path: Path) -> None:
    assert tasks.states(read(hand_made(tmp_path, published("a", 1), effect("a", 1)))) is None


def test_the_workers_own_word_is_set_beside_the_effects(tmp_path: Path) -> None:
    said = [State("a", "completed"), State("b", "completed"), State("c", "executing"), State("d", "queued")]
    assert tasks.said(read(hand_made(tmp_path, effect("a", 1), effect("c", 1), *said))) == [
        SaidState("queued", 1, 0),
        SaidState("executing", 1, 1),
        SaidState("completed", 2, 1),
    ]


def test_without_a_table_of_states_the_workers_say_nothing(tmp_path: Path) -> None:
    assert tasks.said(read(hand_made(tmp_path, effect("a", 1)))) is None


def called(task: str, source: str, key: str) -> Effect:
    return Effect(task, key, "v1", "workers.v1.1", at(1), source)


def test_sources_count_what_counts_and_a_repeated_call_does_not(tmp_path: Path) -> None:
    done = [
        called("a", "rows", "a"),
        called("a", "rows", "a"),
        called("a", "calls", "a"),
        called("a", "calls", "a"),
        called("b", "calls", "b"),
    ]
    assert sources(read(hand_made(tmp_path, *done, scenario=TWO_SOURCES))) == [
        SourceCounts("calls", "http", ("charge",), effects=3, repeated=1, tasks=2, doubled=0),
        SourceCounts("rows", "query", None, effects=2, repeated=0, tasks=1, doubled=1),
    ]


def test_a_run_of_one_source_has_no_table_of_sources(tmp_path: Path) -> None:
    assert sources(read(hand_made(tmp_path, effect("a", 1)))) == []


def test_a_task_is_completed_only_when_every_source_of_its_type_has_it(tmp_path: Path) -> None:
    lines = [published("a", 0), published("b", 0), called("a", "rows", "a"), called("a", "calls", "a"), called("b", "rows", "b")]
    (tmp_path / "leftovers.jsonl").touch()
    states = tasks.states(read(hand_made(tmp_path, *lines, scenario=TWO_SOURCES)))
    assert states is not None
    assert {state: found["ok"] for state, found in states.items() if found["ok"]} == {"completed": 1, "nowhere": 1}
