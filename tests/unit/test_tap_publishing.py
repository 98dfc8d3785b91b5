"""Publishers as the tap sees them."""

import pytest
from pika import spec
from tap_speech import Tap, broker, channel, client, content, method, opened, publish

CONFIRMS = [client(method(1, spec.Confirm.Select())), broker(method(1, spec.Confirm.SelectOk()))]
OPEN = ["open (connection)", "open"]


def ack(tag, multiple=False, number=1):
    return broker(method(number, spec.Basic.Ack(delivery_tag=tag, multiple=multiple)))


def after_opening(*turns, id_from="message_id"):
    story = Tap(id_from).hear([*opened(), *turns]).story
    assert story[:2] == OPEN
    return story[2:]


def test_a_publish_names_its_task_and_its_route():
    tap = Tap().hear([*opened(), client(publish("a", queue="tasks.v1"))])
    assert tap.lines.all[-1] == {
        "event": "publish",
        "link": "workers.v2.1 -> broker",
        "peer": "workers.v2.1",
        "version": "v2",
        "connection": 1,
        "channel": 1,
        "task": "a",
        "exchange": "",
        "routing_key": "tasks.v1",
    }


def test_confirms_count_publishes_from_confirm_select():
    story = after_opening(client(publish("before")), *CONFIRMS, client(publish("a"), publish("b")), ack(2), ack(1))
    assert story == ["publish before tasks.v1", "publish a tasks.v1", "publish b tasks.v1", "confirm b ok=true", "confirm a ok=true"]


def test_a_multiple_confirm_covers_every_earlier_publish_not_yet_confirmed():
    story = after_opening(*CONFIRMS, client(*(publish(task) for task in "abcd")), ack(2), ack(3, multiple=True))
    assert story[4:] == ["confirm b ok=true", "confirm a ok=true", "confirm c ok=true"]


def test_selecting_confirms_again_does_not_restart_the_count():
    story = after_opening(*CONFIRMS, client(publish("a")), *CONFIRMS, client(publish("b")), ack(2))
    assert story[-1] == "confirm b ok=true"


def test_a_refused_publish_is_a_confirm_that_is_not_ok():
    story = after_opening(*CONFIRMS, client(publish("a"), publish("b")), broker(method(1, spec.Basic.Nack(delivery_tag=2, multiple=True))))
    assert story[2:] == ["confirm a ok=false", "confirm b ok=false"]


def test_a_return_carries_its_task_and_the_brokers_reason():
    returned = method(1, spec.Basic.Return(312, "NO_ROUTE", "", "nowhere")) + content(spec.BasicProperties(message_id="a"), b"{}")
    story = after_opening(*CONFIRMS, client(publish("a", queue="nowhere")), broker(returned), ack(1))
    assert story[1:] == ["return a : 312 NO_ROUTE", "confirm a ok=true"]


def test_an_empty_body_has_no_body_frame():
    assert after_opening(client(publish("a", body=b""), publish("b", body=b""))) == ["publish a tasks.v1", "publish b tasks.v1"]


def test_a_body_larger_than_a_frame_is_one_publish_when_its_last_frame_has_passed():
    head = method(1, spec.Basic.Publish(exchange="", routing_key="q"))
    whole = head + content(spec.BasicProperties(message_id="a"), b"x" * 1_048_576, frame_max=4096)
    assert after_opening(client(whole[:-1])) == []
    assert after_opening(client(whole[:-1]), client(whole[-1:])) == ["publish a q"]


def test_contents_of_two_channels_may_alternate_frame_by_frame():
    def frames(number, task):
        return [
            method(number, spec.Basic.Publish(exchange="", routing_key="q")),
            content(spec.BasicProperties(message_id=task), b"xy", number, frame_max=9),
        ]

    (method_1, content_1), (method_2, content_2) = frames(1, "a"), frames(2, "b")
    header_1, header_2 = content_1[:-18], content_2[:-18]
    mixed = method_1 + method_2 + header_2 + header_1
    for start in (-18, -9):
        mixed += content_1[start : start + 9 or None] + content_2[start : start + 9 or None]
    assert after_opening(*channel(2), client(mixed))[1:] == ["publish a q", "publish b q channel=2"]


