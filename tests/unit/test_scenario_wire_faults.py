"""Faults at a message on the wire: what cannot happen as written is told before anything starts."""

from pathlib import Path

import pytest
from scenario_folder import SOUND, said, sound_folder

KILL = "    kill: {target: workers.v2, pick: one}\n    during: {step: drain v2}\n"

REFUSED = {
    "a drop of nothing": (
        "drop: {link: workers.v1 -> broker}",
        "at: 1s",
        ["28:5: entry 2 of faults: drop hits what passes on the wire: say what with on, such as on: {wire: ack, nth: 100}"],
    ),
    "an event that there is not": (
        "drop: {link: workers.v1 -> broker}",
        "on: {wire: akc}",
        ["30:16: wire is publish, confirm, deliver, ack, nack, reject or commit, not the text 'akc'; did you mean ack?"],
    ),
    "two moments beside the message": (
        "drop: {link: workers.v1 -> broker}",
        "on: {wire: ack}\n    at: 1s\n    when: backlog",
        ["28:5: entry 2 of faults: say once when it begins: at, before, during, after, when or on"],
    ),
    "the message before the first": (
        "drop: {link: workers.v1 -> broker}",
        "on: {wire: ack, nth: 0}",
        ["30:26: nth must be at least 1, not 0"],
    ),
    "a length for what ends by itself": (
        "hold: {link: workers.v1 -> broker, delay: 2s}",
        "on: {wire: ack}\n    for: 3s",
        ["28:5: entry 2 of faults: hold ends by itself: leave out for"],
    ),
    "a hold without a time": (
        "hold: {link: workers.v1 -> broker}",
        "on: {wire: ack}",
        ["29:5: hold of entry 2 of faults needs delay: how long each is kept back"],
    ),
    "messages to the database": (
        "drop: {link: workers.v1 -> database}",
        "on: {wire: ack}",
        ["29:18: workers.v1 -> database carries no AMQP, so no ack passes; did you mean workers.v1 -> broker?"],
    ),
    "messages to the database, for another fault": (
        "kill: {target: workers.v2}",
        "on: {wire: ack, link: workers.v2 -> database}",
        ["30:27: workers.v2 -> database carries no AMQP, so no ack passes; did you mean workers.v2 -> broker?"],
    ),
    "a container has no link": (
        "kill: {target: workers.v2}",
        "on: {wire: ack}",
        ["30:5: kill hits a container: say where the message passes, such as link: workers.v2 -> broker"],
    ),
    "a link without messages": (
        "latency: {link: workers.v1 -> database, delay: 2s}",
        "on: {wire: ack}",
        ["30:5: workers.v1 -> database carries no AMQP: say where the message passes, such as link: workers.v1 -> broker"],
    ),
    "a link that there is not": (
        "kill: {target: workers.v2}",
        "on: {wire: ack, link: workers.v2 -> brokr}",
        ["30:27: there is no link workers.v2 -> brokr; did you mean workers.v2 -> broker?"],
    ),
    "the load acknowledges nothing": (
        "drop: {link: load -> broker}",
        "on: {wire: ack}",
        ["30:16: the load only publishes: no ack passes load -> broker; publish and confirm do"],
    ),
    "a drop elsewhere than on its link": (
        "drop: {link: workers.v1 -> broker}",
        "on: {wire: ack, link: workers.v2 -> broker}",
        ["30:27: drop hits the messages on its own link, workers.v1 -> broker: leave out link here"],
    ),
    "a connection that survives the loss of a delivery": (
        "drop: {link: workers.v1 -> broker, sever: false}",
        "on: {wire: deliver}",
        ["29:47: no connection loses a deliver and goes on: both its ends number them, and would mistake each other from there on"],
    ),
    "two deaths of one worker": (
        "kill: {target: workers.v2}",
        "on: {wire: ack, count: 2, link: workers.v2 -> broker}",
        ["30:28: count is for faults that hit messages, and kill happens once: leave it out"],
    ),
    "a message that may be no victim's": (
        "kill: {target: workers.v2, pick: one}",
        "on: {wire: ack, link: workers -> broker}",
        [
            "30:27: the victim is the one whose message it was, and workers -> broker carries those of workers.v1.1, which workers.v2 "
            "does not name"
        ],
    ),
}


@pytest.mark.parametrize(("fault", "moment", "expected"), REFUSED.values(), ids=REFUSED)
def test_a_fault_that_cannot_come_with_its_message_is_told(tmp_path: Path, fault: str, moment: str, expected: list[str]):
    assert SOUND.count(KILL) == 1
    assert said(sound_folder(tmp_path / "drill"), SOUND.replace(KILL, f"    {fault}\n    {moment}\n")) == expected


SOUND_ONES = {
    "lost acknowledgements": ("drop: {link: workers.v1 -> broker, sever: false}", "on: {wire: ack, nth: 100, count: 3}"),
    "a confirm of a worker that publishes": ("drop: {link: workers.v1 -> broker}", "on: {wire: confirm}"),
    "a publish lost with its connection": ("drop: {link: load -> broker}", "on: {wire: publish, nth: 7}"),
    "a confirm of the load": ("drop: {link: load -> broker}", "on: {wire: confirm, task: charge-000001}"),
    "a held delivery, from a step on": (
        "hold: {link: workers.v1.1 -> broker, delay: 2s}",
        "on: {wire: deliver}\n    after: {step: drain v2}",
    ),
    "a channel closed in a transaction": ("close_channel: {link: workers.v1 -> broker}", "on: {wire: commit, nth: 2}"),
    "a worker killed at its acknowledgement": ("kill: {target: workers.v2, pick: one}", "on: {wire: ack, link: workers.v2 -> broker}"),
    "the broker killed at somebody's acknowledgement": ("kill: {target: broker}", "on: {wire: ack, link: workers -> broker}\n    for: 2s"),
    "a worker of the others killed": ("kill: {target: workers.v2, pick: one}", "on: {wire: ack, link: workers.v1 -> broker}"),
    "a link cut at its own delivery": ("cut: {link: workers.v1 -> broker, pick: one}", "on: {wire: deliver, nth: 7}\n    for: 1s"),
    "the database's link cut at a delivery": ("cut: {link: workers.v1 -> database}", "on: {wire: deliver, link: workers.v1 -> broker}"),
}


@pytest.mark.parametrize(("fault", "moment"), SOUND_ONES.values(), ids=SOUND_ONES)
def test_a_fault_that_can_come_with_its_message_is_let_pass(tmp_path: Path, fault: str, moment: str):
    assert said(sound_folder(tmp_path / "drill"), SOUND.replace(KILL, f"    {fault}\n    {moment}\n")) == []
