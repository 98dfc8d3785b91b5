"""Messages that a rule drops, and which ones it counts: the tap as a process, every byte said by the test."""

from __future__ import annotations

import json

import pytest
from pika import spec
from tap_process import arrives, ends, rule, speak
from tap_speech import CONFIRMS, ack, broker, channel, client, consuming, content, deliver, method, opened, publish


def test_a_dropped_ack_never_arrives_and_its_connection_ends(holding):
    tap, ours, theirs = holding
    tap.arm(rule("ack", "drop", nth=2))
    ours.sendall(ack(1) + ack(2) + ack(3))
    arrives(theirs, ack(1))
    ends(theirs)
    ends(ours)
    theirs.close()
    tap.end()
    assert tap.story[4:] == ["fault armed", "ack a", "fault ack dropped b", "fault connection severed"]
    assert [line["reason"] for line in tap.lines if line["event"] == "close"] == ["connection lost (the drill)"] * 2


def test_a_fault_line_says_where_it_happened(holding):
    tap, ours, theirs = holding
    tap.arm(rule("ack", "drop", sever=False))
    ours.sendall(ack(1) + ack(2))
    arrives(theirs, ack(2))
    tap.end()
    line = next(line for line in tap.lines if line.get("reason") == "ack dropped")
    place = {"link": "load -> broker", "peer": "load", "connection": 1, "channel": 1, "task": "a", "queue": "tasks.v2", "rule": "fault"}
    assert place.items() <= line.items()


def test_a_drop_that_does_not_sever_leaves_the_connection_open(holding):
    tap, ours, theirs = holding
    tap.arm(rule("ack", "drop", nth=2, sever=False))
    ours.sendall(ack(1) + ack(2) + ack(3))
    arrives(theirs, ack(1) + ack(3))
    speak(ours, theirs, [broker(deliver("e", 5)), client(ack(5))])
    tap.end()
    assert tap.story[4:] == ["fault armed", "ack a", "fault ack dropped b", "ack c", "deliver e", "ack e"]


def test_as_many_are_dropped_as_the_rule_counts(holding):
    tap, ours, theirs = holding
    tap.arm(rule("ack", "drop", nth=2, count=2, sever=False))
    ours.sendall(b"".join(ack(tag) for tag in (1, 2, 3, 4)))
    arrives(theirs, ack(1) + ack(4))
    tap.end()
    assert tap.story[4:] == ["fault armed", "ack a", "fault ack dropped b", "fault ack dropped c", "ack d"]


def test_counting_goes_over_all_links_of_the_rule_and_no_others(start_tap, upstream):
    tap = start_tap(upstream.getsockname(), peers=("one", "two", "three"))
    lines = [tap.joined(upstream, peer) for peer in ("one", "two", "three")]
    for ours, theirs in lines:
        speak(ours, theirs, [*opened(), *consuming(), broker(deliver("a", 1), deliver("b", 2))])
    tap.arm(rule("ack", "drop", nth=3, sever=False, links=("one -> broker", "three -> broker")))
    for ours, theirs in lines[:2]:
        speak(ours, theirs, [client(ack(1), ack(2))])
    lines[2][0].sendall(ack(1) + ack(2))
    arrives(lines[2][1], ack(2))
    tap.end()
    assert [line["link"] for line in tap.lines if line.get("reason") == "ack dropped"] == ["three -> broker"]


def test_counting_begins_when_the_rule_is_armed(holding):
    tap, ours, theirs = holding
    speak(ours, theirs, [client(ack(1))])
    tap.arm(rule("ack", "drop", nth=2, sever=False))
    ours.sendall(ack(2) + ack(3) + ack(4))
    arrives(theirs, ack(2) + ack(4))


def test_an_ack_of_several_counts_once_and_goes_by_a_task_that_it_covers(holding):
    tap, ours, theirs = holding
    tap.arm(rule("ack", "drop", task="b", sever=False))
    ours.sendall(ack(3, multiple=True) + ack(4))
    arrives(theirs, ack(4))
    tap.end()
    assert tap.story[4:] == ["fault armed", "fault ack dropped b", "ack d"]


