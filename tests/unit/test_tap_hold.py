"""Messages that a rule holds back: the tap as a process, every byte said by the test."""

from __future__ import annotations

from pika import spec
from tap_process import SECONDS, arrives, ends, rule, speak
from tap_speech import CONFIRMS, IN_TRANSACTION, ack, broker, client, consuming, deliver, method, opened, publish

from drillbook.core.wait import until


def test_what_is_behind_a_held_ack_waits_in_order_and_the_other_way_is_free(holding):
    tap, ours, theirs = holding
    tap.arm(rule("ack", "hold", nth=2))
    ours.sendall(ack(1) + ack(2) + ack(3) + publish("x"))
    arrives(theirs, ack(1))
    tap.wait_until_said("ack held")
    speak(ours, theirs, [broker(deliver("e", 5))])
    ours.sendall(ack(5))
    tap.arm()
    arrives(theirs, ack(2) + ack(3) + publish("x") + ack(5))
    tap.end()
    held = ["fault armed", "ack a", "fault ack held b", "deliver e", "fault ack let go b", "ack b", "ack c", "publish x"]
    assert [line for line in tap.story[4:] if line != "fault disarmed" and line != "ack e"] == held


def test_a_held_ack_is_let_go_when_its_time_is_over(holding):
    tap, ours, theirs = holding
    tap.arm(rule("ack", "hold", seconds=0.3))
    ours.sendall(ack(1))
    arrives(theirs, ack(1))
    tap.end()
    said = {line["reason"]: line["at"] for line in tap.lines if line["event"] == "fault"}
    assert said["ack let go"] - said["ack held"] >= 0.3e9
    assert tap.story[4:] == ["fault armed", "fault ack held a", "fault ack let go a", "ack a"]


def test_each_of_several_is_held_for_its_time(holding):
    tap, ours, theirs = holding
    tap.arm(rule("ack", "hold", count=2, seconds=0.2))
    ours.sendall(ack(1) + ack(2) + ack(3))
    arrives(theirs, ack(1) + ack(2) + ack(3))
    tap.end()
    assert [line for line in tap.story if "held" in line or "let go" in line] == [
        f"fault ack {done} {task}" for task in "ab" for done in ("held", "let go")
    ]


def test_a_held_ack_whose_client_ends_is_dropped_with_all_behind_it(holding):
    tap, ours, theirs = holding
    tap.arm(rule("ack", "hold", nth=2, seconds=600))
    ours.sendall(ack(1) + ack(2) + ack(3) + ack(4)[:5])
    arrives(theirs, ack(1))
    tap.wait_until_said("ack held")
    ours.close()
    ends(theirs)
    tap.arm()
    tap.end()
    assert tap.story[4:] == ["fault armed", "ack a", "fault ack held b", "fault ack dropped b", "fault disarmed"]


def test_a_held_confirm_whose_broker_ends_is_dropped(tap, upstream):
    ours, theirs = tap.joined(upstream)
    speak(ours, theirs, [*opened(), *CONFIRMS, client(publish("a"))])
    tap.arm(rule("confirm", "hold"))
    theirs.sendall(ack(1))
    tap.wait_until_said("confirm held")
    theirs.close()
    ends(ours)
    tap.end()
    assert tap.story == ["publish a", "fault armed", "confirm a", "fault confirm held a", "fault confirm dropped a"]


def test_what_is_held_when_the_tap_ends_is_dropped(holding):
    tap, ours, _ = holding
    tap.arm(rule("ack", "hold"))
    ours.sendall(ack(1))
    tap.wait_until_said("ack held")
    tap.end()
    assert tap.story[4:] == ["fault armed", "fault ack held a", "fault ack dropped a"]


def test_a_held_delivery_has_its_line_when_the_broker_sent_it(tap, upstream):
    ours, theirs = tap.joined(upstream)
    speak(ours, theirs, [*opened(), *consuming()])
    tap.arm(rule("deliver", "hold", task="a"))
    theirs.sendall(deliver("a", 1) + deliver("b", 2))
    tap.wait_until_said("deliver held")
    tap.arm()
    arrives(ours, deliver("a", 1) + deliver("b", 2))
    tap.end()
    assert tap.story == ["fault armed", "deliver a", "deliver b", "fault deliver held a", "fault deliver let go a", "fault disarmed"]


def test_a_held_commit_has_committed_nothing(tap, upstream):
    ours, theirs = tap.joined(upstream)
    commit = method(1, spec.Tx.Commit())
    speak(ours, theirs, [*opened(), *IN_TRANSACTION, client(publish("a"))])
    tap.arm(rule("commit", "hold", task="a"))
    ours.sendall(commit)
    tap.wait_until_said("commit held")
    assert tap.story == ["select", "fault armed", "fault commit held"]
    tap.arm()
    arrives(theirs, commit)
    tap.end()
    assert tap.story[3:] == ["fault commit let go", "publish a", "fault disarmed"]


def test_disarming_one_rule_leaves_what_another_holds(holding):
    tap, ours, theirs = holding
    kept = rule("ack", "hold", task="b")
    tap.arm(kept, rule("ack", "hold", 2, task="a"))
    ours.sendall(ack(1) + ack(2) + ack(3))
    tap.wait_until_said("ack held")
    tap.arm(kept)
    arrives(theirs, ack(1))
    assert until(lambda: tap.said("ack held") == 2, SECONDS)
    tap.arm()
    arrives(theirs, ack(2) + ack(3))
