"""Transactions, and what is done to whole queues and connections, as the tap sees it."""

import pytest
from pika import spec
from tap_speech import IN_TRANSACTION, Tap, ack, broker, client, consuming, deliver, method, opened, publish

COMMIT = [client(method(1, spec.Tx.Commit())), broker(method(1, spec.Tx.CommitOk()))]
ROLLBACK = [client(method(1, spec.Tx.Rollback())), broker(method(1, spec.Tx.RollbackOk()))]


def after_opening(*turns):
    return Tap().hear([*opened(), *turns]).story[2:]


def in_transaction(*turns):
    """A consumer that holds the tasks a to c, in a transaction."""
    held = broker(*(deliver(task, tag) for tag, task in enumerate("abc", 1)))
    return after_opening(*consuming(), held, *IN_TRANSACTION, *turns)[4:]


def test_a_transaction_is_told_when_its_commit_passes_in_its_order():
    story = in_transaction(client(publish("x"), ack(1), publish("y")), COMMIT[0])
    assert story == ["select", "publish x tasks.v1", "ack a tasks.v2", "publish y tasks.v1"]


def test_the_answer_to_a_commit_is_the_commit():
    assert in_transaction(client(publish("x")), *COMMIT) == ["select", "publish x tasks.v1", "commit"]


def test_what_is_rolled_back_leaves_no_line():
    assert in_transaction(client(publish("x"), ack(1)), *ROLLBACK, *COMMIT) == ["select", "rollback", "commit"]


def test_deliveries_settled_in_a_rolled_back_transaction_are_unacknowledged_again_in_their_order():
    story = in_transaction(client(ack(2)), *ROLLBACK, client(ack(2, multiple=True)), *COMMIT)
    assert story == ["select", "rollback", "ack a tasks.v2", "ack b tasks.v2", "commit"]


def test_every_way_to_settle_waits_for_the_commit():
    nack = method(1, spec.Basic.Nack(delivery_tag=1, requeue=False))
    reject = method(1, spec.Basic.Reject(delivery_tag=2, requeue=True))
    assert in_transaction(client(nack, reject)) == ["select"]
    assert in_transaction(client(nack, reject), COMMIT[0]) == ["select", "nack a tasks.v2 requeue=false", "reject b tasks.v2 requeue=true"]


def test_a_second_transaction_begins_with_the_commit_of_the_first():
    story = in_transaction(client(ack(1)), *COMMIT, client(ack(2)), *ROLLBACK, client(ack(3)), *COMMIT)
    assert story == ["select", "ack a tasks.v2", "commit", "rollback", "ack c tasks.v2", "commit"]


def test_deliveries_and_consumers_are_of_no_transaction():
    assert in_transaction(broker(deliver("d", 4)), *consuming("q", "c2")) == ["select", "deliver d tasks.v2 redelivered=false", "consume q"]


@pytest.mark.parametrize("who", [client, broker])
def test_a_transaction_whose_channel_is_closed_leaves_no_line(who):
    story = in_transaction(client(publish("x"), ack(1)), who(method(1, spec.Channel.Close(404, "NOT_FOUND", 0, 0))))
    assert story == ["select", f"close : 404 NOT_FOUND ({who.__name__})"]


def test_a_transaction_whose_connection_is_lost_leaves_no_line():
    tap = Tap().hear([*opened(), *IN_TRANSACTION, client(publish("x"))])
    tap.connection.lost("client")
    assert tap.story[2:] == ["select", "close : connection lost (client)", "close (connection) : connection lost (client)"]


def test_a_commit_that_crosses_the_close_of_its_channel_tells_nothing():
    story = in_transaction(client(publish("x")), broker(method(1, spec.Channel.Close(404, "NOT_FOUND", 0, 0))), COMMIT[0])
    assert story == ["select", "close : 404 NOT_FOUND (broker)"]


def test_a_commit_without_a_transaction_tells_nothing():
    assert after_opening(client(publish("x")), COMMIT[0]) == ["publish x tasks.v1"]


# Whole queues


def queue_events(*turns):
    return [(line["event"], line["queue"], line.get("count"), line.get("reason")) for line in Tap().hear([*opened(), *turns]).lines.all[2:]]


def test_a_purge_and_a_delete_count_what_went_as_the_broker_says():
    asked = client(*(method(1, ask(queue=queue)) for ask in (spec.Queue.Purge, spec.Queue.Delete) for queue in ("q1", "q2")))
    answers = [spec.Queue.PurgeOk(7), spec.Queue.DeleteOk(1), spec.Queue.PurgeOk(0), spec.Queue.DeleteOk(2)]
    assert queue_events(asked, broker(*(method(1, answer) for answer in answers))) == [
        ("purge", "q1", 7, None),
        ("delete", "q1", 1, None),
        ("purge", "q2", 0, None),
        ("delete", "q2", 2, None),
    ]


def test_a_purge_that_is_not_answered_has_no_line():
    assert queue_events(client(method(1, spec.Queue.Purge(queue="q")))) == []


def test_a_purge_and_a_delete_that_want_no_answer_have_no_count():
    asked = client(method(1, spec.Queue.Purge(queue="q", nowait=True)), method(1, spec.Queue.Delete(queue="q", nowait=True)))
    assert queue_events(asked) == [("purge", "q", None, "nowait"), ("delete", "q", None, "nowait")]


def test_a_delete_if_empty_waits_for_its_answer():
    assert queue_events(client(method(1, spec.Queue.Delete(queue="q", if_unused=True, if_empty=True)))) == []


def test_a_purge_without_a_name_is_of_the_queue_last_declared():
    declared = [client(method(1, spec.Queue.Declare(queue=""))), broker(method(1, spec.Queue.DeclareOk("amq.gen-7", 0, 0)))]
    asked = [client(method(1, spec.Queue.Purge(queue=""))), broker(method(1, spec.Queue.PurgeOk(3)))]
    assert queue_events(*declared, *asked) == [("purge", "amq.gen-7", 3, None)]


# The broker stops publishers


def test_flow_is_on_or_off_and_says_who_wanted_it():
    story = after_opening(
        broker(method(1, spec.Channel.Flow(active=False))),
        client(method(1, spec.Channel.FlowOk(active=False)), method(1, spec.Channel.Flow(active=True))),
        broker(method(1, spec.Channel.FlowOk(active=True))),
    )
    assert story == ["flow ok=false", "flow ok=true : asked for by the client"]


def test_a_blocked_connection_says_why_and_when_no_more():
    story = after_opening(broker(method(0, spec.Connection.Blocked("low on memory"))), broker(method(0, spec.Connection.Unblocked())))
    assert story == ["blocked : low on memory", "unblocked"]
