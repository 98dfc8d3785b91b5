"""Consumers as the tap sees them."""

from hypothesis import given
from hypothesis import strategies as st
from pika import spec
from tap_speech import Tap, broker, channel, client, consuming, content, deliver, method, opened


class RecoverAsync(spec.Basic.Recover):
    """``basic.recover-async``, which pika can read and not write."""

    INDEX = 0x003C0064


def ack(tag, multiple=False):
    return client(method(1, spec.Basic.Ack(delivery_tag=tag, multiple=multiple)))


def after_consuming(*turns):
    return Tap().hear([*opened(), *consuming(), *turns]).story[3:]


def test_a_delivery_names_its_queue_by_its_consumer():
    turns = [*opened(), *consuming("tasks.v1", "c1"), *consuming("tasks.v2", "c2"), broker(deliver("a", 1, "c2", redelivered=True))]
    assert Tap().hear(turns).story[2:] == ["consume tasks.v1", "consume tasks.v2", "deliver a tasks.v2 redelivered=true"]


def test_the_brokers_names_for_nameless_consumers_are_matched_in_order():
    turns = [
        *opened(),
        client(*(method(1, spec.Basic.Consume(queue=queue, consumer_tag="")) for queue in ("q1", "q2"))),
        broker(*(method(1, spec.Basic.ConsumeOk(consumer_tag=tag)) for tag in ("amq.ctag-1", "amq.ctag-2"))),
        broker(deliver("a", 1, "amq.ctag-2"), deliver("b", 2, "amq.ctag-1")),
    ]
    assert Tap().hear(turns).story[4:] == ["deliver a q2 redelivered=false", "deliver b q1 redelivered=false"]


def test_a_consumer_that_wants_no_answer_is_known_at_once():
    turns = [*opened(), client(method(1, spec.Basic.Consume(queue="q", consumer_tag="c1", nowait=True))), broker(deliver("a", 1))]
    assert Tap().hear(turns).story[2:] == ["consume q", "deliver a q redelivered=false"]


def test_an_empty_queue_name_stands_for_the_queue_last_declared():
    turns = [
        *opened(),
        client(method(1, spec.Queue.Declare(queue=""))),
        broker(method(1, spec.Queue.DeclareOk("amq.gen-7", 0, 0))),
        *consuming(""),
    ]
    assert Tap().hear(turns).story[2:] == ["consume amq.gen-7"]


def test_a_multiple_ack_is_one_line_a_task_and_leaves_later_ones():
    story = after_consuming(broker(*(deliver(task, tag) for tag, task in enumerate("abcd", 1))), ack(2), ack(3, multiple=True))
    assert story[4:] == ["ack b tasks.v2", "ack a tasks.v2", "ack c tasks.v2"]


def test_a_multiple_ack_of_tag_zero_covers_all():
    assert after_consuming(broker(deliver("a", 1), deliver("b", 2)), ack(0, multiple=True))[2:] == ["ack a tasks.v2", "ack b tasks.v2"]


def test_an_ack_of_a_tag_the_broker_does_not_know_settles_nothing():
    assert after_consuming(broker(deliver("a", 1)), ack(7, multiple=True), ack(7))[1:] == []


def test_nack_and_reject_say_whether_the_task_goes_back():
    story = after_consuming(
        broker(*(deliver(task, tag) for tag, task in enumerate("abcd", 1))),
        client(method(1, spec.Basic.Nack(delivery_tag=2, multiple=True, requeue=True))),
        client(method(1, spec.Basic.Nack(delivery_tag=3, requeue=False)), method(1, spec.Basic.Reject(delivery_tag=4, requeue=True))),
    )
    assert story[4:] == [
        "nack a tasks.v2 requeue=true",
        "nack b tasks.v2 requeue=true",
        "nack c tasks.v2 requeue=false",
        "reject d tasks.v2 requeue=true",
    ]


def test_a_delivery_that_needs_no_ack_is_acknowledged_by_itself():
    turns = [*opened(), *consuming(no_ack=True), broker(deliver("a", 1)), ack(0, multiple=True)]
    assert Tap().hear(turns).story[3:] == ["deliver a tasks.v2 redelivered=false", "ack a tasks.v2 : no_ack"]


def test_a_get_is_a_delivery():
    found = method(1, spec.Basic.GetOk(1, True, "", "q", 0)) + content(spec.BasicProperties(message_id="a"), b"{}")
    turns = [
        *opened(),
        client(*(method(1, spec.Basic.Get(queue=queue)) for queue in ("empty", "tasks.dead"))),
        broker(method(1, spec.Basic.GetEmpty()), found),
        ack(1),
    ]
    assert Tap().hear(turns).story[2:] == ["deliver a tasks.dead redelivered=true", "ack a tasks.dead"]


