"""What must be true of every run and every invariant there is: order does not matter, more harm is never less broken, less evidence is
never more green. An invariant that is new is in here by itself."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from histories import TASKS, history
from hypothesis import given, settings
from hypothesis import strategies as st

from drillbook.api import judge
from drillbook.evidence.records import FILES
from drillbook.judge import tables
from drillbook.judge.catalogue import catalogue
from drillbook.judge.verdict import Judgement, Verdict

HELD, BROKEN, UNKNOWN = Verdict.HELD, Verdict.BROKEN, Verdict.UNKNOWN
SAMPLES = {"duration": "20s", "version": "v2", "step": {"step": "stop v2"}, "queue": "tasks.v2", "int": 2, "float": 0.5, "text": "charge"}


def sample(kind: str) -> Any:
    return [sample(kind[5:-1])] if kind.startswith("list[") else SAMPLES.get(kind, kind.partition("|")[0])


EVERYTHING: dict[str, Any] = {
    one.name: {parameter.name: sample(parameter.kind) for parameter in one.parameters if parameter.required} for one in catalogue().values()
}
SECTIONS = {
    "load": {"rate": "10/s", "duration": "1s"},
    "playbook": {"run": "./rollback.sh", "start": {"at": "1s"}},
    "outbox": {"query": "select task from outbox"},
}
BEGIN = [
    *("declared queue tasks.v2 type classic", "found queue tasks.v2 type classic"),
    *("phase load begin", "publish sure ok", "effect sure by v1", "state sure completed", "phase playbook begin"),
]
STOPPING = ["step stop v2 begin", "queue tasks.v2 2 before stop v2", "killed v2", "queue tasks.v2 gone after stop v2", "step stop v2 end"]
END = ["phase playbook end exit 0", "phase load end", "phase settle begin", "phase settle end", "phase collect begin", "phase collect end"]

task = st.sampled_from("abc")
version = st.sampled_from(["v1", "v2"])
way = st.sampled_from(["done", "done", "done", "lost", "twice", "dead", "unconfirmed"])


def lived(task: str, fate: str, version: str) -> list[str]:
    """A task's life, mostly as it should be, so that invariants hold often enough for something to be seen."""
    delivery = [f"send {task} to tasks.v2", f"confirm {task} to load", f"deliver {task} to {version} from tasks.v2"]
    done, settled = [f"effect {task} by {version}", f"state {task} completed by {version}"], [f"ack {task} by {version}"]
    published = f"publish {task} {'unknown' if fate == 'unconfirmed' else 'ok'}"
    return {
        "lost": [published, *delivery, *settled],
        "twice": [published, *delivery, *done, *done[:1], *settled],
        "dead": [published, *delivery, f"reject {task} by {version}", f"leftover {task} dead in tasks.dead", f"state {task} failed"],
    }.get(fate, [published, *delivery, *done, *settled])


moment = st.one_of(
    st.builds("publish {} {}".format, task, st.sampled_from(["ok", "ok", "unknown", "fail", "skipped"])),
    st.builds("effect {} by {}".format, task, version),
    st.builds("deliver {} to {} from tasks.v2".format, task, version),
    st.builds("{1} {0} by {2}".format, task, st.sampled_from(["ack", "reject", "requeue"]), version),
    st.builds("resend {} to tasks.v1".format, task),
    st.builds("leftover {} {} in tasks.{}".format, task, st.sampled_from(["ready", "dead", "unacked", "delayed"]), version),
    st.builds("state {} {} by {}".format, task, st.sampled_from(["queued", "completed", "failed"]), version),
    st.builds("leftover {} outbox".format, task),
    st.builds("ready tasks.v2 {} consumers {}".format, st.integers(0, 3), st.integers(0, 2)),
    st.builds("{} queue tasks.v1 type {}".format, st.sampled_from(["declared", "found"]), st.sampled_from(["classic", "quorum"])),
    st.builds("tap a fault: {} by v1".format, st.sampled_from(["armed", "ack dropped"])),
    st.just("close v1"),
)
lives = st.lists(st.tuples(way, version), max_size=3).map(
    lambda fates: [line for name, fate in zip("abc", fates, strict=False) for line in lived(name, *fate)]
)
strange = st.one_of(st.just([]), st.lists(moment, max_size=6))


@st.composite
def runs(draw: Callable[[Any], Any], invariants: dict[str, Any] = EVERYTHING) -> Path:
    lines = [*BEGIN, *draw(lives), *draw(strange), *STOPPING, *draw(strange), *END]
    return history(*lines, invariants=invariants, sections=SECTIONS, empty=list(FILES))


few = settings(max_examples=6)


def rewritten(run: Path, stem: str, change: Callable[[list[str]], list[str]]) -> None:
    file = run / f"{stem}.jsonl"
    file.write_text("".join(change(file.read_text().splitlines(keepends=True))))


