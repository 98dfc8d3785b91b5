"""What must be true of every run: order does not matter, more harm is never less broken, less evidence is never more green."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from histories import ALWAYS, TASKS, history
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.evidence.records import FILES
from harness.invariants.catalogue import catalogue
from harness.invariants.judge import judge
from harness.invariants.verdict import Judgement, Verdict

EVERYTHING: dict[str, Any] = TASKS | {
    "version_fence": {"version": "v2", "after": {"step": "stop v2"}},
    "drained": {"queue": "tasks.v2"},
    "recovered": {"within": "20s"},
    "playbook_succeeded": None,
}
SECTIONS = {"load": {"rate": "10/s", "duration": "1s"}, "playbook": {"run": "./rollback.sh", "start": {"at": "1s"}}}
FRAME = ["phase load begin", "publish sure ok", "effect sure by v1", "phase load end", "phase playbook begin"]
STOPPING = ["step stop v2 begin", "queue tasks.v2 2 before stop v2", "killed v2", "queue tasks.v2 gone after stop v2", "step stop v2 end"]
END = ["phase playbook end exit 0", "phase collect begin", "phase collect end"]

task = st.sampled_from("abc")
version = st.sampled_from(["v1", "v2"])
moment = st.one_of(
    st.builds("publish {} {}".format, task, st.sampled_from(["ok", "ok", "unknown", "fail", "skipped"])),
    st.builds("effect {} by {}".format, task, version),
    st.builds("deliver {} to {} from tasks.v2".format, task, version),
    st.builds("{1} {0} by {2}".format, task, st.sampled_from(["ack", "reject", "requeue"]), version),
    st.builds("resend {} to tasks.v1".format, task),
    st.builds("leftover {} {} in tasks.{}".format, task, st.sampled_from(["ready", "dead", "unacked"]), version),
)
moments = st.lists(moment, max_size=8)


@st.composite
def runs(draw: Callable[[Any], Any], invariants: dict[str, Any] = EVERYTHING) -> Path:
    return history(*FRAME, *draw(moments), *STOPPING, *draw(moments), *END, invariants=invariants, sections=SECTIONS, empty=["wire"])


few = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def facts(judgement: Judgement) -> Any:
    return judgement.as_json()


@few
@given(runs(), st.integers())
def test_the_order_of_lines_in_a_file_does_not_matter(run: Path, seed: int) -> None:
    before = facts(judge(run))
    for stem in FILES:
        file = run / f"{stem}.jsonl"
        if not file.exists():
            continue
        lines = file.read_text().splitlines(keepends=True)
        random.Random(seed).shuffle(lines)
        file.write_text("".join(lines))
    assert facts(judge(run)) == before


@few
@given(runs(), task)
def test_a_duplicate_effect_never_turns_broken_into_held(run: Path, doubled: str) -> None:
    before = judge(run)
    with (run / "effects.jsonl").open("a") as file:
        for at in (1, 2):
            file.write(json.dumps({"task": doubled, "at": at}) + "\n")
    after = judge(run)
    assert after["no_duplicate_effects"].verdict == Verdict.BROKEN
    assert before.verdict != Verdict.BROKEN or after.verdict == Verdict.BROKEN


@few
@given(runs(), st.sampled_from([*ALWAYS, "wire", "timeline", "counters"]))
def test_evidence_taken_away_never_makes_anything_held(run: Path, stem: str) -> None:
    before = judge(run)
    (run / f"{stem}.jsonl").unlink()
    after = judge(run)
    for one, other in zip(before.results, after.results, strict=True):
        assert one.verdict == Verdict.HELD or other.verdict != Verdict.HELD, one.name
        assert stem not in catalogue()[one.name].needs or other.verdict != Verdict.HELD, one.name
    assert before.verdict == Verdict.HELD or after.verdict != Verdict.HELD


@few
@given(runs(TASKS))
def test_the_equation_adds_up(run: Path) -> None:
    judgement = judge(run)
    equation = judgement.equation
    assert equation is not None
    assert equation.ok == equation.done + equation.dead + equation.queued + equation.cancelled + equation.missing
    assert equation.planned == equation.ok + equation.failed + equation.unknown + equation.skipped
    assert (equation.doubled > 0) == (judgement["no_duplicate_effects"].verdict == Verdict.BROKEN)
    assert equation.missing == 0 or judgement["no_lost_tasks"].verdict == Verdict.BROKEN
