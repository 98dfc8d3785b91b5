"""The tap before a real broker: what pika does is what the file says."""

from __future__ import annotations

import secrets
import subprocess
import sys
from collections import Counter

import pika
import pytest
from pika.exceptions import ChannelClosedByBroker, ConnectionClosedByBroker, UnroutableError
from running_tap import SECONDS, RunningTap, in_flight, publish, publisher, said, take


@pytest.fixture
def running(broker, tmp_path):
    running = RunningTap(tmp_path, broker.amqp_url)
    yield running
    running.process.kill()
    running.process.communicate()


@pytest.fixture
def queue(broker):
    name = f"tap.{secrets.token_hex(4)}"
    with pika.BlockingConnection(pika.URLParameters(broker.amqp_url)) as connection:
        connection.channel().queue_declare(name, durable=True, arguments={"x-queue-type": "quorum"})
        yield name
        connection.channel().queue_delete(name)


def test_confirmed_publishes_and_their_consumption_are_told_in_order(running, queue):
    with running.connect() as load, running.connect("worker") as worker:
        publish(publisher(load), queue, "a", "b", "c")
        channel = worker.channel()
        last = take(channel, queue, 3)
        channel.basic_ack(last - 1, multiple=True)
        channel.basic_reject(last, requeue=False)
        channel.cancel()
    lines = running.end()
    assert said(lines, "publish", "confirm") == [(event, task) for task in "abc" for event in ("publish", "confirm")]
    assert said(lines, "deliver", "ack", "reject") == [("deliver", task) for task in "abc"] + [("ack", "a"), ("ack", "b"), ("reject", "c")]
    assert {line["queue"] for line in lines if line["event"] in ("consume", "deliver", "ack", "reject", "cancel")} == {queue}
    assert {(line["peer"], line.get("version")) for line in lines} == {("load", None), ("workers.v2.1", "v2")}
    assert in_flight(lines) == 0


def test_two_thousand_publishes_in_flight_are_each_confirmed_once(running, queue):
    tasks, waiting = [f"t{number}" for number in range(2000)], set(range(1, 2001))

    def on_confirm(frame):
        tag = frame.method.delivery_tag
        waiting.difference_update(range(1, tag + 1) if frame.method.multiple else [tag])
        if not waiting:
            connection.close()

    def on_channel(channel):
        channel.confirm_delivery(on_confirm)
        publish(channel, queue, *tasks)

    connection = pika.SelectConnection(
        pika.URLParameters(running.url()),
        on_open_callback=lambda connection: connection.channel(on_open_callback=on_channel),
        on_close_callback=lambda connection, _: connection.ioloop.stop(),
    )
    connection.ioloop.call_later(SECONDS, connection.ioloop.stop)
    connection.ioloop.start()
    lines = running.end()
    assert said(lines, "publish") == [("publish", task) for task in tasks]
    assert sorted(said(lines, "confirm")) == sorted(("confirm", task) for task in tasks)


def test_a_body_of_a_mebibyte_is_one_publish_and_one_delivery(running, queue):
    with running.connect() as load:
        channel = publisher(load)
        publish(channel, queue, "big", body=b"x" * 1_048_576)
        assert len(channel.basic_get(queue, auto_ack=True)[2]) == 1_048_576
    assert said(running.end(), "publish", "confirm", "deliver", "ack") == [
        (event, "big") for event in ("publish", "confirm", "deliver", "ack")
    ]


def test_an_unroutable_task_is_returned_before_its_confirm(running):
    with running.connect() as load, pytest.raises(UnroutableError):
        publish(publisher(load), "nowhere", "a")
    lines = running.end()
    assert said(lines, "publish", "return", "confirm") == [("publish", "a"), ("return", "a"), ("confirm", "a")]
    assert next(line["reason"] for line in lines if line["event"] == "return") == "312 NO_ROUTE"


def test_channels_of_one_connection_are_told_apart(running, queue):
    with running.connect() as load:
        channels = [publisher(load) for _ in range(3)]
        for turn in range(3):
            for channel in channels:
                publish(channel, queue, f"{channel.channel_number}-{turn}")
    lines = running.end()
    assert said(lines, "confirm") == [("confirm", f"{number}-{turn}") for turn in range(3) for number in (1, 2, 3)]
    assert all(line["task"].startswith(f"{line['channel']}-") for line in lines if line["event"] == "confirm")


