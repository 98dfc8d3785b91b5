"""When evidence is whole: what each file must have for its silence to mean something, and what the marks of a fault do not mean."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from histories import history

from drillbook.api import judge
from drillbook.evidence import Event
from drillbook.evidence.kinds import FILES
from drillbook.evidence.run_directory import line
from drillbook.judge.verdict import Verdict

HELD, BROKEN, INCONCLUSIVE = Verdict.HELD, Verdict.BROKEN, Verdict.INCONCLUSIVE
STAGE: dict[str, Any] = {
    "stage": {"broker": {"queues": {"tasks.v1": {}}}, "database": {}, "workers": {"v1": {"image": "worker"}}},
}
FRAME = ["phase settle begin", "phase settle end", "phase collect begin", "phase collect end"]
RESTLESS = ["phase settle begin", "phase settle timeout", "phase collect begin", "phase collect end"]
BEFORE = '{"at":1,"moment":"before","kind":"queue","name":"tasks.v1","field":"there","value":"true"}\n'
AFTER = BEFORE.replace("before", "after")
CUT_SHORT = "collecting the evidence was not seen to end"
NOT_AT_REST = "the stage did not come to rest within the time it was given (settle.within)"


def run_of(stem: str, *lines: str, content: str = "", sections: dict[str, Any] | None = None) -> Path:
    """A run judged by one invariant that needs this evidence and finds nothing in it."""
    sql = {"silence": f"-- silence: Nothing is found.\n-- needs: {stem}\nselect null as task where false"}
    run = history(
        "publish a ok", "effect a", *lines, invariants={"silence": None}, sql=sql, sections=STAGE if sections is None else sections
    )
    (run / f"{stem}.jsonl").write_text(content)
    return run


CASES = {
    "states, collected": ("states", FRAME, "", ""),
    "states, half collected": ("states", FRAME[:3], "", CUT_SHORT),
    "states, read too early": ("states", RESTLESS, "", NOT_AT_REST),
    "states, told to be incomplete": ("states", [*FRAME, "incomplete states"], "", "states is incomplete: the tap died"),
    "handled, collected": ("handled", FRAME, "", ""),
    "handled, half collected": ("handled", FRAME[:3], "", CUT_SHORT),
    "handled, read too early": ("handled", RESTLESS, "", NOT_AT_REST),
    "metrics, until the end": ("metrics", FRAME, "", ""),
    "metrics, broken off": ("metrics", FRAME[:2], "", CUT_SHORT),
    "metrics of what still moved": ("metrics", RESTLESS, "", NOT_AT_REST),
    "metrics, told to be incomplete": ("metrics", [*FRAME, "incomplete metrics"], "", "metrics is incomplete: the tap died"),
    "links, until the end": ("links", FRAME, "", ""),
    "links, broken off": ("links", FRAME[:2], "", CUT_SHORT),
    "links of what still moved": ("links", RESTLESS, "", ""),
    "links, told to be incomplete": ("links", [*FRAME, "incomplete links"], "", "links is incomplete: the tap died"),
    "topology, before and after": ("topology", FRAME, BEFORE + AFTER, ""),
    "topology, everything deleted": ("topology", FRAME, BEFORE, ""),
    "topology, nothing known of before": ("topology", FRAME, AFTER, "topology.jsonl does not say what was declared before the deployment"),
    "topology, broken off": ("topology", FRAME[:2], BEFORE + AFTER, CUT_SHORT),
    "topology of what still moved": ("topology", RESTLESS, BEFORE + AFTER, ""),
    "topology, told to be incomplete": (
        "topology",
        [*FRAME, "incomplete topology"],
        BEFORE + AFTER,
        "topology is incomplete: the tap died",
    ),
}


@pytest.mark.parametrize(("stem", "lines", "content", "reason"), CASES.values(), ids=CASES)
def test_new_evidence_is_whole_only_when_it_was_collected_to_the_end(stem: str, lines: list[str], content: str, reason: str) -> None:
    result = judge(run_of(stem, *lines, content=content))["silence"]
    assert result.reason == (reason or ("" if "phase settle timeout" not in lines else NOT_AT_REST))
    assert result.verdict == (INCONCLUSIVE if result.reason else HELD)


@pytest.mark.parametrize("stem", ["states", "handled", "metrics", "topology", "links"])
def test_a_run_from_before_this_evidence_is_judged_without_it(stem: str) -> None:
    run = history("publish a ok", "effect a", *FRAME, sections=STAGE, without=[stem])
    assert judge(run).verdict == HELD


@pytest.mark.parametrize("stem", sorted(FILES))
def test_whatever_is_needed_and_not_there_is_inconclusive(stem: str) -> None:
    run = run_of(stem, sections={})
    (run / f"{stem}.jsonl").unlink()
    assert judge(run)["silence"].reason == f"there is no {stem}.jsonl"


MARKS = ["armed", "ack dropped", "deliver held", "deliver let go", "channel closed", "connection severed", "disarmed"]
WIRE = {"no_overlap": None, "bounded_redelivery": {"most": 1}, "no_silent_drop": None}


@pytest.mark.parametrize("mark", MARKS)
def test_the_mark_of_a_fault_is_no_event_of_the_task(mark: str) -> None:
    fault = f"tap {mark} of a by v2"
    lines = ["deliver a to v2 from tasks.v2", fault, fault, "effect a by v2", "ack a by v2", fault]
    judgement = judge(history("publish a ok", *lines, invariants=WIRE))
    assert [result.verdict for result in judgement.results] == [HELD] * 3


def test_an_acknowledgement_kept_from_the_broker_explains_the_redelivery() -> None:
    lines = ["deliver a to v2 from tasks.v2", "effect a by v2", "tap ack dropped of a by v2", "close v2", "redeliver a to v1 from tasks.v2"]
    judgement = judge(history("publish a ok", *lines, "ack a by v1", invariants={"no_overlap": None, "no_duplicate_effects": None}))
    assert judgement.verdict == HELD


def test_a_task_whose_acknowledgement_was_kept_from_the_broker_is_not_acknowledged() -> None:
    lines = ["deliver a to v2 from tasks.v2", "tap ack dropped of a by v2", "resend a to tasks.v1", "deliver a to v1 from tasks.v1"]
    assert judge(history("publish a ok", *lines, "effect a", invariants={"no_overlap": None}))["no_overlap"].verdict == BROKEN


def test_a_second_incomplete_span_does_not_hide_the_first() -> None:
    run = run_of("states", *FRAME, "incomplete states")
    with (run / "timeline.jsonl").open("a") as timeline:
        timeline.write(line(Event(1, "incomplete", "states", "from", detail="a reason of its own")) + "\n")
    assert judge(run)["silence"].reason == "states is incomplete: a reason of its own"
