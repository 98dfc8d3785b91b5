"""What only the wire shows: tasks dropped in silence, in two places at once, delivered over and over."""

from __future__ import annotations

from typing import Any

import pytest
from histories import history

from drillbook.api import judge
from drillbook.judge.verdict import Verdict

HELD, BROKEN, INCONCLUSIVE = Verdict.HELD, Verdict.BROKEN, Verdict.INCONCLUSIVE
FIRST = "deliver a to v2 from tasks.v2"
OTHER = "deliver a to v1 from tasks.v1"
AGAIN = "redeliver a to v1 from tasks.v1"
REPLAYED = ["step replay begin", "resend a to tasks.v1", "step replay end"]

CASES: dict[str, tuple[str, dict[str, Any], list[str], Verdict]] = {
    "delivered once": ("no_overlap", {}, [FIRST, "ack a by v2"], HELD),
    "a copy while the first is held": ("no_overlap", {}, [FIRST, *REPLAYED, OTHER, "ack a by v2"], BROKEN),
    "a copy while the first is never let go": ("no_overlap", {}, [FIRST, OTHER, "wait 1"], BROKEN),
    "a copy after the acknowledgement": ("no_overlap", {}, [FIRST, "ack a by v2", OTHER], HELD),
    "redelivered after it was put back": ("no_overlap", {}, [FIRST, "requeue a by v2", AGAIN], HELD),
    "redelivered after the channel closed": ("no_overlap", {}, [FIRST, "close v2", AGAIN], HELD),
    "redelivered just before the tap read of the close": ("no_overlap", {}, [FIRST, AGAIN, "close v2"], HELD),
    "a copy just before the close": ("no_overlap", {}, [FIRST, OTHER, "close v2"], BROKEN),
    "moved by the operator, who acknowledges last": (
        "no_overlap",
        {},
        ["deliver a to operator from tasks.v2", "resend a to tasks.v1", OTHER, "ack a by operator"],
        HELD,
    ),
    "an overlap that is tolerated": ("no_overlap", {"tolerance": "5s"}, [FIRST, OTHER, "ack a by v2", "ack a by v1"], HELD),
    "as often as allowed": ("bounded_redelivery", {"most": 2}, [FIRST, "requeue a by v2", AGAIN], HELD),
    "once too often": ("bounded_redelivery", {"most": 1}, [FIRST, "requeue a by v2", AGAIN], BROKEN),
    "five times by default": ("bounded_redelivery", {}, [FIRST] * 5, HELD),
    "six times by default": ("bounded_redelivery", {}, [FIRST] * 6, BROKEN),
    "taken by the operator": ("bounded_redelivery", {"most": 1}, [FIRST, "deliver a to operator from tasks.dead"], HELD),
    "done": ("no_silent_drop", {}, [FIRST, "effect a"], HELD),
    "at rest": ("no_silent_drop", {}, ["leftover a dead in tasks.dead"], HELD),
    "never delivered": ("no_silent_drop", {}, [], BROKEN),
    "refused into nothing": ("no_silent_drop", {}, [FIRST, "reject a by v2"], BROKEN),
    "put back and gone": ("no_silent_drop", {}, [FIRST, "requeue a by v2"], BROKEN),
    "acknowledged and lost is the consumer's doing": ("no_silent_drop", {}, [FIRST, "ack a by v2"], HELD),
    "moved and gone": ("no_silent_drop", {}, ["deliver a to operator from q", "resend a to x", "ack a by operator"], BROKEN),
}


def run_of(name: str, parameters: dict[str, Any], lines: list[str], **more: Any) -> Any:
    return judge(history("publish a ok", *lines, invariants={name: parameters}, empty=["wire"], **more))[name]


@pytest.mark.parametrize(("name", "parameters", "lines", "verdict"), CASES.values(), ids=CASES)
def test_the_wire_shows_it(name: str, parameters: dict[str, Any], lines: list[str], verdict: Verdict) -> None:
    assert run_of(name, parameters, lines).verdict == verdict


@pytest.mark.parametrize("name", ["no_overlap", "bounded_redelivery", "no_silent_drop"])
def test_without_the_wire_nobody_knows(name: str) -> None:
    assert run_of(name, {}, [FIRST, "effect a"], without=["wire"]).verdict == INCONCLUSIVE
    assert run_of(name, {}, [FIRST, "effect a", "incomplete wire"]).verdict == INCONCLUSIVE


INCOMPLETE = {
    "an acknowledgement may be missing": ("no_overlap", [FIRST, OTHER, "wait 1"], INCONCLUSIVE),
    "deliveries that were seen still count": ("bounded_redelivery", [FIRST] * 6, BROKEN),
    "a delivery may be missing": ("no_silent_drop", [], INCONCLUSIVE),
}


@pytest.mark.parametrize(("name", "lines", "verdict"), INCOMPLETE.values(), ids=INCOMPLETE)
def test_a_incomplete_wire_excuses_only_what_it_could_explain(name: str, lines: list[str], verdict: Verdict) -> None:
    assert run_of(name, {}, [*lines, "incomplete wire"]).verdict == verdict


def test_an_overlap_is_blamed_on_the_step_that_sent_the_copy() -> None:
    [found] = run_of("no_overlap", {}, [FIRST, *REPLAYED, OTHER]).findings
    assert (found.why, found.step) == ("Delivered to workers.v1.1 while workers.v2.1 still had it.", "replay")


def test_too_many_deliveries_are_blamed_on_the_step_of_the_first_that_was_too_many() -> None:
    [found] = run_of("bounded_redelivery", {"most": 1}, [FIRST, "step start v1 begin", OTHER, "step start v1 end", OTHER]).findings
    assert (found.why, found.step) == ("Delivered 3 times, where 1 are allowed; first to workers.v2.1, last to workers.v1.1.", "start v1")


def test_a_purge_is_blamed_for_a_task_dropped_in_silence() -> None:
    lines = ["queue q 1 before purge", "step purge begin", "step purge end", "queue q 0 after purge"]
    assert [found.step for found in run_of("no_silent_drop", {}, lines).findings] == ["purge"]
