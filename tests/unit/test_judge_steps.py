"""The step in which it went wrong, and why: told from the wire, the counters and the timeline."""

from __future__ import annotations

import pytest
from histories import history

from drillbook.api import judge

DELETED = ["queue tasks.v2 {} before delete v2", "step delete v2 begin", "step delete v2 end", "queue tasks.v2 gone after delete v2"]
TO_V2 = "deliver a to v2 from tasks.v2"

VANISHED = {
    "with its queue": (
        ["publish a ok", *(line.format(4) for line in DELETED)],
        ("delete v2", "It was confirmed and not done; the queue tasks.v2 went away with at least 4 tasks in it."),
    ),
    "with its queue, which was purged": (
        [
            "publish a ok",
            "queue tasks.v2 1 before purge",
            "step purge begin",
            "step purge end",
            "queue tasks.v2 0 after purge",
            "ack b by v1",
        ],
        ("purge", "It was confirmed and not done; the queue tasks.v2 came up at least 1 task short."),
    ),
    "after it was put back": (
        ["publish a ok", TO_V2, "requeue a by v2", *(line.format(1) for line in DELETED)],
        ("delete v2", "It was confirmed and not done; the queue tasks.v2 went away with at least 1 task in it."),
    ),
    "while another queue went away": (
        ["publish a ok", "deliver a to v1 from tasks.v1", *(line.format(4) for line in DELETED)],
        (None, "It was confirmed, but left no effect and remains nowhere."),
    ),
    "after the queue went away": (
        [*(line.format(4) for line in DELETED), "publish a ok"],
        (None, "It was confirmed, but left no effect and remains nowhere."),
    ),
    "with the second of two queues, where it was sent": (
        ["publish a ok", "resend a to tasks.v3", *(line.format(4) for line in DELETED)]
        + [line.format(2).replace("v2", "v3") for line in DELETED],
        ("delete v3", "It was confirmed and not done; the queue tasks.v3 went away with at least 2 tasks in it."),
    ),
    "acknowledged too early, by a worker that was then stopped": (
        ["publish a ok", TO_V2, "ack a by v2", "step stop v2 begin", "killed v2", "step stop v2 end"],
        ("stop v2", "workers.v2.1 acknowledged it, but it left no effect and remains nowhere."),
    ),
    "acknowledged by the operator": (
        ["publish a ok", "step move begin", "ack a by operator", "step move end"],
        ("move", "operator acknowledged it, but it left no effect and remains nowhere."),
    ),
    "refused without a dead-letter queue": (
        ["publish a ok", TO_V2, "step start v1 begin", "reject a by v2", "step start v1 end"],
        ("start v1", "workers.v2.1 refused it without putting it back, and it remains nowhere."),
    ),
    "nobody knows how": (["publish a ok"], (None, "It was confirmed, but left no effect and remains nowhere.")),
}


@pytest.mark.parametrize(("lines", "expected"), VANISHED.values(), ids=VANISHED)
def test_a_task_vanished(lines: list[str], expected: tuple[str | None, str]) -> None:
    found = judge(history(*lines, empty=["wire"]))["no_lost_tasks"].findings
    assert [(finding.step, finding.why) for finding in found] == [expected]


def test_a_queue_that_was_consumed_is_no_drop() -> None:
    lines = ["queue tasks.v2 1 before drain v2", "step drain v2 begin", "deliver b to v2 from tasks.v2", "step drain v2 end"]
    run = history("publish a ok", "publish b ok", *lines, "effect b by v2", "queue tasks.v2 0 after drain v2")
    assert [finding.step for finding in judge(run)["no_lost_tasks"].findings] == [None]


def test_without_the_wire_a_queue_that_got_shorter_is_no_drop() -> None:
    run = history("publish a ok", "queue tasks.v2 9 before drain", "step drain begin", "step drain end", "queue tasks.v2 0 after drain")
    assert [finding.step for finding in judge(run)["no_lost_tasks"].findings] == [None]


DOUBLED = {
    "its worker was stopped before it acknowledged": (
        [TO_V2, "effect a by v2", "step stop v2 begin", "killed v2", "step stop v2 end", "deliver a to v1 from tasks.v1", "effect a by v1"],
        "stop v2",
    ),
    "the operator sent it again": (
        ["effect a by v2", "step replay begin", "resend a to tasks.v1", "step replay end", "wait 5", "effect a by v1"],
        "replay",
    ),
    "the operator moved it before it was done at all": (
        ["step move begin", "resend a to tasks.v1", "step move end", "effect a by v2", "effect a by v1"],
        "move",
    ),
    "moved first, then done by a worker that was stopped": (
        [
            *("step move begin", "resend a to tasks.v1", "step move end", "effect a by v1"),
            *("step stop v1 begin", "stopped v1", "step stop v1 end", "effect a by v1"),
        ],
        "stop v1",
    ),
    "it was done again while a step ran": (["effect a by v2", "step drain begin", "effect a by v1", "step drain end"], "drain"),
    "a step that its program did not live to end": (
        ["phase playbook begin", "effect a by v2", "step drain begin", "effect a by v1", "phase playbook timeout"],
        "drain",
    ),
    "after a step that its program did not live to end": (
        ["phase playbook begin", "effect a by v2", "step drain begin", "phase playbook timeout", "effect a by v1"],
        None,
    ),
    "between a step that its program did not live to end and its second run": (
        [
            *("phase playbook begin", "step drain begin", "phase playbook timeout", "effect a by v2", "effect a by v1"),
            *("phase playbook begin", "step drain begin", "step drain end", "phase playbook end exit 0"),
        ],
        None,
    ),
    "outside every step": (["effect a by v2", "effect a by v1"], None),
}


@pytest.mark.parametrize(("lines", "step"), DOUBLED.values(), ids=DOUBLED)
def test_a_task_was_done_twice(lines: list[str], step: str | None) -> None:
    found = judge(history("publish a ok", *lines, empty=["wire"]))["no_duplicate_effects"].findings
    assert [finding.step for finding in found] == [step]
