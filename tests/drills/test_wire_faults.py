"""Faults that the tap makes, on a real stage: each takes effect and clears, with a transaction, with a dead worker, and with a dead tap."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pika
import pytest
from pika.exceptions import AMQPError, ChannelClosedByBroker

from drillbook.core.wait import until
from drillbook.faults import WireFault
from drillbook.faults.close_channel import CloseChannel
from drillbook.faults.drop import Drop
from drillbook.faults.hold import Hold
from drillbook.faults.kill import Kill
from drillbook.stage.stage import Stage
from drillbook.tap.rules import Rule, RuleEvent

OPERATOR, WORKER = "operator -> broker", "workers.v1.1"
SECONDS = 20


def on(fault: WireFault, event: RuleEvent, name: str, **more: Any) -> WireFault:
    """The fault as the plan makes it; each name once, as the tap knows a rule by it."""
    return fault.planned(Rule(f"{name}#1", name, (fault.link,), event, fault.action, **more))


def begin(stage: Stage, fault: WireFault) -> None:
    fault.begin(stage, fault.link)
    assert until(lambda: stage.tap.armed(fault.rule), SECONDS)
    assert not fault.took_effect(stage, fault.link)


def end(stage: Stage, fault: WireFault) -> None:
    fault.end(stage, fault.link)
    assert until(lambda: fault.cleared(stage, fault.link), SECONDS)


@pytest.fixture
def channel(stage: Stage) -> Iterator[Any]:
    """A channel of the operator's, by its own link."""
    connection = pika.BlockingConnection(pika.URLParameters(stage.environment()["AMQP_URL"]))
    yield connection.channel()
    if connection.is_open:
        connection.close()


@pytest.fixture
def depth(stage: Stage) -> Iterator[Any]:
    """How many tasks rest in the dead-letter queue, where no worker takes them; it is emptied afterwards."""
    yield lambda: stage.broker.depth("tasks.dead").ready
    stage.broker.channel().queue_purge("tasks.dead")


def publish(channel: Any, task: str) -> None:
    channel.basic_publish("", "tasks.dead", b"{}", pika.BasicProperties(message_id=task))


def test_a_channel_closed_at_its_commit_takes_the_whole_transaction_along(stage: Stage, channel: Any, depth: Any) -> None:
    fault = on(CloseChannel(link=OPERATOR), "commit", "closed")
    channel.tx_select()
    begin(stage, fault)
    publish(channel, "a")
    publish(channel, "b")
    with pytest.raises(ChannelClosedByBroker, match="closed by the drill"):
        channel.tx_commit()
    assert until(lambda: fault.took_effect(stage, OPERATOR), SECONDS)
    end(stage, fault)
    again = channel.connection.channel()
    again.tx_select()
    publish(again, "c")
    again.tx_commit()
    assert depth() == 1


def test_a_confirm_that_is_lost_is_not_heard_and_its_message_is_there(stage: Stage, channel: Any, depth: Any) -> None:
    fault = on(Drop(link=OPERATOR), "confirm", "lost")
    channel.confirm_delivery()
    begin(stage, fault)
    with pytest.raises(AMQPError):
        publish(channel, "a")
    assert until(lambda: fault.took_effect(stage, OPERATOR), SECONDS)
    end(stage, fault)
    assert depth() == 1


def test_a_message_that_is_held_goes_on_at_once_when_the_fault_ends(stage: Stage, channel: Any, depth: Any) -> None:
    fault = on(Hold(link=OPERATOR, delay="10m"), "publish", "held")
    begin(stage, fault)
    publish(channel, "a")
    assert until(lambda: fault.took_effect(stage, OPERATOR), SECONDS)
    assert depth() == 0
    end(stage, fault)
    assert until(lambda: depth() == 1, SECONDS)


def test_a_fault_on_the_link_of_a_dead_worker_lifts(stage: Stage) -> None:
    fault, kill = on(Drop(link=f"{WORKER} -> broker"), "ack", "dead"), Kill(target=WORKER)
    kill.begin(stage, WORKER)
    assert until(lambda: kill.took_effect(stage, WORKER), SECONDS)
    begin(stage, fault)
    end(stage, fault)
    assert not fault.took_effect(stage, fault.link)
    kill.end(stage, WORKER)
    assert until(stage.container(WORKER).answers, SECONDS)


def test_a_fault_of_a_dead_tap_has_lifted_and_no_new_one_is_an_error(stage: Stage) -> None:
    armed, late = (on(Drop(link=OPERATOR), "publish", name) for name in ("orphaned", "late"))
    begin(stage, armed)
    stage.container("tap").kill()
    assert until(lambda: stage.container("tap").status == "exited", SECONDS)
    late.begin(stage, OPERATOR)
    for fault in (armed, late):
        fault.end(stage, OPERATOR)
        assert fault.cleared(stage, OPERATOR)
        assert not fault.took_effect(stage, OPERATOR)
    stage.container("tap").start()
    assert until(stage.container(WORKER).answers, SECONDS)