def test_a_publish_on_a_channel_that_the_broker_has_closed_is_not_counted(tap, upstream):
    ours, theirs = tap.joined(upstream)
    closed = broker(method(1, spec.Channel.Close(404, "NOT_FOUND", 0, 0)))
    speak(ours, theirs, [*opened(), *channel(2), closed])
    tap.arm(rule("publish", "drop", sever=False))
    ours.sendall(publish("late") + publish("a", number=2) + publish("b", number=2))
    arrives(theirs, publish("late") + publish("b", number=2))


def test_an_ack_that_settles_nothing_is_not_counted(holding):
    tap, ours, theirs = holding
    tap.arm(rule("ack", "drop", nth=2, sever=False))
    ours.sendall(ack(99) + ack(1) + ack(2))
    arrives(theirs, ack(99) + ack(1))
    tap.wait_until_said("ack dropped")


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ("nack", method(1, spec.Basic.Nack(delivery_tag=3, multiple=True, requeue=True))),
        ("reject", method(1, spec.Basic.Reject(delivery_tag=3))),
    ],
)
def test_refusals_are_dropped_by_their_own_names(holding, event, said):
    tap, ours, theirs = holding
    tap.arm(rule(event, "drop", sever=False))
    ours.sendall(said + ack(4))
    arrives(theirs, ack(4))
    tap.end()
    assert tap.story[4:] == ["fault armed", f"fault {event} dropped c", "ack d"]


def test_a_lost_confirm_has_its_line_and_never_reaches_the_publisher(tap, upstream):
    ours, theirs = tap.joined(upstream)
    speak(ours, theirs, [*opened(), *CONFIRMS, client(publish("a"), publish("b")), broker(ack(1))])
    tap.arm(rule("confirm", "drop"))
    theirs.sendall(ack(2))
    ends(ours)
    ends(theirs)
    theirs.close()
    tap.end()
    assert tap.story == [
        "publish a",
        "publish b",
        "confirm a",
        "fault armed",
        "confirm b",
        "fault confirm dropped b",
        "fault connection severed",
    ]


def test_a_publish_is_dropped_whole_by_its_task(tap, upstream):
    ours, theirs = tap.joined(upstream)
    speak(ours, theirs, opened())
    tap.arm(rule("publish", "drop", task="b", sever=False))
    ours.sendall(publish("a") + publish("b", body=b"x" * 100_000) + publish("c", body=b""))
    arrives(theirs, publish("a") + publish("c", body=b""))
    tap.end()
    assert tap.story == ["fault armed", "publish a", "fault publish dropped b", "publish c"]


def test_a_publish_is_dropped_by_the_id_in_its_body(start_tap, upstream):
    tap = start_tap(upstream.getsockname(), id_from="body:$.task.id")
    ours, theirs = tap.joined(upstream)
    speak(ours, theirs, opened())
    tap.arm(rule("publish", "drop", task="7", sever=False))
    first, second = (publish("x", body=json.dumps({"task": {"id": number}}).encode()) for number in (7, 8))
    ours.sendall(first + second)
    arrives(theirs, second)


def test_a_dropped_delivery_is_unacknowledged_all_the_same(tap, upstream):
    ours, theirs = tap.joined(upstream)
    speak(ours, theirs, [*opened(), *consuming()])
    tap.arm(rule("deliver", "drop", sever=False))
    theirs.sendall(deliver("a", 1) + deliver("b", 2))
    arrives(ours, deliver("b", 2))
    speak(ours, theirs, [client(ack(2, multiple=True))])
    tap.end()
    assert tap.story == ["fault armed", "deliver a", "deliver b", "fault deliver dropped a", "ack a", "ack b"]


def test_what_basic_get_gives_is_a_delivery(tap, upstream):
    ours, theirs = tap.joined(upstream)
    speak(ours, theirs, [*opened(), client(method(1, spec.Basic.Get(queue="q")))])
    tap.arm(rule("deliver", "drop"))
    theirs.sendall(method(1, spec.Basic.GetOk(1, False, "", "q", 0)) + content(spec.BasicProperties(message_id="a"), b"{}"))
    ends(ours)