def test_recover_puts_every_unacknowledged_delivery_back():
    story = after_consuming(
        broker(deliver("a", 1), deliver("b", 2)),
        ack(1),
        client(method(1, spec.Basic.Recover(requeue=True))),
        broker(method(1, spec.Basic.RecoverOk()), deliver("b", 3, redelivered=True)),
        ack(3),
    )
    assert story[3:] == ["nack b tasks.v2 requeue=true : basic.recover", "deliver b tasks.v2 redelivered=true", "ack b tasks.v2"]


def test_recover_takes_back_at_once_and_again_what_was_on_its_way():
    story = after_consuming(
        broker(deliver("a", 1)),
        client(method(1, spec.Basic.Recover(requeue=True))),
        broker(deliver("b", 2), method(1, spec.Basic.RecoverOk()), deliver("a", 3, redelivered=True)),
    )
    assert story[1:] == [
        "nack a tasks.v2 requeue=true : basic.recover",
        "deliver b tasks.v2 redelivered=false",
        "nack b tasks.v2 requeue=true : basic.recover",
        "deliver a tasks.v2 redelivered=true",
    ]


def test_recover_without_an_answer_takes_back_too():
    assert after_consuming(broker(deliver("a", 1)), client(method(1, RecoverAsync(requeue=True))))[1:] == [
        "nack a tasks.v2 requeue=true : basic.recover"
    ]


def test_recover_without_requeue_is_refused_by_the_broker_and_takes_back_nothing():
    assert after_consuming(broker(deliver("a", 1)), client(method(1, spec.Basic.Recover(requeue=False))))[1:] == []


def test_a_nack_of_tag_zero_refuses_all():
    nack = client(method(1, spec.Basic.Nack(delivery_tag=0, multiple=True, requeue=True)))
    assert after_consuming(broker(deliver("a", 1), deliver("b", 2)), nack)[2:] == [
        "nack a tasks.v2 requeue=true",
        "nack b tasks.v2 requeue=true",
    ]


def test_a_cancel_is_written_when_the_broker_has_done_it():
    asked = [client(method(1, spec.Basic.Cancel(consumer_tag="c1")))]
    assert after_consuming(*asked) == []
    assert after_consuming(*asked, broker(method(1, spec.Basic.CancelOk(consumer_tag="c1")))) == ["cancel tasks.v2"]


def test_after_a_cancel_without_answer_what_was_on_its_way_keeps_its_queue():
    story = after_consuming(client(method(1, spec.Basic.Cancel(consumer_tag="c1", nowait=True))), broker(deliver("a", 1)))
    assert story == ["cancel tasks.v2", "deliver a tasks.v2 redelivered=false"]


def test_a_cancel_by_the_broker_says_so():
    story = after_consuming(broker(method(1, spec.Basic.Cancel(consumer_tag="c1"))), client(method(1, spec.Basic.CancelOk("c1"))))
    assert story == ["cancel tasks.v2 : by the broker"]


def test_an_ack_after_the_channel_was_closed_by_the_broker_settles_nothing():
    timeout = "PRECONDITION_FAILED - delivery acknowledgement on channel 1 timed out"
    story = after_consuming(broker(deliver("a", 1), method(1, spec.Channel.Close(406, timeout, 0, 0))), ack(1))
    assert story == ["deliver a tasks.v2 redelivered=false", f"close : 406 {timeout} (broker)"]


def test_a_delivery_on_its_way_to_a_closing_channel_goes_back():
    story = after_consuming(client(method(1, spec.Channel.Close(200, "bye", 0, 0))), broker(deliver("a", 1)))
    assert story == [
        "close : 200 bye (client)",
        "deliver a tasks.v2 redelivered=false",
        "nack a tasks.v2 requeue=true : its channel was closing",
    ]


def test_a_channel_opened_again_forgets_its_consumers_and_tags():
    story = after_consuming(
        broker(deliver("a", 1)),
        client(method(1, spec.Channel.Close(200, "bye", 0, 0))),
        broker(method(1, spec.Channel.CloseOk())),
        *channel(1),
        *consuming("tasks.v1", "c1"),
        broker(deliver("b", 1)),
        ack(1),
    )
    assert story[2:] == ["open", "consume tasks.v1", "deliver b tasks.v1 redelivered=false", "ack b tasks.v1"]


@given(st.lists(st.tuples(st.sampled_from(["deliver", "ack", "multiple"]), st.integers(0, 12)), max_size=40))
def test_any_order_of_acks_settles_what_a_plain_list_says(steps):
    tap, waiting, expected = Tap().hear([*opened(), *consuming()]), [], []
    delivered = 0
    for what, tag in steps:
        if what == "deliver":
            delivered += 1
            waiting.append(delivered)
            tap.hear([broker(deliver(f"t{delivered}", delivered))])
            continue
        multiple = what == "multiple"
        if tag in waiting or (multiple and tag == 0):
            settled = [each for each in waiting if each == tag or (multiple and (each <= tag or tag == 0))]
            waiting = [each for each in waiting if each not in settled]
            expected += [f"ack t{each} tasks.v2" for each in settled]
        tap.hear([ack(tag, multiple)])
    assert [line for line in tap.story if line.startswith("ack")] == expected
