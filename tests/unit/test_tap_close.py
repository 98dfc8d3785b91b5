"""Channels that a rule closes: the tap as a process, every byte said by the test."""

from __future__ import annotations

import pytest
from pika import spec
from tap_process import arrives, rule, speak
from tap_speech import CONFIRMS, IN_TRANSACTION, ack, channel, client, consuming, deliver, method, opened, publish

CLOSE = method(1, spec.Channel.Close(541, "INTERNAL_ERROR - closed by the drill", 0, 0))
CLOSE_OK = method(1, spec.Channel.CloseOk())


@pytest.fixture
def in_transaction(tap, upstream):
    """A tap, and both ends of a connection: a transaction on channel 1 that is to be closed at its commit, and a channel 2."""
    ours, theirs = tap.joined(upstream)
    speak(ours, theirs, [*opened(), *channel(2), *IN_TRANSACTION, client(publish("a"))])
    tap.arm(rule("commit", "close"))
    return tap, ours, theirs


def test_a_channel_is_closed_at_the_broker_and_then_at_the_client(in_transaction):
    tap, ours, theirs = in_transaction
    ours.sendall(publish("b") + method(1, spec.Tx.Commit()) + publish("late") + publish("other", number=2))
    arrives(theirs, publish("b") + CLOSE + publish("other", number=2))
    theirs.sendall(CLOSE_OK)
    arrives(ours, CLOSE)
    ours.sendall(CLOSE_OK)
    speak(ours, theirs, [*channel(1), client(publish("again"))])
    tap.end()
    assert tap.story == ["select", "fault armed", "fault channel closed", "publish other", "publish again"]
    closes = [(line["channel"], line["reason"]) for line in tap.lines if line["event"] == "close"]
    assert closes == [(1, "541 INTERNAL_ERROR - closed by the drill (tap)")]


def test_a_client_that_closes_the_channel_itself_gets_its_answer_from_the_tap(in_transaction):
    _, ours, theirs = in_transaction
    ours.sendall(method(1, spec.Tx.Commit()) + method(1, spec.Channel.Close(200, "bye", 0, 0)))
    arrives(theirs, CLOSE)
    theirs.sendall(CLOSE_OK)
    arrives(ours, CLOSE_OK)
    speak(ours, theirs, channel(1))


def test_closes_that_cross_are_both_answered(in_transaction):
    _, ours, theirs = in_transaction
    ours.sendall(method(1, spec.Tx.Commit()))
    arrives(theirs, CLOSE)
    theirs.sendall(method(1, spec.Channel.Close(404, "NOT_FOUND", 0, 0)))
    arrives(theirs, CLOSE_OK)
    theirs.sendall(CLOSE_OK)
    arrives(ours, CLOSE)
    ours.sendall(method(1, spec.Channel.Close(200, "bye", 0, 0)))
    arrives(ours, CLOSE_OK)
    ours.sendall(CLOSE_OK)
    speak(ours, theirs, channel(1))


def test_a_channel_that_is_being_closed_is_closed_at_both_ends_though_no_rule_is_armed_any_more(in_transaction):
    tap, ours, theirs = in_transaction
    ours.sendall(method(1, spec.Tx.Commit()))
    arrives(theirs, CLOSE)
    tap.arm()
    theirs.sendall(CLOSE_OK)
    arrives(ours, CLOSE)
    ours.sendall(CLOSE_OK + method(1, spec.Channel.Open()))
    arrives(theirs, method(1, spec.Channel.Open()))


def test_a_channel_is_closed_at_a_confirm_of_the_broker(tap, upstream):
    ours, theirs = tap.joined(upstream)
    speak(ours, theirs, [*opened(), *CONFIRMS, client(publish("a"))])
    tap.arm(rule("confirm", "close"))
    theirs.sendall(ack(1))
    arrives(theirs, CLOSE)
    theirs.sendall(CLOSE_OK)
    arrives(ours, CLOSE)


def test_a_delivery_on_its_way_to_a_closed_channel_goes_back(holding):
    tap, ours, theirs = holding
    tap.arm(rule("ack", "close"))
    ours.sendall(ack(1))
    arrives(theirs, CLOSE)
    theirs.sendall(deliver("e", 5) + CLOSE_OK)
    arrives(ours, CLOSE)
    tap.end()
    assert tap.story[4:] == ["fault armed", "fault channel closed a", "deliver e", "nack its channel was closing e"]


def test_a_channel_is_closed_behind_a_message_of_which_a_part_has_passed(tap, upstream):
    ours, theirs = tap.joined(upstream)
    big = publish("a", body=b"x" * 1000, frame_max=400)
    speak(ours, theirs, [*opened(), *consuming(), client(big[:-700])])
    tap.arm(rule("deliver", "close"))
    theirs.sendall(deliver("b", 1))
    tap.wait_until_said("channel closed")
    ours.sendall(big[-700:])
    arrives(theirs, big[-700:] + CLOSE)
