"""Rules armed and disarmed while connections are open, and the file they come from."""

from __future__ import annotations

import json
import signal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pika import spec
from tap_process import SECONDS, accept, arrives, ends, rule, speak
from tap_speech import CONFIRMS, LINK, Lines, ack, broker, channel, client, consuming, content, deliver, method, opened, publish

from drillbook.core.wait import until
from drillbook.tap.armed_rules import ArmedRule
from drillbook.tap.selector import selector
from drillbook.tap.session import TapSession

DELIVERED = [deliver(task, tag) for tag, task in enumerate("efg", 5)]
FRAMES = {"client": ("ack", [ack(1), ack(2), ack(3)]), "broker": ("deliver", DELIVERED)}
LARGE = content(spec.BasicProperties(message_id="e"), b"x" * 3000, frame_max=1000)
MESSAGES = {
    "client": ("publish", method(1, spec.Basic.Publish(exchange="", routing_key="q")) + LARGE, publish("f"), publish("g")),
    "broker": ("deliver", method(1, spec.Basic.Deliver("c1", 5, False, "", "q")) + LARGE, *DELIVERED[1:]),
}
MET = {
    "client": ["fault publish dropped f", "publish e", "publish g"],
    "broker": ["deliver e", "deliver f", "deliver g", "fault deliver dropped f"],
}
"""What is written when the second is dropped: what the broker sends has its line when it comes."""


@pytest.mark.parametrize("who", FRAMES)
def test_a_frame_of_which_a_part_has_passed_goes_on_and_the_next_is_met(holding, who):
    tap, ours, theirs = holding
    source, sink = (ours, theirs) if who == "client" else (theirs, ours)
    event, (first, second, third) = FRAMES[who]
    for part in (first[:3], first[3:12]):
        speak(ours, theirs, [(who, part)])
    tap.arm(rule(event, "drop", sever=False))
    source.sendall(first[12:] + second + third)
    arrives(sink, first[12:] + third)


@pytest.mark.parametrize("who", MESSAGES)
@pytest.mark.parametrize("passed", [60, 700, 1500], ids=["of its header", "of its first body", "of its second body"])
def test_a_message_of_which_a_part_has_passed_goes_on_and_the_next_is_met(holding, who, passed):
    tap, ours, theirs = holding
    source, sink = (ours, theirs) if who == "client" else (theirs, ours)
    event, first, second, third = MESSAGES[who]
    speak(ours, theirs, [(who, first[:passed])])
    tap.arm(rule(event, "drop", sever=False))
    source.sendall(first[passed:] + second + third)
    arrives(sink, first[passed:] + third)
    tap.end()
    assert sorted(line for line in tap.story if line[-1] in "efg") == MET[who]


def test_a_message_of_which_a_part_waits_goes_on_when_its_rule_is_disarmed(tap, upstream):
    ours, theirs = tap.joined(upstream)
    speak(ours, theirs, opened())
    tap.arm(rule("publish", "drop", nth=9))
    whole = publish("a", body=b"x" * 1000)
    ours.sendall(whole[:-7])
    tap.arm()
    arrives(theirs, whole[:-7])
    speak(ours, theirs, [client(whole[-7:], publish("b"))])
    tap.end()
    assert tap.story[-2:] == ["publish a", "publish b"]


def test_a_rule_that_never_acts_changes_neither_bytes_nor_lines(tap, upstream):
    idle = [rule(event, "drop", number, nth=1000) for number, event in enumerate(("publish", "ack", "deliver", "confirm", "commit"))]
    for rules in ([], idle):
        tap.arm(*rules)
        ours, theirs = tap.joined(upstream)
        routed = method(2, spec.Basic.Publish(exchange="x", routing_key="k"))
        big = content(spec.BasicProperties(message_id="big"), b"x" * 9000, 2, frame_max=4096)
        talk = [
            *opened(), *channel(2), *CONFIRMS, client(publish("a"), publish("b", body=b""), routed, big), broker(ack(2, multiple=True)),
            *consuming(number=2), broker(deliver("c", 1, number=2)), client(ack(1, number=2)),
        ]  # fmt: skip
        for who, data in talk:
            source, sink = (ours, theirs) if who == "client" else (theirs, ours)
            for octet in data:
                source.sendall(bytes([octet]))
            arrives(sink, data)
        ours.close()
        ends(theirs)
    tap.end()
    told = [[line | {"seq": 0, "at": 0, "connection": 0} for line in tap.lines if line.get("connection") == which] for which in (1, 2)]
    assert told[0] == told[1]
    assert [line["event"] for line in told[0]].count("publish") == 3


def test_a_rule_met_by_two_is_done_by_the_first_and_counted_by_both(holding):
    tap, ours, theirs = holding
    tap.arm(rule("ack", "drop", sever=False), rule("ack", "drop", 2, nth=2, sever=False))
    ours.sendall(ack(1) + ack(2) + ack(3))
    arrives(theirs, ack(3))
    tap.wait_until_said("ack dropped")


