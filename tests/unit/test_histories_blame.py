"""The step in which it went wrong, and why, as the invariants of standing still, replays, order, states and poison say it."""

from __future__ import annotations

from typing import Any

import pytest
from histories import history

from drillbook.api import judge
from drillbook.evidence.kinds import FILES

STUCK: dict[str, Any] = {"no_stuck_tasks": {"within": "5s"}}
WAITING = ["ready q 3 consumers 2"] * 7
LONELY = ["ready q 3 consumers 0"] * 7

BLAMED: dict[str, tuple[dict[str, Any], list[str], tuple[str | None, str]]] = {
    "moved where nobody looks": (
        STUCK,
        ["step move begin", "resend a to p", "step move end", "leftover a ready in p"],
        ("move", "It still waits in p, and nothing moves it."),
    ),
    "left when the last consumer was stopped": (
        STUCK,
        ["consume q by v2", "step stop v2 begin", "close v2", "step stop v2 end", "leftover a ready in q"],
        ("stop v2", "It still waits in q, and nothing moves it."),
    ),
    "held by a worker": (
        STUCK,
        ["leftover a unacked in q with v2"],
        (None, "It is still unacknowledged by workers.v2.1, and nothing moves it."),
    ),
    "with a worker that was paused": (
        STUCK,
        ["deliver a to v2 from q", "step pause v2 begin", "paused v2", "wait 8", "step pause v2 end", "ack a by v2", "effect a"],
        ("pause v2", "With workers.v2.1 for 13.0 s, in which it acknowledged or refused nothing; 5.0 s are allowed."),
    ),
    "with a worker that gave up consuming": (
        STUCK,
        ["deliver a to v2 from q", "step drain v2 begin", "cancel q by v2", "step drain v2 end", "wait 8", "ack a by v2", "effect a"],
        ("drain v2", "With workers.v2.1 for 13.0 s, in which it acknowledged or refused nothing; 5.0 s are allowed."),
    ),
    "a queue that nobody is given from": (
        STUCK,
        ["deliver a to v1 from q", "ack a by v1", "effect a", "step wait begin", *WAITING, "step wait end"],
        ("wait", "The queue q had 3 tasks waiting and 2 consumers on it, and nothing was delivered from it for 6.0 s; 5.0 s are allowed."),
    ),
    "a queue that nobody consumes any more": (
        STUCK,
        [
            *("consume q by v2", "effect a", "phase playbook begin", "step stop v2 begin", "close v2", "step stop v2 end"),
            *("phase playbook end exit 0", *LONELY),
        ],
        ("stop v2", "The queue q had 3 tasks waiting and no consumer for 6.0 s after the playbook had ended; 5.0 s are allowed."),
    ),
    "replayed three times": (
        {"replay_once": None},
        ["resend a to q", "step replay begin", "resend a to q", "step replay end", "resend a to q"],
        ("replay", "The operator sent it to q 3 times, and nothing had brought it back in between."),
    ),
    "moved behind a newer one": (
        {"order_kept": {"queue": "q"}},
        [
            *("send a to x", "send b to x", "step move begin", "resend a to q", "step move end"),
            *("deliver b to v1 from q", "deliver a to v1 from q"),
        ],
        ("move", "Delivered to workers.v1.1 after b, which was sent after it."),
    ),
    "executing when its worker was stopped": (
        {"state_consistent": None},
        ["state a executing by v2", "step stop v2 begin", "stopped v2", "step stop v2 end"],
        ("stop v2", "The table says executing, and nobody executes any more."),
    ),
    "marked failed while it was at work": (
        {"handled_as_decided": None},
        ["step apply begin", "decide a failed", "step apply end", "effect a by v2"],
        ("apply", "It was marked failed, and then done by workers.v2.1."),
    ),
    "sent although it was to be left": (
        {"handled_as_decided": None},
        ["step apply begin", "decide a left", "resend a to q", "step apply end"],
        ("apply", "It was to be left, and the operator sent it all the same."),
    ),
    "failed once too often": (
        {"poison_contained": {"most": 1}},
        [
            *("deliver a to v1 from q", "requeue a by v1", "step start v1 begin", "deliver a to v1 from q", "requeue a by v1"),
            *("step start v1 end", "leftover a ready in q"),
        ],
        ("start v1", "Workers failed on it 2 times, the first was workers.v1.1, and it still waits in q."),
    ),
    "dead of another one": (
        {"poison_contained": {"most": 1}},
        [
            *("deliver b to v1 from q", "deliver a to v1 from q", "close v1") * 2,
            *("leftover b dead in d of delivery_limit", "leftover a dead in d of delivery_limit"),
        ],
        (None, "It died of its delivery limit, and no worker had failed on it: workers.v1.1 had it 2 times when failing on b."),
    ),
    "expired": (
        {"nothing_expired": None},
        ["leftover a dead in d after expired in q"],
        (None, "It is dead-lettered in d: its time was over in q."),
    ),
}


@pytest.mark.parametrize(("invariants", "lines", "expected"), BLAMED.values(), ids=BLAMED)
def test_it_says_why_and_in_which_step(invariants: dict[str, Any], lines: list[str], expected: tuple[str | None, str]) -> None:
    [result] = judge(history("publish a ok", *lines, invariants=invariants, empty=tuple(FILES))).results
    assert [(found.step, found.why) for found in result.findings] == [expected]
