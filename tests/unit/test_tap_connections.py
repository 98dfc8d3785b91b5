"""Connections as the tap sees them: how they begin and end, and bytes that come in any pieces or are no AMQP at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pika import frame, spec
from tap_speech import PREAMBLE, Tap, broker, channel, client, consuming, content, deliver, method, opened, publish

from drillbook.tap.frames import BODY, HEADER, HEARTBEAT, LARGEST, METHOD


def bye(who, code, text):
    return who(method(0, spec.Connection.Close(code, text, 0, 0)))


def long_story():
    """A bit of everything, on three channels."""
    big = content(spec.BasicProperties(message_id="big"), b"x" * 9000, 2, frame_max=4096)
    heartbeat = frame.Heartbeat().marshal()
    return [
        *opened(),
        *channel(2),
        *channel(3),
        client(method(1, spec.Confirm.Select()), publish("a"), heartbeat, publish("empty", body=b"")),
        client(method(2, spec.Basic.Publish(exchange="x", routing_key="k"))[:20]),
        client(method(2, spec.Basic.Publish(exchange="x", routing_key="k"))[20:] + big + publish("b")),
        broker(method(1, spec.Basic.Ack(delivery_tag=2, multiple=True)), heartbeat),
        *consuming(number=3),
        broker(*(deliver(task, tag, number=3, body=b"y" * 500) for tag, task in enumerate("abc", 1))),
        broker(method(1, spec.Basic.Nack(delivery_tag=3))),
        client(method(3, spec.Basic.Ack(delivery_tag=2, multiple=True)), method(3, spec.Basic.Reject(delivery_tag=3, requeue=False))),
        bye(client, 200, "Normal shutdown"),
        broker(method(0, spec.Connection.CloseOk())),
    ]


def test_the_long_story_is_read_whole():
    story = Tap().hear(long_story()).story
    assert len(story) == 4 + 4 + 2 + 1 + 3 + 1 + 3 + 4
    assert story[-4:] == [
        "close : 200 Normal shutdown (client)",
        "close channel=2 : 200 Normal shutdown (client)",
        "close channel=3 : 200 Normal shutdown (client)",
        "close (connection) : 200 Normal shutdown (client)",
    ]


def test_byte_by_byte_reads_the_same():
    single = [(who, data[at : at + 1]) for who, data in long_story() for at in range(len(data))]
    assert Tap().hear(single).story == Tap().hear(long_story()).story


@given(st.data())
def test_any_split_reads_the_same(data):
    pieces = []
    for who, octets in long_story():
        cuts = sorted(data.draw(st.sets(st.integers(1, max(1, len(octets) - 1)), max_size=8)))
        pieces += [(who, octets[start:end]) for start, end in zip([0, *cuts], [*cuts, len(octets)], strict=True)]
    assert Tap().hear(pieces).story == Tap().hear(long_story()).story


def test_whoever_only_knocks_leaves_no_line():
    tap = Tap().hear([client(PREAMBLE), broker(method(0, spec.Connection.Start()))])
    tap.connection.lost("client")
    assert tap.story == []


def test_a_connection_refused_at_the_login_was_never_open():
    tap = Tap().hear([client(PREAMBLE), broker(method(0, spec.Connection.Start())), bye(broker, 403, "ACCESS_REFUSED")])
    tap.connection.lost("broker")
    assert tap.story == []


def test_a_connection_that_ends_without_a_close_is_lost_and_so_are_its_channels():
    tap = Tap().hear(opened())
    tap.connection.lost("client")
    tap.connection.lost("broker")
    assert tap.story[2:] == ["close : connection lost (client)", "close (connection) : connection lost (client)"]


def test_a_close_frame_says_why_and_what_follows_it_adds_nothing():
    tap = Tap().hear([*opened(), bye(broker, 320, "CONNECTION_FORCED - broker forced connection closure"), bye(client, 200, "late")])
    tap.connection.lost("broker")
    reason = "320 CONNECTION_FORCED - broker forced connection closure (broker)"
    assert tap.story[2:] == [f"close : {reason}", f"close (connection) : {reason}"]


def test_what_is_on_its_way_to_a_lost_client_goes_back():
    tap = Tap().hear([*opened(), *consuming()])
    tap.connection.lost("client")
    tap.hear([broker(deliver("a", 1))])
    assert tap.story[-2:] == ["deliver a tasks.v2 redelivered=false", "nack a tasks.v2 requeue=true : its channel was closing"]


@pytest.mark.parametrize(
    ("first", "why"),
    [
        (b"\x16\x03\x01\x02\x00\x01", "cannot read what the client sends: it begins with b'\\x16\\x03\\x01\\x02\\x00\\x01'"),
        (b"AMQP\x00\x01\x00\x00", "cannot read what the client sends: it begins with b'AMQP\\x00\\x01\\x00\\x00'"),
    ],
)
def test_another_protocol_makes_the_connection_incomplete(first, why):
    tap = Tap().hear([client(first), broker(b"anything"), client(b"more")])
    assert tap.story == [f"incomplete : {why} instead of the AMQP 0-9-1 header"]


@pytest.mark.parametrize(
    "junk",
    [
        b"GET / HTTP/1.1\r\n",
        publish("a")[:-1] + b"\x00",
        frame.Body(1, b"x").marshal()[:-1] + b"\x00",
        frame.Heartbeat().marshal()[:-1] + b"\x00",
        b"\x08\x00\x00\x00\x00\x00\x01x\xce",
        b"\x04\x00\x00\x00\x00\x00\x00\xce",
        frame.Body(1, b"no header before it").marshal(),
        content(spec.BasicProperties(message_id="no method before it"), b"x"),
        method(1, spec.Basic.Publish(exchange="", routing_key="q")) + frame.Header(1, 1, spec.BasicProperties(message_id="a")).marshal()
        + frame.Body(1, b"too long").marshal(),
        b"\x01\x00\x01\xff\xff\xff\xff",
        b"\x01\x00\x01\x00\x00\x00\x05\x00\x3c\x00\x28\x00\xce",
    ],
)  # fmt: skip
def test_bytes_that_make_no_sense_make_the_connection_incomplete_once(junk):
    tap = Tap().hear([*opened(), client(junk), client(publish("b")), broker(deliver("c", 1))])
    assert [line["event"] for line in tap.lines.all[2:]] == ["incomplete"]


def head(kind, size):
    """The first octets of a frame, whose rest has not come."""
    return kind.to_bytes(1, "big") + b"\x00\x01" + size.to_bytes(4, "big")


@pytest.mark.parametrize(
    ("part", "size"),
    [
        *((head(kind, LARGEST + 1), LARGEST + 1) for kind in (METHOD, HEADER)),
        *((head(HEARTBEAT, size), size) for size in (1, 5)),
        *((head(kind, size), size) for kind in (0, 4, 255) for size in (0, 5)),
    ],
)  # fmt: skip
def test_what_can_become_no_frame_is_told_before_its_rest_comes(part, size):
    tap = Tap().hear([*opened(), client(part)])
    what = f"a frame of {size} octets" if size > LARGEST else f"a frame of type {part[0]} and {size} octets"
    assert tap.story[2:] == [f"incomplete : cannot read what the client sends: {what}"]


@pytest.mark.parametrize(
    "part", [*(head(kind, LARGEST) for kind in (METHOD, HEADER)), head(BODY, LARGEST + 1), head(HEARTBEAT, 0), head(HEARTBEAT, 1)[:6]]
)
def test_what_can_become_a_frame_is_waited_for(part):
    assert Tap().hear([*opened(), client(part)]).story[2:] == []


def test_a_incomplete_connection_still_ends_in_the_evidence():
    tap = Tap().hear([*opened(), client(b"junk, junk, junk")])
    tap.connection.lost("client")
    assert tap.story[3:] == ["close : connection lost (client)", "close (connection) : connection lost (client)"]


@given(st.binary(max_size=300))
def test_no_bytes_whatever_raise(noise):
    Tap().hear([*opened(), *consuming(), client(noise), broker(noise)])