def test_a_disarmed_rule_says_how_many_it_has_counted(holding):
    tap, ours, theirs = holding
    tap.arm(rule("ack", "drop", nth=100))
    speak(ours, theirs, [client(ack(1), ack(2))])
    tap.arm()
    assert [line["count"] for line in tap.lines if line.get("reason") == "disarmed"] == [2]


class Written:
    """An end of a session that only keeps what is written to it."""

    def __init__(self):
        self.data = b""

    def write(self, data):
        self.data += data

    def is_closing(self):
        return False


class Carried:
    """A session without sockets, whose rules come and go."""

    def __init__(self, lines):
        self.session = TapSession(LINK, 1, lines, selector("message_id"), [])
        self.session.ends = {"client": Written(), "broker": Written()}

    def hear(self, who, data):
        if self.session.interceptors:
            self.session.arrived(who, data)
        else:
            self.session.carry(who, data)
            (self.session.connection.from_client if who == "client" else self.session.connection.from_broker)(data)


def conversation():
    """Both directions of a connection, with messages of several frames on two channels."""
    big = content(spec.BasicProperties(message_id="big"), b"x" * 300, 2, frame_max=100)
    routed = method(2, spec.Basic.Publish(exchange="x", routing_key="k"))
    turns = [
        *opened(), *channel(2), *CONFIRMS, client(publish("a"), routed, big[:30]), client(big[30:], publish("b", body=b"")),
        broker(ack(2, multiple=True)), *consuming(number=2), broker(deliver("c", 1, number=2, body=b"y" * 200)), client(ack(1, number=2)),
    ]  # fmt: skip
    return [(who, data) for who, data in turns if data]


@given(st.data())
def test_idle_rules_that_come_and_go_at_any_octet_change_neither_bytes_nor_lines(data):
    plain, ruled = Lines(), Lines()
    undisturbed, carried = Carried(plain), Carried(ruled)
    idle = [ArmedRule(rule(event, "drop", nth=1000)) for event in ("publish", "ack", "deliver", "confirm")]
    for who, octets in conversation():
        undisturbed.hear(who, octets)
        cuts = sorted(data.draw(st.sets(st.integers(1, len(octets)), max_size=4)))
        for start, end in pairwise([0, *cuts, len(octets)]):
            carried.session.rule_by(idle if data.draw(st.booleans()) else [])
            carried.hear(who, octets[start:end])
    carried.session.rule_by([])
    assert [carried.session.ends[who].data for who in ("client", "broker")] == [
        undisturbed.session.ends[who].data for who in ("client", "broker")
    ]
    assert ruled.all == plain.all


# The file of rules


def test_rules_are_read_when_the_tap_starts(tmp_path, start_tap, upstream):
    (tmp_path / "rules.json").write_text(
        json.dumps([{"id": "1", "name": "f", "links": ["load -> broker"], "event": "publish", "action": "drop"}])
    )
    tap = start_tap(upstream.getsockname())
    ours, theirs = tap.joined(upstream)
    speak(ours, theirs, opened())
    ours.sendall(publish("a"))
    ends(theirs)


@pytest.mark.parametrize(
    "bad",
    [
        "not json",
        "{}",
        '[{"id": "2"}]',
        '[{"id": "2", "name": "f", "links": ["nowhere -> broker"], "event": "ack", "action": "drop"}]',
        '[{"id": "2", "name": "f", "links": ["load -> broker"], "event": "tap", "action": "drop"}]',
        '[{"id": "2", "name": "f", "links": ["load -> broker"], "event": "ack", "action": "eat"}]',
        '[{"id": "2", "name": "f", "links": ["load -> broker"], "event": "ack", "action": "drop", "nth": 0}]',
        '[{"id": "2", "name": "f", "links": ["load -> broker"], "event": "ack", "action": "hold", "seconds": -1}]',
        '[{"id": "fault#1", "name": "fault", "links": ["load -> broker"], "event": "nack", "action": "hold"}]',
    ],
)
def test_rules_that_cannot_be_used_leave_the_old_ones_armed(tmp_path, holding, bad):
    tap, ours, _ = holding
    tap.arm(rule("ack", "hold"))
    (tmp_path / "rules.json").write_text(bad)
    tap.process.send_signal(signal.SIGHUP)
    assert until(lambda: tap.errors.startswith("tap: cannot use the rules in"), SECONDS)
    ours.sendall(ack(1))
    tap.wait_until_said("ack held")
    assert tap.end() == 0
    assert "incomplete" not in tap.events


def test_a_tap_without_rules_lives_through_sighup(tap, upstream):
    tap.process.send_signal(signal.SIGHUP)
    speak(*tap.joined(upstream), opened())
    assert tap.end() == 0


def test_the_connection_is_another_after_it_was_severed(holding, upstream):
    tap, ours, theirs = holding
    tap.arm(rule("ack", "drop"))
    ours.sendall(ack(1))
    ends(ours)
    theirs.close()
    again = tap.dial()
    assert accept(upstream)
    again.close()
