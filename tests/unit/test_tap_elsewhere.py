"""Where an id may be, of messages that have none where the scenario says: what the tap writes, and that it is brief about it."""

import json

from pika import spec
from tap_speech import Tap, broker, consuming, content, deliver, method, opened

from drillbook.tap.elsewhere import MOST


def without(tag, properties=None, body=b"{}"):
    announced = spec.Basic.Deliver(consumer_tag="c1", delivery_tag=tag, redelivered=False, exchange="", routing_key="q")
    return method(1, announced) + content(properties or spec.BasicProperties(), body)


def found(*frames, id_from="message_id", split=0):
    data = b"".join(frames)
    turns = [broker(data[:split]), broker(data[split:])] if split else [broker(data)]
    lines = Tap(id_from).hear([*opened(), *consuming(), *turns]).lines.all
    return [json.loads(line["elsewhere"]) if "elsewhere" in line else None for line in lines if line["event"] == "deliver"]


def test_a_delivery_without_an_id_says_where_one_may_be():
    properties = spec.BasicProperties(correlation_id="c-1", headers={"id": "h-1", "retries": 0})
    assert found(without(1, properties, b'{"message_id": "b-1", "id": 7, "kind": "charge"}')) == [
        {"correlation_id": "c-1", "header:id": "h-1", "body:$.message_id": "b-1", "body:$.id": "7"}
    ]


def test_a_delivery_with_its_id_says_nothing_of_others():
    assert found(deliver("a", 1, body=b'{"id": "b-1"}')) == [None]


def test_it_says_nothing_where_there_is_nothing():
    assert found(without(1), without(2, body=b"no JSON"), without(3, body=b'["id"]')) == [None, None, None]


def test_the_id_is_not_looked_for_where_it_was_missed():
    assert found(without(1, spec.BasicProperties(message_id="m-1"), b'{"id": "b-1"}'), id_from="body:$.task") == [
        {"message_id": "m-1", "body:$.id": "b-1"}
    ]


def test_a_delivery_that_comes_in_two_pieces_tells_what_its_header_has():
    message = without(1, spec.BasicProperties(headers={"task_id": "h-1"}), b'{"id": "b-1"}')
    assert found(message, split=len(message) - 5) == [{"header:task_id": "h-1"}]


def test_what_is_too_long_for_an_id_is_none():
    assert found(without(1, body=json.dumps({"id": "x" * 300}).encode())) == [None]


def test_only_the_first_messages_are_looked_into():
    told = found(*(without(tag, body=b'{"id": "a"}') for tag in range(1, MOST + 3)))
    assert sum(one is not None for one in told) == MOST


def test_the_first_messages_of_each_queue_are_looked_into():
    gossip = [without(tag, body=b'{"id": "a"}') for tag in range(1, MOST + 3)]
    turns = [*opened(), *consuming("gossip", "c2"), *consuming("tasks", "c1"), broker(*gossip)]
    others = [broker(frame.replace(b"\x02c1", b"\x02c2")) for frame in gossip]
    lines = Tap().hear([*turns[:-1], *others, turns[-1]]).lines.all
    assert [sum(line.get("queue") == queue and "elsewhere" in line for line in lines) for queue in ("gossip", "tasks")] == [MOST, MOST]


def test_the_acknowledgement_does_not_repeat_it():
    ack = ("client", method(1, spec.Basic.Ack(delivery_tag=1)))
    lines = Tap().hear([*opened(), *consuming(), broker(without(1, body=b'{"id": "a"}')), ack]).lines.all
    assert [("elsewhere" in line) for line in lines[-2:]] == [True, False]
