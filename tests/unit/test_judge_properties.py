"""What must be true of every run and every invariant there is: order does not matter, more harm is never less broken, less evidence is
never more green. An invariant that is new is in here by itself."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from histories import TASKS, history
from hypothesis import given, settings
from hypothesis import strategies as st
from random_runs import BEGIN, END, EVERYTHING, SECTIONS, STOPPING, runs

from drillbook.api import judge
from drillbook.evidence.kinds import FILES
from drillbook.judge import tables
from drillbook.judge.catalogue import catalogue
from drillbook.judge.verdict import Judgement, Verdict

HELD, BROKEN, INCONCLUSIVE = Verdict.HELD, Verdict.BROKEN, Verdict.INCONCLUSIVE
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
    never(before, after, {BROKEN, INCONCLUSIVE}, HELD)
    for result in after.results:
        assert stem not in catalogue()[result.name].needs or result.verdict != HELD, result.name


@few
@given(runs(), st.data())
def test_a_line_of_the_wire_taken_away_never_makes_anything_held(run: Path, data: st.DataObject) -> None:
    before = judge(run)
    rewritten(run, "wire", lambda lines: lines[: (at := data.draw(st.integers(0, len(lines) - 1)))] + lines[at + 1 :])
    after = judge(run)
    never(before, after, {BROKEN, INCONCLUSIVE}, HELD)
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
    never(before, after, {BROKEN, INCONCLUSIVE}, HELD)
    never(before, after, {INCONCLUSIVE}, BROKEN)
    for result in after.results:
        assert stem not in catalogue()[result.name].needs or result.verdict != HELD, result.name


@few
@given(runs(), st.sampled_from(sorted(FILES)))
def test_evidence_said_to_be_incomplete_never_makes_anything_more_green_or_more_red(run: Path, stem: str) -> None:
    before = judge(run)
    with (run / "timeline.jsonl").open("a") as file:
        file.write(json.dumps({"at": 1, "event": "incomplete", "name": stem, "state": "from"}) + "\n")
    after = judge(run)
    never(before, after, {BROKEN, INCONCLUSIVE}, HELD)
    never(before, after, {HELD, INCONCLUSIVE}, BROKEN)


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
