"""Sources of effects, task states, the outbox and ids: what could not be read, or would mean nothing, is refused."""

from pathlib import Path

import pytest
from scenario_folder import SOUND, said, sound_folder, spoiled

DATABASE = "  database: {init: tables.sql}\n"
SOURCES = "effects: {sources: {rows: {query: select 1}, calls: {http: true, types: [charge]}}}\n"
PLACES = "say message_id, correlation_id, header:NAME, or body:$.path such as body:$.id"

EFFECTS = {
    "a source is a query and calls at once": (
        "effects: {sources: {rows: {query: select 1, http: true}}}",
        ["35:27: effects.sources.rows: give exactly one of query and http"],
    ),
    "effects are read in two ways": (
        "effects: {query: select 1, sources: {rows: {query: select 1}}}",
        ["35:11: effects are read by query or from sources: give one of them"],
    ),
    "there are sources and none is named": ("effects: {sources: {}}", ["35:11: sources names none; leave it out, or name one"]),
    "a source cannot be named in an address": (
        "effects: {sources: {a/b: {http: true}}}",
        ["35:21: a/b cannot name a source, as calls name it in their address: use letters, digits, _ and -, a letter first"],
    ),
    "a source takes a type that no task has": (
        "effects: {sources: {rows: {query: select 1}, calls: {http: true, types: [charg]}}}",
        ["35:74: no task of the load has the type charg; did you mean charge?"],
    ),
    "a source takes what is no name": (
        "effects: {sources: {rows: {query: select 1}, calls: {http: true, types: [charge, 5]}}}",
        ['35:82: entry 2 of effects.sources.calls.types is text, not the number 5: write it in quotes, "5"'],
    ),
    "tasks of a type leave an effect nowhere": (
        "effects: {sources: {calls: {http: true, types: [charge]}}}",
        ["35:11: tasks of type notify leave an effect in none of the sources"],
    ),
}


def with_effects(tmp_path: Path, effects: str, text: str = SOUND) -> list[str]:
    return said(sound_folder(tmp_path / "drill"), text.replace("settle:", f"{effects.strip()}\nsettle:"))


@pytest.mark.parametrize(("effects", "expected"), EFFECTS.values(), ids=EFFECTS)
def test_effects_that_cannot_be_read_are_told(tmp_path: Path, effects: str, expected: list[str]) -> None:
    assert with_effects(tmp_path, effects) == expected


def test_several_sources_are_taken(tmp_path: Path) -> None:
    assert with_effects(tmp_path, SOURCES) == []


def test_calls_alone_need_no_database(tmp_path: Path) -> None:
    text = SOUND.replace(DATABASE, "").replace("canary_slow: {query: select 1, ", "canary_slow: {queue_depth: tasks.v1, ")
    assert with_effects(tmp_path, "effects: {sources: {calls: {http: true}}}", text) == []


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (SOURCES, "34:28: rows is read from a database, and the stage has none"),
        ("states: {query: select 1}", "34:10: states is read from a database, and the stage has none"),
        ("handled: {query: select 1}", "34:11: handled is read from a database, and the stage has none"),
        ("outbox: {query: select 1}", "34:10: outbox is read from a database, and the stage has none"),
    ],
)
def test_what_a_database_must_say_is_refused_without_one(tmp_path: Path, part: str, expected: str) -> None:
    assert expected in with_effects(tmp_path, part, SOUND.replace(DATABASE, ""))


def test_a_fault_may_hit_the_way_to_the_sink(tmp_path: Path) -> None:
    text = SOUND.replace("latency: {link: workers.v2 -> broker", "latency: {link: workers.v2 -> sink")
    assert with_effects(tmp_path, SOURCES, text) == []


def test_without_calls_there_is_no_way_to_a_sink(tmp_path: Path) -> None:
    (problem,) = spoiled(sound_folder(tmp_path / "drill"), "{link: workers.v2 -> broker", "{link: workers.v2 -> sink")
    assert "there is no link workers.v2 -> sink" in problem


def test_the_sink_itself_is_evidence_and_no_fault_may_hit_it(tmp_path: Path) -> None:
    text = SOUND.replace("kill: {target: workers.v2, pick: one}", "kill: {target: sink}")
    (problem,) = with_effects(tmp_path, SOURCES, text)
    assert "there is no container sink" in problem


@pytest.mark.parametrize("id_from", ["correlation_id", "header:job id", "body:$.meta.id", "body:$[0].id"])
def test_an_id_may_be_at_any_of_these_places(tmp_path: Path, id_from: str) -> None:
    assert spoiled(sound_folder(tmp_path / "drill"), "stage:\n", f'stage:\n  id_from: "{id_from}"\n') == []


@pytest.mark.parametrize(
    ("id_from", "expected"),
    [
        ("body:id", f"5:12: id_from: 'body:id' is no place for an id; {PLACES}"),
        ("header:attempt", "5:12: the load sets the header attempt itself: keep the id in another one"),
        ("body:$.payload.id", "5:12: the load fills payload of its bodies itself: keep the id elsewhere, such as body:$.id"),
        ("body:$.task.id", "5:12: the load fills task of its bodies itself: keep the id elsewhere, such as body:$.id"),
    ],
)
def test_an_id_where_none_can_be_is_told(tmp_path: Path, id_from: str, expected: str) -> None:
    assert spoiled(sound_folder(tmp_path / "drill"), "stage:\n", f'stage:\n  id_from: "{id_from}"\n') == [expected]