def test_a_channel_opened_again_starts_its_count_again():
    story = after_opening(
        *CONFIRMS,
        client(publish("a")),
        broker(method(1, spec.Channel.Close(404, "NOT_FOUND - no exchange 'x'", 60, 40))),
        client(publish("in flight"), method(1, spec.Channel.CloseOk())),
        *channel(1),
        *CONFIRMS,
        client(publish("b")),
        ack(1),
    )
    assert story == [
        "publish a tasks.v1",
        "close : 404 NOT_FOUND - no exchange 'x' (broker)",
        "publish in flight tasks.v1",
        "open",
        "publish b tasks.v1",
        "confirm b ok=true",
    ]


def test_a_confirm_that_comes_while_the_publisher_closes_is_kept():
    story = after_opening(*CONFIRMS, client(publish("a"), method(1, spec.Channel.Close(200, "bye", 0, 0))), ack(1))
    assert story[1:] == ["close : 200 bye (client)", "confirm a ok=true"]


def test_a_message_without_an_id_is_seen_without_a_task():
    nameless = method(1, spec.Basic.Publish(exchange="", routing_key="q")) + content(spec.BasicProperties(content_type="text/plain"), b"x")
    assert after_opening(*CONFIRMS, client(nameless), ack(1)) == ["publish q", "confirm ok=true"]


def test_the_task_can_be_read_from_the_correlation_id_or_from_a_header():
    properties = spec.BasicProperties(
        headers={"nested": {"task": "wrong", "deep": [1, {"task": "wrong"}]}, "task": "right", "late": None},
        correlation_id="celery",
        message_id="other",
        priority=3,
        expiration="1000",
    )
    sent = method(1, spec.Basic.Publish(exchange="", routing_key="q")) + content(properties)
    assert after_opening(client(sent), id_from="correlation_id") == ["publish celery q"]
    assert after_opening(client(sent), id_from="header:task") == ["publish right q"]
    assert after_opening(client(sent), id_from="message_id") == ["publish other q"]
    assert after_opening(client(sent), id_from="header:missing") == ["publish q"]


def test_an_id_with_quotes_and_line_breaks_stays_one_line_of_json():
    tap = Tap().hear([*opened(), client(publish('a"\n\\ü'))])
    assert tap.lines.all[-1]["task"] == 'a"\n\\ü'


def nested(body, **properties):
    return method(1, spec.Basic.Publish(exchange="", routing_key="q")) + content(
        spec.BasicProperties(message_id="other"), body, **properties
    )


@pytest.mark.parametrize(
    ("path", "body", "task"),
    [
        ("$.id", b'{"id": "a"}', "a"),
        ("$.id", b'{"id": 17}', "17"),
        ("$.order.items[1].id", b'{"order": {"items": [{}, {"id": "b"}]}}', "b"),
        ("$[0]", b'["a"]', "a"),
        ("$[0][1]", b"[[0, 1]]", "1"),
        ("$.id", '{"id": "ü\\ud800"}'.encode(), "ü\ud800"),
        ("$.id", b'{"id": 1.5}', None),
        ("$.id", b'{"id": true}', None),
        ("$.id", b'{"id": null}', None),
        ("$.id", b'{"id": {"id": "a"}}', None),
        ("$.id", b'{"other": "a"}', None),
        ("$.id", b'[{"id": "a"}]', None),
        ("$[0]", b'{"0": "a"}', None),
        ("$[2]", b'["a"]', None),
        ("$.id", b"id=a", None),
        ("$.id", b"\xff\xfe", None),
        ("$.id", b"", None),
        ("$.id", b'{"id": ' + b"[" * 100_000, None),
    ],
)
def test_a_task_can_be_read_from_a_json_body(path, body, task):
    for frame_max in (131072, 11):
        tap = Tap(f"body:{path}").hear([*opened(), client(nested(body, frame_max=frame_max))])
        assert [line.get("task") for line in tap.lines.all[2:]] == [task]


def test_a_body_is_read_up_to_a_mebibyte():
    fits = b'{"id": "a", "pad": "' + b"x" * ((1 << 20) - 22) + b'"}'
    assert len(fits) == 1 << 20
    for frame_max in (131072, 1 << 21):
        sent = client(nested(fits, frame_max=frame_max), nested(fits + b" ", frame_max=frame_max))
        assert after_opening(sent, id_from="body:$.id") == ["publish a q", "publish q"]
