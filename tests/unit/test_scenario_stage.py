"""Stages that broker, database or engine would refuse."""

from pathlib import Path

import pytest
from scenario_folder import SOUND, said, sound_folder, spoiled

CASES = {
    "a classic queue has no delivery limit": (
        "tasks.dead: {type: classic}",
        "tasks.dead: {type: classic, delivery_limit: 3}",
        ["10:35: a classic queue has no delivery limit; only quorum queues do"],
    ),
    "a stream has no dead letters": (
        "tasks.dead: {type: classic}",
        "tasks.dead: {type: stream, dead_letter_to: tasks.v1}",
        ["10:34: a stream has no dead letters"],
    ),
    "a queue takes a name of the broker's own": (
        "tasks.dead: {type: classic}",
        "tasks.dead: {type: classic}\n      amq.mine: {}",
        ["11:7: names that begin with amq. are the broker's own"],
    ),
    "an exchange type is unknown": ("{type: topic}", "{type: topik}", ["6:31: there is no exchange type topik; did you mean topic?"]),
    "an exchange type needs its plugin": (
        "{type: topic}",
        "{type: x-consistent-hash}",
        ["6:31: x-consistent-hash needs rabbitmq_consistent_hash_exchange in stage.broker.plugins"],
    ),
    "a version cannot name containers": (
        "v1: {build: worker",
        "1.0-x: {build: worker",
        ["16:5: 1.0-x cannot name a version: use letters, digits, _ and -, a letter first"],
    ),
    "a worker's variable is the stage's": (
        "{QUEUE: tasks.v1}",
        "{QUEUE: tasks.v1, AMQP_URL: x}",
        ["16:61: AMQP_URL is set by the stage; leave it out"],
    ),
    "a monitor asks a database that is not there": (
        "  database: {init: tables.sql}\n",
        "",
        [
            "20:17: the monitor canary_slow asks a database, and the stage has none",
            "36:3: no_lost_tasks needs effects, and the stage has no database to read them from",
            "37:3: version_fence needs effects, and the stage has no database to read them from",
            "38:3: recovered needs effects, and the stage has no database to read them from",
        ],
    ),
}


@pytest.mark.parametrize(("old", "new", "expected"), CASES.values(), ids=CASES.keys())
def test_a_stage_that_cannot_be_is_told(tmp_path: Path, old: str, new: str, expected: list[str]):
    assert spoiled(sound_folder(tmp_path / "drill"), old, new) == expected


def test_effects_are_not_read_from_a_database_that_is_not_there(tmp_path: Path):
    text = SOUND.replace("  database: {init: tables.sql}\n", "").replace("settle:", "effects: {query: select 1}\nsettle:")
    assert "34:11: effects are read from a database, and the stage has none" in said(sound_folder(tmp_path / "drill"), text)


def test_a_queue_needs_a_name(tmp_path: Path):
    assert spoiled(sound_folder(tmp_path / "drill"), "tasks.dead: {type: classic}", "tasks.dead: {type: classic}\n      '': {}") == [
        "11:7: a name must not be empty"
    ]
