"""Histories at the edges: a task in several places, of several copies, at equal times, that the ledger does not know or never sent."""

from __future__ import annotations

from typing import Any

import pytest
from histories import history

from drillbook.api import judge, open_run
from drillbook.judge.verdict import Verdict

HELD, BROKEN, INCONCLUSIVE = Verdict.HELD, Verdict.BROKEN, Verdict.INCONCLUSIVE
B = "publish b ok; effect b"
FENCE = {"version_fence": {"version": "v2", "after": {"step": "stop v2"}}}
STOPPED = "step stop v2 begin; step stop v2 end"
PARKED = {"no_lost_tasks": {"parked": ["m"]}, "recovered": {"within": "5s", "parked": ["m"]}}
FAILED = "; ".join(["deliver a to v1 from q; requeue a by v1"] * 4)
TWICE = "publish a ok; deliver a to v1 from q; deliver a to v1 from q"
AUDITED = "publish b ok; send b to x through t; deliver b to v1 from v1; deliver b to v3 from audit; ack b by v1; ack b by v3"
MOVED = "; ".join(["deliver a to v2 from v2; requeue a by v2"] * 3 + ["deliver a to v1 from v1; requeue a by v1"] * 3)
TAKEN_TWICE = "deliver a to operator from dead; deliver a to operator from dead"
EDGES: dict[str, tuple[str, dict[str, Any], Verdict]] = {
    # Tasks that the ledger does not know
    "marked failed, and then done": (f"{B}; decide a failed; effect a", {"handled_as_decided": None}, BROKEN),
    "marked failed, and it waits": (f"{B}; decide a failed; leftover a ready in q", {"handled_as_decided": None}, BROKEN),
    "marked failed, and set aside": (f"{B}; decide a failed; leftover a dead in d", {"handled_as_decided": None}, HELD),
    "rescheduled, and done": (f"{B}; decide a rescheduled; resend a to q; effect a", {"handled_as_decided": None}, HELD),
    "a poison that was done after all": (f"{B}; {FAILED}; deliver a to v1 from q; effect a; ack a by v1", {"poison_contained": None}, HELD),
    "a poison that waits": (f"{B}; {FAILED}; leftover a ready in q", {"poison_contained": None}, BROKEN),
    "a child in the table": (f"{B}; state b completed; send a to q by v1; state a completed", {"state_consistent": None}, HELD),
    "nobody's in the table": (f"{B}; state b completed; state a completed", {"state_consistent": None}, BROKEN),
    # Tasks that were never sent
    "never sent, and in the table": (f"{B}; state b completed; publish a fail unsent; state a queued", {"state_consistent": None}, BROKEN),
    "refused, and in the table": (f"{B}; state b completed; publish a fail; leftover a ready in q; state a queued",
                                  {"state_consistent": None}, HELD),
    # A task in several places
    "parked, and in a queue before it": ("publish a ok; leftover a ready in a; leftover a ready in m", PARKED, HELD),
    "parked, and in a queue behind it": ("publish a ok; leftover a ready in z; leftover a ready in m", PARKED, HELD),
    "not parked, in two queues": ("publish a ok; leftover a ready in a; leftover a ready in z", PARKED, BROKEN),
    "done, and a copy is dead": ("publish a ok; effect a; state a completed; leftover a dead in d",
                                 {"state_consistent": {"dead": "failed"}}, HELD),
    "not done, and dead": ("publish a ok; state a queued; leftover a dead in d", {"state_consistent": {"dead": "failed"}}, BROKEN),
    # Several copies on one channel
    "one of two copies answered": (f"{TWICE}; ack a by v1; deliver a to v2 from q; ack a by v2; ack a by v1", {"no_overlap": None}, BROKEN),
    "both copies answered": (f"{TWICE}; ack a by v1; ack a by v1; deliver a to v2 from q; ack a by v2", {"no_overlap": None}, HELD),
    "both copies back with the channel": (
        f"{TWICE}; ack a by v1; close v1; deliver a to v2 from q; ack a by v2",
        {"no_overlap": None}, HELD),
    "again on the channel of a lost copy": (
        "publish a ok; deliver a to v1 from q; close v1; deliver a to v1 from q; ack a by v1; deliver a to v2 from q",
        {"no_overlap": None}, HELD),
    "one of two taken, both moved": (f"{B}; publish a ok; {TAKEN_TWICE}; resend a to q; ack a by operator; resend a to q; effect a",
                                     {"replay_once": None}, BROKEN),
    "two taken, both moved": (f"{B}; publish a ok; {TAKEN_TWICE}; resend a to q; ack a by operator; resend a to q; ack a by operator",
                              {"replay_once": None}, HELD),
    # Copies for several queues
    "tried in two queues, neither of which gets copies": (f"{AUDITED}; {MOVED}", {"bounded_redelivery": {"most": 5}}, BROKEN),
    "tried in two queues as often as may be": (f"{AUDITED}; {MOVED}", {"bounded_redelivery": {"most": 6}}, HELD),
    # The last consumer lost it
    "its channel ended, and its queue was purged": (
        "publish a ok; send a to q; deliver a to v1 from q; close v1",
        {"no_silent_drop": None}, BROKEN),
    "still with a consumer": ("publish a ok; send a to q; deliver a to v1 from q", {"no_silent_drop": None}, HELD),
    "acknowledged": ("publish a ok; send a to q; deliver a to v1 from q; ack a by v1; close v1", {"no_silent_drop": None}, HELD),
    # Who did it, and who published it
    "done after the step, by v1": (f"publish a ok; {STOPPED}; effect a by v1", FENCE, HELD),
    "published by the version after the step": (f"publish a ok; {STOPPED}; send c to q by v2; effect a by v1", FENCE, BROKEN),
    "published by another after the step": (f"publish a ok; {STOPPED}; send c to q by v1; effect a by v1", FENCE, HELD),
    "published by the version before the step": (f"publish a ok; send c to q by v2; {STOPPED}; effect a by v1", FENCE, HELD),
}  # fmt: skip


