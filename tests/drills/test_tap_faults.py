"""Transactions, purges and rules at protocol events before a real broker: what the file says is what the broker did."""

from __future__ import annotations

import secrets
import subprocess
import sys

import pika
import pytest
from pika.exceptions import AMQPConnectionError, ChannelClosedByBroker, ConnectionClosed, StreamLostError
from running_tap import SECONDS, RunningTap, in_flight, publish, publisher, said, take

MOVES = ("publish", "confirm", "deliver", "ack", "nack", "select", "commit", "rollback")


@pytest.fixture
def running(broker, tmp_path):
    running = RunningTap(tmp_path, broker.amqp_url)
    yield running
    running.process.kill()
    running.process.communicate()


@pytest.fixture
def beside(broker):
    """A channel to the broker that the tap does not see."""
    with pika.BlockingConnection(pika.URLParameters(broker.amqp_url)) as connection:
        yield connection.channel()


@pytest.fixture
def queue(beside):
    name = f"tap.{secrets.token_hex(4)}"
    beside.queue_declare(name, durable=True, arguments={"x-queue-type": "quorum"})
    beside.confirm_delivery()
    yield name
    beside.queue_delete(name)


def waiting(beside, queue):
    """The tasks that are ready in a queue; they are taken out."""
    found = []
    while (got := beside.basic_get(queue, auto_ack=True))[0]:
        found.append((got[1].message_id, got[0].redelivered))
    return found


def given_back(beside, queue):
    """The task that the broker puts back into a queue, as soon as it is there; it is taken out."""
    delivery, properties, _ = next(beside.consume(queue, inactivity_timeout=SECONDS))
    beside.basic_ack(delivery.delivery_tag)
    beside.cancel()
    assert delivery.redelivered
    return properties.message_id


def told(lines, *events):
    """Without the tag of a connection: what ``said`` gives, and the reason of a fault."""
    return [
        (line["event"], line.get("reason") if line["event"] == "fault" else line.get("task")) for line in lines if line["event"] in events
    ]


def acknowledge_all(channel, queue):
    for delivery, _, _ in channel.consume(queue, inactivity_timeout=SECONDS):
        channel.basic_ack(delivery.delivery_tag)


def test_a_transaction_does_at_its_commit_what_it_says(running, queue, beside):
    publish(beside, queue, "a")
    with running.connect("worker") as worker:
        channel = worker.channel()
        tag = channel.basic_get(queue)[0].delivery_tag
        channel.tx_select()
        publish(channel, queue, "b")
        channel.basic_ack(tag)
        running.wait_for("select")
        channel.tx_commit()
    assert waiting(beside, queue) == [("b", False)]
    assert said(running.end(), *MOVES) == [("deliver", "a"), ("select", None), ("publish", "b"), ("ack", "a"), ("commit", None)]


def test_after_a_rollback_nothing_is_published_and_the_delivery_is_still_unacknowledged(running, queue, beside):
    publish(beside, queue, "a")
    with running.connect("worker") as worker:
        channel = worker.channel()
        tag = channel.basic_get(queue)[0].delivery_tag
        channel.tx_select()
        publish(channel, queue, "b")
        channel.basic_ack(tag)
        channel.tx_rollback()
        assert waiting(beside, queue) == []
        channel.basic_ack(tag)
        channel.tx_commit()
        channel.close()
    assert waiting(beside, queue) == []
    lines = running.end()
    assert said(lines, *MOVES) == [("deliver", "a"), ("select", None), ("rollback", None), ("ack", "a"), ("commit", None)]
    assert in_flight(lines) == 0


def test_a_purge_and_a_delete_count_what_they_took(running, queue, beside):
    publish(beside, queue, "a", "b", "c")
    other = f"tap.{secrets.token_hex(4)}"
    with running.connect() as load:
        channel = publisher(load)
        channel.queue_purge(queue)
        channel.queue_declare(other)
        publish(channel, other, "d", "e")
        channel.queue_delete(other)
    counted = [(line["event"], line["queue"], line["count"]) for line in running.end() if "count" in line]
    assert counted == [("purge", queue, 3), ("delete", other, 2)]