def test_an_ack_of_an_unknown_tag_closes_the_channel_and_acknowledges_nothing(running, queue):
    with running.connect() as load:
        publish(publisher(load), queue, "a")
        channel = load.channel()
        take(channel, queue, 1)
        channel.basic_ack(99, multiple=True)
        with pytest.raises(ChannelClosedByBroker):
            channel.queue_declare(queue, passive=True)
        again = next(load.channel().consume(queue, inactivity_timeout=SECONDS))[0]
        assert again.redelivered
    lines = running.end()
    assert said(lines, "deliver", "ack") == [("deliver", "a"), ("deliver", "a")]
    assert "406 PRECONDITION_FAILED - unknown delivery tag 99 (broker)" in [line.get("reason") for line in lines]


def test_recover_takes_everything_back_before_it_comes_again(running, queue):
    with running.connect() as load:
        publish(publisher(load), queue, "a", "b")
        channel = load.channel()
        channel.basic_ack(take(channel, queue, 2) - 1)
        channel.basic_recover(requeue=True)
        delivery, _, _ = next(channel.consume(queue, inactivity_timeout=SECONDS))
        channel.basic_ack(delivery.delivery_tag)
    story = said(running.end(), "deliver", "ack", "nack")
    assert story == [("deliver", "a"), ("deliver", "b"), ("ack", "a"), ("nack", "b"), ("deliver", "b"), ("ack", "b")]


def test_a_deleted_queue_cancels_its_consumer_by_the_broker(running, broker):
    name = f"tap.{secrets.token_hex(4)}"
    with running.connect("worker") as worker:
        channel = worker.channel()
        channel.queue_declare(name)
        channel.basic_consume(name, lambda *_: None)
        with pika.BlockingConnection(pika.URLParameters(broker.amqp_url)) as beside:
            beside.channel().queue_delete(name)
        running.wait_for("cancel")
    cancel = next(line for line in running.end() if line["event"] == "cancel")
    assert (cancel["queue"], cancel["reason"]) == (name, "by the broker")


WORKER = """
import sys, pika
channel = pika.BlockingConnection(pika.URLParameters(sys.argv[1])).channel()
def on_task(channel, delivery, properties, body):
    if properties.message_id == "a":
        channel.basic_ack(delivery.delivery_tag)
channel.basic_consume(sys.argv[2], on_task)
channel.start_consuming()
"""


def test_a_worker_that_is_killed_loses_its_connection_and_its_task_comes_again(running, queue):
    with running.connect() as load:
        publish(publisher(load), queue, "a", "b")
        worker = subprocess.Popen([sys.executable, "-c", WORKER, running.url("worker"), queue])
        running.wait_for("ack")
        running.wait_for("deliver", times=2)
        worker.kill()
        worker.wait(SECONDS)
        delivery, properties, _ = next(load.channel().consume(queue, inactivity_timeout=SECONDS))
        assert (properties.message_id, delivery.redelivered) == ("b", True)
    lines = running.end()
    lost = [line for line in lines if line.get("reason") == "connection lost (client)"]
    assert [(line["peer"], line.get("channel")) for line in lost] == [("workers.v2.1", 1), ("workers.v2.1", None)]
    moves = said(lines, "deliver", "ack")
    assert [event for event, task in moves if task == "a"] == ["deliver", "ack"]
    assert [event for event, task in moves if task == "b"] == ["deliver", "deliver"]
    again = max(line["seq"] for line in lines if line["event"] == "deliver")
    assert all(line["seq"] < again for line in lost)


def test_a_channel_closed_while_tasks_are_on_their_way_leaves_nothing_in_flight(running, queue):
    tasks = [f"t{number}" for number in range(300)]
    with running.connect() as load:
        publish(publisher(load), queue, *tasks, body=b"x" * 10_000)
        worker = running.connect("worker")
        for _ in range(5):
            channel = worker.channel()
            channel.basic_consume(queue, lambda *_: None)
            channel._impl._send_method(pika.spec.Channel.Close(200, "at once", 0, 0))  # pika's own close cancels and waits first
        finishing = worker.channel()
        finishing.basic_ack(take(finishing, queue, len(tasks)), multiple=True)
        running.wait_for("ack", times=len(tasks))
    lines = running.end()
    assert in_flight(lines) == 0
    assert any(line.get("reason") == "its channel was closing" for line in lines)
    assert Counter(line["task"] for line in lines if line["event"] == "ack") == Counter(tasks)


def test_the_broker_says_why_it_closed_a_connection(running):
    channel = running.connect().channel()
    with pytest.raises(ConnectionClosedByBroker):
        channel.basic_recover(requeue=False)
    reasons = {line["reason"] for line in running.end() if line["event"] == "close"}
    assert len(reasons) == 1
    assert reasons.pop().startswith("540 NOT_IMPLEMENTED")
