"""Messages that the load could not send, or that nobody could find again, are refused."""

from pathlib import Path

import pytest
from scenario_folder import SOUND, said, sound_folder

from drillbook.scenario import MessageShape

ENDS = 'exchange: tasks, routing_key: "task.{type}"}'
CASES = {
    "no task has the type": ("{charg: {type: a}}", ["20:13: no task of the load has the type charg; did you mean charge?"]),
    "an unknown placeholder in a body": (
        '{charge: {body: \'{"id": "{id}"}\'}}',
        ["20:28: body knows {task} and {type} only, not {id}"],
    ),
    "an unknown placeholder deep in a header": (
        "{charge: {headers: {a: [{b: '{job}'}]}}}",
        ["20:35: a knows {task} and {type} only, not {job}"],
    ),
    "the task where all messages are alike": (
        "{charge: {content_encoding: '{task}'}}",
        ["20:40: content_encoding knows {type} only, not {task}"],
    ),
    "the task in the routing key": (
        "{charge: {routing_key: 'task.{task}'}}",
        ["20:35: routing_key knows {type} only, not {task}"],
    ),
    "no binding takes a type's own key": (
        "{charge: {routing_key: jobs}}",
        ["20:35: no binding of exchange tasks takes the routing key jobs: its tasks would be returned"],
    ),
    "a header of the load": ("{charge: {headers: {attempt: 1}}}", ["20:32: the load sets the header attempt itself"]),
    "the version among the headers": (
        "{charge: {headers: {version: v1}}}",
        ["20:32: the load sets the header version itself; give version beside headers"],
    ),
    "a number that the load cannot write": (
        "{charge: {headers: {n: 1.5}}}",
        ["20:32: no message can carry the header n with this name and value"],
    ),
    "an unknown key": (
        "{charge: {kind: a}}",
        [f"20:22: load.messages.charge has no key kind; there are {', '.join(MessageShape.model_fields)}"],
    ),
}


def shaped(tmp_path: Path, messages: str, id_from: str = "message_id") -> list[str]:
    """What the loader says of the known-good drill with its messages on line 20, and its ids in a place."""
    text = SOUND.replace(ENDS, f'exchange: tasks, routing_key: "task.{{type}}",\n messages: {messages}}}')
    return said(sound_folder(tmp_path / "drill"), text.replace("stage:\n", f"stage:\n  id_from: {id_from}\n"))


@pytest.mark.parametrize(("messages", "expected"), CASES.values(), ids=CASES.keys())
def test_a_message_that_cannot_be_is_told(tmp_path: Path, messages: str, expected: list[str]):
    assert shaped(tmp_path, messages) == expected


def test_a_body_must_hold_the_id_where_it_is_looked_for(tmp_path: Path):
    found = shaped(tmp_path, '{charge: {body: \'{"id": "x"}\'}}', "body:$.id")
    assert found == ["20:28: stage.id_from is body:$.id, and this body has no {task} there"]


def test_a_body_that_is_no_json_cannot_hold_the_id(tmp_path: Path):
    assert shaped(tmp_path, "{charge: {body: '{task}'}}", "body:$.id") == ["20:28: stage.id_from is body:$.id, and this body is no JSON"]


def test_a_header_with_the_id_in_it_must_be_the_id(tmp_path: Path):
    found = shaped(tmp_path, "{charge: {headers: {id: 'no {task}'}}}", "header:id")
    assert found == ['20:36: stage.id_from reads the task\'s id from the header id: write "{task}", or leave it out']


@pytest.mark.parametrize(
    ("messages", "id_from"),
    [
        ('{charge: {body: \'[[], {"id": "{task}"}]\'}}', "body:$[1].id"),
        ("{charge: {body: not json}}", "message_id"),
        ("{charge: {headers: {id: '{task}', none: null, deep: [{x: 1}]}}}", "header:id"),
        ('{charge: {body: \'{"type": "{task}"}\'}, notify: {body: \'{"type": "{task}"}\'}}', "body:$.type"),
    ],
)
def test_a_message_that_can_be_is_taken(tmp_path: Path, messages: str, id_from: str):
    assert shaped(tmp_path, messages, id_from) == []