def never(before: Judgement, after: Judgement, was: set[Verdict], became: Verdict) -> None:
    """No invariant, and not the whole either, was one of these and became that."""
    turned = [one.name for one, other in zip(before.results, after.results, strict=True) if one.verdict in was and other.verdict == became]
    assert turned == []
    assert before.verdict not in was or after.verdict != became


def test_every_invariant_is_tried() -> None:
    verdicts = {
        result.name: result.verdict
        for result in judge(history(*BEGIN, *STOPPING, *END, sections=SECTIONS, invariants=EVERYTHING, empty=list(FILES))).results
    }
    assert verdicts == dict.fromkeys(catalogue(), HELD)


@few
@given(runs(), st.integers())
def test_the_order_of_lines_in_a_file_does_not_matter(run: Path, seed: int) -> None:
    before = judge(run)
    for stem in FILES:
        rewritten(run, stem, lambda lines: random.Random(seed).sample(lines, len(lines)))
    assert judge(run) == before


@few
@given(runs())
def test_judging_again_gives_the_same_and_so_does_judging_from_disk(run: Path) -> None:
    before = judge(run)
    assert judge(run) == before
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "LARGE", 0)
        patch.setattr(tables, "SMALL", -1)
        assert judge(run) == before


@few
@given(runs(), st.data())
def test_a_duplicate_effect_never_turns_broken_into_held(run: Path, data: st.DataObject) -> None:
    before = judge(run)
    effects = (run / "effects.jsonl").read_text().splitlines()
    doubled = json.loads(data.draw(st.sampled_from(effects))) | {"at": data.draw(st.sampled_from([1, 2**62]))}
    with (run / "effects.jsonl").open("a") as file:
        file.write(json.dumps(doubled) + "\n")
    after = judge(run)
    assert after["no_duplicate_effects"].verdict == BROKEN
    never(before, after, {BROKEN}, HELD)


@few
@given(runs(), st.sampled_from(sorted(FILES)))
def test_a_file_taken_away_never_makes_anything_held(run: Path, stem: str) -> None:
    before = judge(run)
    (run / f"{stem}.jsonl").unlink()
    after = judge(run)
    never(before, after, {BROKEN, UNKNOWN}, HELD)
    for result in after.results:
        assert stem not in catalogue()[result.name].needs or result.verdict != HELD, result.name


@few
@given(runs(), st.data())
def test_a_line_of_the_wire_taken_away_never_makes_anything_held(run: Path, data: st.DataObject) -> None:
    before = judge(run)
    rewritten(run, "wire", lambda lines: lines[: (at := data.draw(st.integers(0, len(lines) - 1)))] + lines[at + 1 :])
    after = judge(run)
    never(before, after, {BROKEN, UNKNOWN}, HELD)
    needing = [result for result in after.results if "wire" in catalogue()[result.name].needs]
    assert HELD not in {result.verdict for result in needing}


@few
@given(runs(TASKS), st.data())
def test_an_effect_taken_away_never_makes_a_task_that_is_lost_or_unheard_of_held(run: Path, data: st.DataObject) -> None:
    before = judge(run)
    once = [line for line in (run / "effects.jsonl").read_text().splitlines(keepends=True) if '"sure"' in line]
    rewritten(run, "effects", lambda lines: [line for line in lines if line not in once])
    after = judge(run)
    assert after["no_lost_tasks"].verdict == BROKEN
    assert before["no_lost_tasks"].verdict != BROKEN or before["no_lost_tasks"].count < after["no_lost_tasks"].count


@few
@given(runs(), st.sampled_from(sorted(FILES)))
def test_a_half_written_last_line_never_makes_anything_more_green(run: Path, stem: str) -> None:
    before = judge(run)
    with (run / f"{stem}.jsonl").open("a") as file:
        file.write('{"at": 1, "ta')
    after = judge(run)
    never(before, after, {BROKEN, UNKNOWN}, HELD)
    never(before, after, {UNKNOWN}, BROKEN)
    for result in after.results:
        assert stem not in catalogue()[result.name].needs or result.verdict != HELD, result.name


@few
@given(runs(), st.sampled_from(sorted(FILES)))
def test_evidence_said_to_be_blind_never_makes_anything_more_green_or_more_red(run: Path, stem: str) -> None:
    before = judge(run)
    with (run / "timeline.jsonl").open("a") as file:
        file.write(json.dumps({"at": 1, "event": "blind", "name": stem, "state": "from"}) + "\n")
    after = judge(run)
    never(before, after, {BROKEN, UNKNOWN}, HELD)
    never(before, after, {HELD, UNKNOWN}, BROKEN)


@few
@given(runs(TASKS))
def test_the_equation_adds_up(run: Path) -> None:
    judgement = judge(run)
    equation = judgement.equation
    assert equation is not None
    assert equation.ok == equation.done + equation.dead + equation.queued + equation.cancelled + equation.missing
    assert equation.planned == equation.ok + equation.failed + equation.unknown + equation.skipped
    assert (equation.doubled > 0) == (judgement["no_duplicate_effects"].verdict == BROKEN)
    assert equation.missing == 0 or judgement["no_lost_tasks"].verdict == BROKEN
