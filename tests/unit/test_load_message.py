"""Messages as the scenario shapes them, type by type."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pika.spec import BasicProperties

from drillbook.load.message import MessageMaker
from drillbook.scenario import Load


def message(shape: dict[str, Any], id_from: str = "message_id", type: str = "charge", **load: Any) -> MessageMaker:
    fields = {"rate": "1/s", "duration": "1s", "types": {type: 1.0}, "routing_key": "tasks.{type}", "messages": {type: shape}}
    return MessageMaker(Load.model_validate({**fields, **load}), type, id_from)


def properties(shape: dict[str, Any], **fields: Any) -> BasicProperties:
    return message(shape, **fields).properties("charge-000007", 1, 5)


def test_a_type_without_a_shape_looks_as_it_always_did():
    plain = MessageMaker(Load.model_validate({"rate": "1/s", "duration": "1s", "version": "v2", "size": 80}), "task")
    said = plain.properties("task-000001", 1, 5)
    assert (said.type, said.content_type, said.content_encoding, said.headers) == (
        "task",
        "application/json",
        None,
        {"intended_at": 5, "version": "v2"},
    )
    assert (plain.routing_key, len(plain.body("task-000001"))) == ("task", 80)


def test_the_type_property_can_be_another_than_the_type_s_name():
    assert properties({"type": "payments.{type}"}).type == "payments.charge"


def test_the_version_of_a_type_goes_before_the_load_s():
    assert properties({"version": "v2"}, version="v1").headers["version"] == "v2"


def test_content_type_and_encoding_are_said():
    said = properties({"content_type": "application/x-yaml", "content_encoding": "utf-8"})
    assert (said.content_type, said.content_encoding) == ("application/x-yaml", "utf-8")


def test_a_type_s_routing_key_goes_before_the_load_s():
    assert message({"routing_key": "slow.{type}"}).routing_key == "slow.charge"


def test_headers_hold_task_and_type_however_deep():
    headers = {"id": "{task}", "deep": {"er": ["{type}", {"of": "{task}"}]}, "retries": 0, "parent": None}
    assert properties({"headers": headers}).headers == {
        "intended_at": 5,
        "id": "charge-000007",
        "deep": {"er": ["charge", {"of": "charge-000007"}]},
        "retries": 0,
        "parent": None,
    }


def test_two_messages_share_no_header():
    made = message({"headers": {"id": "{task}"}})
    first = made.properties("a", 1, 5).headers
    made.properties("b", 2, 6)
    assert first == {"id": "a", "intended_at": 5}


def test_a_shaped_message_still_says_its_attempt():
    assert message({"headers": {"id": "{task}"}}).properties("a", 2, 5).headers["attempt"] == 2


def test_a_shaped_message_has_its_id_where_the_scenario_looks_for_it():
    assert properties({"headers": {"lang": "py"}}, id_from="header:id").headers["id"] == "charge-000007"


def test_a_body_is_the_template_and_nothing_more():
    assert (
        message({"body": '[[], {"task": "{task}", "of": "{type}"}, {}]'}, size=4096).body("a") == b'[[], {"task": "a", "of": "charge"}, {}]'
    )


@pytest.mark.parametrize("name", ['"', "\\", "ü", "{task}", "\n"])
def test_names_in_a_json_body_leave_it_json(name: str):
    assert json.loads(message({"body": '{"id": "{task}", "of": "{type}"}'}, type=name).body(f"{name}-1"))["id"] == f"{name}-1"


def test_names_in_any_other_body_stand_as_they_are():
    assert message({"body": "<id>{task}</id>"}).body('"') == b'<id>"</id>'
