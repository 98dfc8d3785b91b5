"""Settling and collecting on a stage in memory: what is looked at and counted, what is read into which file, and what is incomplete."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from stub_stage import DRILL, StubStage, drill, told

from drillbook.core.errors import HarnessError, UsageError
from drillbook.drive import settle as module
from drillbook.drive.collect import collect, queries, try_queries
from drillbook.drive.rest import LEAST_LOOKS, Look, Rest, Terms
from drillbook.drive.settle import count_effects, look, settle, terms
from drillbook.evidence.kinds.leftovers import Leftover
from drillbook.evidence.kinds.links import LinkUse
from drillbook.scenario import Scenario

STAGE = {**DRILL["stage"], "database": {}}
WHOLE: dict[str, Any] = {
    "stage": STAGE,
    "effects": {"sources": {"rows": {"query": "effects"}, "calls": {"http": True}}},
    "states": {"query": "states"},
    "handled": {"query": "handled"},
    "outbox": {"query": "outbox"},
}


@pytest.fixture
def stage(tmp_path: Path) -> StubStage:
    return StubStage(tmp_path, drill(**WHOLE))


def holds(stage: StubStage, query: str, *rows: dict[str, Any]) -> None:
    assert stage.database is not None
    stage.database.rows[query] = list(rows)


def lines(stage: StubStage, stem: str) -> list[dict[str, Any]]:
    file = stage.run.file(stem)
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def calls(stage: StubStage, *tasks: str) -> None:
    written = [
        {"seq": 1, "event": "start", "at": 1},
        *({"seq": 2 + n, "event": "call", "task": task, "at": 1} for n, task in enumerate(tasks)),
    ]
    written.append({"seq": len(written) + 1, "event": "end", "at": 1})
    (stage.run.path / "sink.jsonl").write_text("".join(json.dumps(line) + "\n" for line in written))


# Looking


def test_a_look_tells_depths_effects_outbox_and_what_is_held(stage: StubStage) -> None:
    stage.broker.depths = {"tasks": 3}
    holds(stage, "effects", {"task": "a"}, {"task": "b"})
    holds(stage, "outbox", {"task": "c"})
    calls(stage, "a")
    stage.tap_process.passes("deliver", "workers.v1.1", "d")
    found = look(stage.scenario, stage)
    assert found is not None
    assert (found.depths, found.effects, found.outbox, found.held, found.moves) == ({"tasks": 3}, 3, 1, 1, 1)
    assert found.asked <= found.answered


@pytest.mark.parametrize("away", ["broker", "database"])
def test_there_is_no_look_while_a_service_is_away(stage: StubStage, away: str) -> None:
    getattr(stage, away).away = True
    assert look(stage.scenario, stage) is None


def test_without_a_database_there_are_only_calls(tmp_path: Path) -> None:
    stage = StubStage(tmp_path, drill(**{**WHOLE, "stage": DRILL["stage"]}))
    calls(stage, "a", "a")
    assert count_effects(stage.scenario, stage) == 2


def test_tasks_that_do_not_count_are_left_out_of_every_source(stage: StubStage) -> None:
    holds(stage, "effects", {"task": "a"}, {"task": "b"})
    calls(stage, "a", "c")
    assert count_effects(stage.scenario, stage, {"a"}) == 2


def test_rest_is_as_long_as_the_scenario_says_and_knows_where_tasks_may_rest() -> None:
    queues = {"tasks": {"dead_letter_to": "dead"}, "dead": {}}
    scenario = drill(stage={**DRILL["stage"], "broker": {"queues": queues}}, settle={"within": "9s", "quiet_for": "3s"})
    assert terms(scenario) == Terms(3.0, frozenset({"dead"}), {})


# Settling


def test_a_stage_where_nothing_moves_comes_to_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ASK_EVERY_SECONDS", 0.01)
    stage = StubStage(tmp_path, drill())
    settled = settle(stage.scenario, stage, pytest.fail)
    assert settled.restless is None
    assert settled.seconds >= 0.05


def restless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scenario: Scenario) -> tuple[StubStage, str | None, list[str]]:
    monkeypatch.setattr(module, "ASK_EVERY_SECONDS", 0.01)
    stage, said = StubStage(tmp_path, scenario), []
    poll, count = stage.wire.poll, iter(range(10**6))

    def moves() -> Any:
        stage.tap_process.passes("deliver", "workers.v1.1", f"task-{next(count)}")
        return poll()

    stage.wire.poll = moves  # type: ignore[method-assign]
    return stage, settle(scenario, stage, said.append).restless, said


def test_a_stage_where_tasks_still_move_is_told_with_who_moves_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scenario = drill(settle={"within": "300ms", "quiet_for": "100ms"})
    _, why, said = restless(tmp_path, monkeypatch, scenario)
    assert why is not None
    assert "workers.v1.1 was given tasks from tasks" in why
    assert said == []


def test_a_stage_where_tasks_wait_for_their_time_says_so_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ASK_EVERY_SECONDS", 0.01)
    later = {"arguments": {"x-message-ttl": 100000, "x-dead-letter-exchange": ""}}
    stage = StubStage(
        tmp_path,
        drill(
            stage={**DRILL["stage"], "broker": {"queues": {"tasks": {}, "later": later}}}, settle={"within": "500ms", "quiet_for": "10ms"}
        ),
    )
    stage.broker.depths["later"] = 2
    said: list[str] = []
    settled = settle(stage.scenario, stage, said.append)
    assert [line.partition(" in at most")[0] for line in said] == ["2 tasks in later are due"]
    assert settled.restless is not None


def test_a_stage_that_does_not_answer_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ASK_EVERY_SECONDS", 0.01)
    stage = StubStage(tmp_path, drill(settle={"within": "50ms", "quiet_for": "10ms"}))
    stage.broker.away = True
    assert settle(stage.scenario, stage, pytest.fail).restless == "the broker or the database did not answer"


def test_rest_has_come_when_it_was_still_for_just_as_long_as_it_must() -> None:
    rest = Rest(Terms(2.0))
    for at in range(LEAST_LOOKS):
        rest.see(Look(float(at), float(at)))
    assert rest.come


@pytest.mark.parametrize(("looks", "said"), [((0, 9), []), ((0, 1, 2), ["2 tasks in later are due in at most 98 s"]), ((0, 1, 1.5), [])])
def test_a_delay_is_told_after_enough_looks_and_enough_quiet(looks: tuple[float, ...], said: list[str]) -> None:
    rest = Rest(Terms(2.0, delays={"later": 100.0}))
    for at in looks:
        rest.see(Look(at, at, depths={"later": 2}))
    assert rest.due() == said


# Collecting


def collected(stage: StubStage, tmp_path: Path) -> StubStage:
    collect(stage.run, stage, stage.scenario, tmp_path)
    return stage


def test_effects_are_read_from_every_source(stage: StubStage, tmp_path: Path) -> None:
    holds(stage, "effects", {"task": "a", "at": 1})
    calls(stage, "b")
    collected(stage, tmp_path)
    assert [line["task"] for line in lines(stage, "effects")] == ["a", "b"]


def test_what_rests_is_read_from_everywhere(stage: StubStage, tmp_path: Path) -> None:
    calls(stage)
    stage.tap_process.passes("deliver", "workers.v1.1", "held")
    stage.remaining = [Leftover("queued", "tasks", "ready")]
    (tmp_path / "cancelled").write_text("cancelled\n")
    holds(stage, "outbox", {"task": "outboxed"})
    collected(stage, tmp_path)
    assert [(line["task"], line["state"]) for line in lines(stage, "leftovers")] == [
        ("held", "unacked"),
        ("queued", "ready"),
        ("cancelled", "cancelled"),
        ("outboxed", "outbox"),
    ]


def test_how_often_links_were_used_is_read(stage: StubStage, tmp_path: Path) -> None:
    calls(stage)
    stage.used = [LinkUse("operator -> database", 2, 1, False)]
    collected(stage, tmp_path)
    assert lines(stage, "links") == [{"link": "operator -> database", "connections": 2, "own": 1, "refused": False}]
    assert told(stage.run, "incomplete") == []


def test_links_are_incomplete_where_the_proxies_do_not_tell(stage: StubStage, tmp_path: Path) -> None:
    calls(stage)
    stage.unlogged = HarnessError("toxiproxy is gone")
    collected(stage, tmp_path)
    assert told(stage.run, "incomplete", detail=True) == ["links from: toxiproxy is gone"]
    assert lines(stage, "links") == []


def test_a_delivery_without_an_id_is_told_with_who_holds_it(stage: StubStage, tmp_path: Path) -> None:
    calls(stage)
    stage.tap_process.write({"event": "deliver", "peer": "workers.v1.1", "connection": 1, "channel": 1, "queue": "tasks"})
    collected(stage, tmp_path)
    (line,) = lines(stage, "leftovers")
    assert (line["task"], line["holder"], line["queue"]) == ("(a message without an id)", "workers.v1.1", "tasks")


@pytest.mark.parametrize("stem", ["effects", "states", "handled", "leftovers"])
def test_a_file_that_may_stay_empty_is_there(stage: StubStage, tmp_path: Path, stem: str) -> None:
    calls(stage)
    collected(stage, tmp_path)
    assert stage.run.file(stem).exists()
    assert told(stage.run, "incomplete") == []


def test_a_stage_without_a_database_has_no_states(tmp_path: Path) -> None:
    stage = StubStage(tmp_path, drill(**{**WHOLE, "stage": DRILL["stage"]}))
    calls(stage)
    collected(stage, tmp_path)
    assert not stage.run.file("states").exists()
    assert not stage.run.file("handled").exists()


def test_a_database_that_is_away_makes_what_it_held_incomplete(stage: StubStage, tmp_path: Path) -> None:
    calls(stage)
    assert stage.database is not None
    stage.database.away = True
    collected(stage, tmp_path)
    assert set(told(stage.run, "incomplete")) == {"effects from", "states from", "handled from", "leftovers from"}


def test_a_sink_that_left_nothing_makes_effects_incomplete(stage: StubStage, tmp_path: Path) -> None:
    collected(stage, tmp_path)
    assert told(stage.run, "incomplete", detail=True) == ["effects from: the effect sink left no sink.jsonl."]


# Queries


def test_sources_without_a_query_are_not_asked_of_the_database(stage: StubStage) -> None:
    assert queries(stage.scenario.effects) == {"rows": "effects"}


def columns(stage: StubStage, monkeypatch: pytest.MonkeyPatch, bad: str) -> None:
    """The database gives what each query must give, but for one."""
    assert stage.database is not None
    names = {"effects": ["task", "at"], "states": ["task", "state"], "handled": ["task", "decision", "at", "done_at"], "outbox": ["task"]}
    monkeypatch.setattr(stage.database, "columns", lambda query: ["nonsense"] if query == bad else names[query])


KEYS = {
    "effects": "effects.sources.rows.query: ",
    "states": "states.query: ",
    "handled": "handled.query: ",
    "outbox": "outbox.query: ",
}


@pytest.mark.parametrize(("query", "key"), KEYS.items(), ids=KEYS)
def test_a_query_that_cannot_work_is_told_by_its_key(stage: StubStage, monkeypatch: pytest.MonkeyPatch, query: str, key: str) -> None:
    columns(stage, monkeypatch, query)
    with pytest.raises(UsageError) as raised:
        try_queries(stage.scenario, stage)
    assert raised.value.message.startswith(key)


def test_without_a_database_no_query_is_tried(tmp_path: Path) -> None:
    stage = StubStage(tmp_path, drill(**{**WHOLE, "stage": DRILL["stage"]}))
    try_queries(stage.scenario, stage)
    assert stage.database is None


def test_the_only_effects_query_is_told_by_its_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = StubStage(tmp_path, drill(stage=STAGE, effects={"query": "effects"}))
    columns(stage, monkeypatch, "effects")
    with pytest.raises(UsageError, match=r"^effects\.query: "):
        try_queries(stage.scenario, stage)