@pytest.mark.parametrize(("lines", "invariants", "verdict"), EDGES.values(), ids=EDGES)
def test_it_is_judged_by_what_the_page_of_the_invariant_says(lines: str, invariants: dict[str, Any], verdict: Verdict) -> None:
    judged = judge(history(*lines.split("; "), invariants=invariants, empty=("wire", "timeline", "states", "handled")))
    assert [result.verdict for result in judged.results] == [verdict] * len(invariants)


def test_an_effect_after_the_step_that_does_not_say_who_did_it_may_be_anybodys() -> None:
    run = history("publish a ok", *STOPPED.split("; "), "effect a", invariants=FENCE, empty=["wire"])
    effects = run / "effects.jsonl"
    effects.write_text(effects.read_text().replace(',"version":"v1","worker":"workers.v1.1"', ""))
    result = judge(run)["version_fence"]
    assert (result.verdict, result.reason) == (
        INCONCLUSIVE,
        "an effect of 1 task after the step had ended does not say which version did it, the first 1.0 s after it",
    )


STEPS = {
    "again without a gap": ([(3, "begin"), (4, "end"), (4, "begin"), (6, "end")], [(3, 4), (4, 6)]),
    "again, and the first never ended": ([(3, "begin"), (4, "begin"), (6, "end")], [(3, None), (4, 6)]),
    "once, and it took no time": ([(3, "begin"), (3, "end")], [(3, 3)]),
    "again, and the second took no time": ([(3, "begin"), (4, "end"), (4, "begin"), (4, "end")], [(3, 4), (4, 4)]),
    "again, and the first took no time": ([(3, "begin"), (3, "end"), (3, "begin"), (5, "end")], [(3, 3)]),
    "again, and the second never ended": ([(3, "begin"), (4, "end"), (4, "begin")], [(3, 4), (4, None)]),
}


@pytest.mark.parametrize(("edges", "runs"), STEPS.values(), ids=STEPS)
def test_a_step_that_runs_twice_at_equal_times_ends_where_it_ended(
    edges: list[tuple[int, str]], runs: list[tuple[int, int | None]]
) -> None:
    run = history("publish a ok")
    lines = [f'{{"at":{at},"event":"step","name":"stop v2","state":"{state}","program":"playbook"}}\n' for at, state in reversed(edges)]
    (run / "timeline.jsonl").write_text("".join(lines))
    with open_run(run) as opened:
        assert opened.rows("select begin_at, end_at from steps order by 1") == runs


def test_what_was_asked_of_another_versions_delivery_was_not_asked_of_this_one() -> None:
    lines = ["publish a ok", "phase playbook begin", "deliver a to v1 from q", "decode a that remains in q", "phase playbook end exit 0"]
    run = history(*lines, invariants={"decodable": None})
    decoded = run / "decoded.jsonl"
    said = decoded.read_text().replace('"seen":"remaining"', '"seen":"delivered","to_version":"{0}","peer":"workers.{0}.1"')
    verdicts = []
    for version in ("v1", "v2"):
        decoded.write_text(said.replace("{0}", version))
        verdicts.append(judge(run)["decodable"].verdict)
    assert verdicts == [HELD, INCONCLUSIVE]


MISTYPED = {
    "a time in seconds": ('"at":1700000003000000000', '"at":1700000003.5', "at is 1700000003.5, and should be a whole number"),
    "a time with a fraction of nothing": ('"at":1700000003000000000', '"at":1.0', "at is 1.0, and should be a whole number"),
    "a time as text": ('"at":1700000003000000000', '"at":"1700000003000000000"', "and should be a whole number"),
    "a number for an id": ('"task":"a"', '"task":5', "task is 5, and should be text"),
    "true for a version": ('"version":"v1"', '"version":true', "version is True, and should be text"),
    "a list for a key": ('"key":"a"', '"key":["a"]', "key is ['a'], and should be text"),
}


@pytest.mark.parametrize(("old", "new", "said"), MISTYPED.values(), ids=MISTYPED)
def test_a_value_of_another_type_is_refused_and_never_made_one_that_fits(old: str, new: str, said: str) -> None:
    run = history("publish b ok", "publish a ok", "effect a", empty=["wire"])
    effects = run / "effects.jsonl"
    assert old in effects.read_text()
    effects.write_text(effects.read_text().replace(old, new))
    with pytest.raises(Exception, match=r"effects\.jsonl:1: .*" + said.replace("[", r"\[").replace("]", r"\]")):
        judge(run)


def test_a_mistyped_field_within_something_that_no_record_has_is_nobodys_business() -> None:
    run = history("publish a ok", "effect a")
    effects = run / "effects.jsonl"
    effects.write_text(effects.read_text().replace("{", '{"more":{"at":"noon"},', 1))
    assert judge(run).verdict is HELD
