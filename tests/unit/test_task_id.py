"""Task ids at every place a scenario may name: read alike by harness and tap, and written there by the load."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pika.frame import Header
from pika.spec import BasicProperties

from drillbook.evidence.task_id import body_steps, task_of
from drillbook.load.message import Body, Properties
from drillbook.scenario import Load, StageSpec
from drillbook.tap.selector import selector as tap_selector

SELECTORS = [
    *("message_id", "correlation_id", "header:id", "header:task id"),
    *("body:$.id", "body:$.meta.task.id", "body:$.tasks[2].id", "body:$[0].id", "body:$[1]", "body:$[0][1].id", "body:$.task"),
]
NOTHING = BasicProperties()

DAY = datetime(2026, 1, 1)


def load(version: str | None = None) -> Load:
    """A load whose messages have a version, or none."""
    return Load.model_validate({"rate": "1/s", "duration": "1s", "version": version})


def nested(inner: Any) -> Any:
    """JSON that the selectors above may lead into."""
    return st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "meta", "task", "tasks"]), inner)


def payload(properties: BasicProperties) -> bytes:
    """Of the content header frame that carries the properties."""
    return Header(1, 0, properties).marshal()[7:-1]


def header(properties: BasicProperties) -> BasicProperties:
    """The properties as they come out of pika after the wire."""
    read = BasicProperties()
    read.decode(payload(properties)[12:])
    return read


IDS = st.text(max_size=20) | st.integers(-(2**63), 2**63 - 1) | st.booleans() | st.none() | st.datetimes(DAY, timezones=st.just(UTC))


@pytest.mark.parametrize("selector", ["message_id", "correlation_id", "header:id"])
@given(value=IDS, other=st.text(max_size=20) | st.none())
def test_harness_and_tap_read_the_same_of_properties_and_headers(selector: str, value: Any, other: str | None) -> None:
    place = selector.partition(":")[0].replace("header", "headers")
    told = {"id": value} if place == "headers" else value if isinstance(value, str) or value is None else str(value)
    sent = BasicProperties(**{"message_id": other, "reply_to": other, place: told})
    assert task_of(selector)(header(sent), b"") == tap_selector(selector).read(payload(sent))


@pytest.mark.parametrize("selector", [selector for selector in SELECTORS if selector.startswith("body:")])
@given(body=st.recursive(st.text(max_size=5) | st.integers() | st.booleans() | st.none(), nested, max_leaves=8))
def test_harness_and_tap_read_the_same_of_a_body(selector: str, body: Any) -> None:
    written = json.dumps(body).encode()
    assert task_of(selector)(NOTHING, written) == tap_selector(selector).read(written)


@pytest.mark.parametrize("selector", SELECTORS)
@given(task=st.text(min_size=1, max_size=20).filter(lambda text: "\0" not in text))
def test_what_the_load_writes_is_read_back(selector: str, task: str) -> None:
    properties = header(Properties(load("v1"), "charge", selector).of(task, 1, 5))
    assert task_of(selector)(properties, Body("charge", 256, selector).of(task)) == task


@pytest.mark.parametrize("selector", SELECTORS)
def test_the_message_id_and_the_body_say_the_task_in_any_case(selector: str) -> None:
    content = json.loads(Body("charge", 256, selector).of("a"))
    task = content[-1] if isinstance(content, list) else content
    assert (task["task"], task["type"]) == ("a", "charge")
    assert Properties(load(), "charge", selector).of("a", 1, 5).message_id == "a"


@pytest.mark.parametrize("selector", SELECTORS)
@pytest.mark.parametrize("task", ["a", "ü" * 30, '"\\'])
def test_a_body_has_its_size_wherever_the_id_is(selector: str, task: str) -> None:
    assert len(Body("charge", 700, selector).of(task)) == 700


def test_a_second_attempt_says_so_and_a_first_does_not() -> None:
    headers = [Properties(load("v2"), "charge").of("a", attempt, 5).headers for attempt in (1, 2)]
    assert headers == [{"intended_at": 5, "version": "v2"}, {"intended_at": 5, "version": "v2", "attempt": 2}]


@pytest.mark.parametrize(
    ("selector", "body"),
    [
        ("body:$.id", b"not json"),
        ("body:$.id", b"\xff"),
        ("body:$.id", b"{}"),
        ("body:$.id", b"[]"),
        ("body:$[0]", b'{"0": "a"}'),
        ("body:$[3]", b'["a"]'),
        ("body:$.a.b", b'{"a": "b"}'),
        ("body:$.id", b'{"id": null}'),
        ("body:$.id", b'{"id": true}'),
        ("body:$.id", b'{"id": {"no": "id"}}'),
        ("body:$.id", b"[" * 100_000),
    ],
)
def test_a_body_that_has_no_id_there_identifies_nothing(selector: str, body: bytes) -> None:
    assert task_of(selector)(NOTHING, body) is None


@pytest.mark.parametrize("value", [None, True, 1.5, [], {}])
def test_a_header_that_is_neither_text_nor_a_whole_number_identifies_nothing(value: Any) -> None:
    assert task_of("header:id")(BasicProperties(headers={"id": value}), b"") is None


def test_a_whole_number_is_an_id_in_digits() -> None:
    assert task_of("header:id")(header(BasicProperties(headers={"id": 7})), b"") == "7"
    assert task_of("body:$.id")(NOTHING, b'{"id": 7}') == "7"


@pytest.mark.parametrize("selector", ["", "message-id", "header:", "body:", "body:$", "body:id", "body:$.a..b", "body:$[x]"])
def test_what_is_no_place_for_an_id_is_refused(selector: str) -> None:
    with pytest.raises(ValueError, match="is no place for a task id"):
        task_of(selector)


@pytest.mark.parametrize("selector", SELECTORS)
def test_a_place_that_can_be_read_can_be_said_in_a_scenario(selector: str) -> None:
    stage = {"id_from": selector, "broker": {"queues": {"q": {}}}, "workers": {"v1": {"image": "w"}}}
    assert StageSpec.model_validate(stage).id_from == selector


def test_a_path_is_keys_and_places() -> None:
    assert body_steps("body:$[0].meta.ids[12]") == [0, "meta", "ids", 12]