def test_a_task_whose_ack_was_dropped_is_delivered_again_on_the_next_connection(running, queue, beside):
    publish(beside, queue, "a", "b", "c")
    running.arm("ack", "drop", nth=2)
    channel = running.connect("worker").channel()
    with pytest.raises((AMQPConnectionError, ConnectionClosed)):
        acknowledge_all(channel, queue)
    running.wait_for("close", 2)
    with running.connect("worker") as again:
        channel = again.channel()
        channel.basic_ack(take(channel, queue, 2), multiple=True)
        channel.cancel()
    lines = running.end()
    assert [event for event in told(lines, "ack", "fault") if event[1] in ("a", "ack dropped", "connection severed")] == [
        ("ack", "a"),
        ("fault", "ack dropped"),
        ("fault", "connection severed"),
    ]
    again = [(line["task"], line["redelivered"]) for line in lines if line["event"] == "deliver" and line["connection"] == 2]
    assert ("b", True) in again
    assert "a" not in dict(again)


WORKER = """
import sys, pika
channel = pika.BlockingConnection(pika.URLParameters(sys.argv[1])).channel()
channel.basic_qos(prefetch_count=1)
channel.basic_consume(sys.argv[2], lambda channel, delivery, properties, body: channel.basic_ack(delivery.delivery_tag))
channel.start_consuming()
"""


def test_a_held_ack_whose_client_is_killed_never_arrives(running, queue, beside):
    publish(beside, queue, "a", "b", "c")
    running.arm("ack", "hold", nth=2)
    worker = subprocess.Popen([sys.executable, "-c", WORKER, running.url("worker"), queue])
    running.wait_for_text('"reason":"ack held"')
    worker.kill()
    worker.wait(SECONDS)
    running.wait_for_text('"reason":"ack dropped"')
    running.wait_for("close", 2)
    again = [next(beside.consume(queue, inactivity_timeout=SECONDS)) for _ in range(2)]
    beside.cancel()
    assert [(properties.message_id, delivery.redelivered) for delivery, properties, _ in again] == [("b", True), ("c", False)]
    assert said(running.end(), "ack") == [("ack", "a")]


def test_a_publisher_whose_confirm_is_lost_does_not_know_and_the_task_is_there(running, queue, beside):
    running.arm("confirm", "drop", peer="load", task="b")
    channel = publisher(running.connect())
    publish(channel, queue, "a")
    with pytest.raises((AMQPConnectionError, StreamLostError)):
        publish(channel, queue, "b")
    assert waiting(beside, queue) == [("a", False), ("b", False)]
    story = told(running.end(), "publish", "confirm", "fault")
    assert story[-3:] == [("confirm", "b"), ("fault", "confirm dropped"), ("fault", "connection severed")]


def test_a_channel_closed_in_the_middle_of_a_transaction_leaves_nothing_published(running, queue, beside):
    publish(beside, queue, "a")
    running.arm("commit", "close")
    with running.connect("worker") as worker:
        channel = worker.channel()
        tag = channel.basic_get(queue)[0].delivery_tag
        channel.tx_select()
        publish(channel, queue, "b")
        channel.basic_ack(tag)
        with pytest.raises(ChannelClosedByBroker, match="closed by the drill"):
            channel.tx_commit()
        assert given_back(beside, queue) == "a"
        assert waiting(beside, queue) == []
        publish(worker.channel(), queue, "c")
        running.wait_for("publish")
    lines = running.end()
    assert told(lines, *MOVES, "fault") == [("deliver", "a"), ("select", None), ("fault", "channel closed"), ("publish", "c")]
    assert in_flight(lines) == 0


def test_a_publish_in_a_transaction_can_close_its_channel(running, queue, beside):
    running.arm("publish", "close", peer="load", nth=2)
    with running.connect() as load:
        channel = load.channel()
        channel.tx_select()
        publish(channel, queue, "a", "b")
        with pytest.raises(ChannelClosedByBroker):
            channel.tx_commit()
    assert waiting(beside, queue) == []
    assert said(running.end(), "publish") == []


def test_a_held_delivery_comes_late_and_in_order(running, queue, beside):
    publish(beside, queue, "a", "b", "c")
    running.arm("deliver", "hold", nth=2, seconds=0.5)
    with running.connect("worker") as worker:
        channel = worker.channel()
        taken = [properties.message_id for _, (_, properties, _) in zip(range(3), channel.consume(queue, auto_ack=True), strict=False)]
        channel.cancel()
    assert taken == ["a", "b", "c"]
    at = {line["reason"]: line["at"] for line in running.end() if line["event"] == "fault"}
    assert at["deliver let go"] - at["deliver held"] >= 0.5e9
