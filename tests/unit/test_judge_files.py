"""Run directories as disks and hands leave them: half lines, garbage, strange names."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from histories import TASKS, history

from drillbook.api import judge
from drillbook.core.errors import Exit, UsageError
from drillbook.judge.tables import EvidenceError
from drillbook.judge.verdict import Verdict

GOOD = '{"task":"a","key":"a","version":"v1","worker":"w","at":1}\n'
GARBAGE = {
    "no JSON": ("garbage\n", "not a line of JSON: garbage"),
    "no JSON, half of a record": ('{"task":"a","at\n', 'not a line of JSON: {"task":"a","at'),
    "bytes": ("\udcff\udcfe\n", "not a line of JSON"),
    "a list": ("[1]\n", "not a JSON object"),
    "null": ("null\n", "not a JSON object"),
    "a text": ('"a"\n', "not a JSON object"),
    "nothing in it": ("{}\n", "task is missing"),
    "no time": ('{"task":"a"}\n', "at is missing"),
    "a time in words": ('{"task":"a","at":"noon"}\n', "at is 'noon', and should be a whole number"),
    "a time beyond time": ('{"task":"a","at":99999999999999999999}\n', "at is 99999999999999999999, and should be a whole number"),
    "two records": ('{"task":"a","at":1}{"task":"b","at":2}\n', "not a line of JSON"),
}


@pytest.mark.parametrize(("bad", "message"), GARBAGE.values(), ids=GARBAGE)
def test_garbage_is_an_error_with_its_line(bad: str, message: str) -> None:
    run = history("publish a ok")
    (run / "effects.jsonl").write_text(GOOD + bad + GOOD, errors="surrogateescape")
    with pytest.raises(EvidenceError) as error:
        judge(run)
    assert str(error.value).startswith(f"{run}/effects.jsonl:2: {message}")
    assert error.value.exit_code == Exit.USAGE


@pytest.mark.parametrize("stem", ["published", "wire", "leftovers", "timeline", "counters"])
def test_a_word_that_no_record_has_is_an_error(stem: str) -> None:
    run = history("publish a ok", "leftover a dead in q", "phase x begin", "queue q 1 before x", "ack a by v1")
    file = run / f"{stem}.jsonl"
    wrong = {"published": '"ok"', "wire": '"ack"', "leftovers": '"dead"', "timeline": '"phase"', "counters": '"start"'}[stem]
    file.write_text(file.read_text().replace(wrong, '"nonsense"'))
    with pytest.raises(EvidenceError, match="'nonsense', which is none of"):
        judge(run)


def test_a_whole_last_line_needs_no_line_end() -> None:
    run = history("publish a ok")
    (run / "effects.jsonl").write_text(GOOD.rstrip())
    assert judge(run)["no_lost_tasks"].verdict == Verdict.HELD


def test_a_half_written_last_line_leaves_the_file_incomplete_and_the_rest_read() -> None:
    run = history("publish a ok", "effect a", "effect a")
    with (run / "effects.jsonl").open("a") as file:
        file.write('{"task":"b","ke')
    judgement = judge(run)
    assert judgement["no_lost_tasks"].reason == "the last line of effects.jsonl is half-written"
    assert judgement["no_duplicate_effects"].verdict == Verdict.BROKEN


def test_a_file_of_one_half_written_line_is_incomplete() -> None:
    run = history("publish a ok")
    (run / "effects.jsonl").write_text('{"ta')
    assert judge(run)["no_lost_tasks"].verdict == Verdict.INCONCLUSIVE


def test_the_order_of_keys_and_unknown_keys_do_not_matter() -> None:
    run = history("publish a ok")
    (run / "effects.jsonl").write_text('\n{"at":1,"later":{"added":[1]},"task":"a"}\r\n')
    assert judge(run).verdict == Verdict.HELD


@pytest.mark.parametrize("name", ["runs [1]", "runs *", "runs ?", "runs of 'mine'", "runs {1}"])
def test_a_run_directory_may_have_any_name(tmp_path: Path, name: str) -> None:
    shutil.copytree(history("publish a ok", "effect a"), tmp_path / "runs 1")
    shutil.copytree(history("publish a ok"), tmp_path / name)
    assert judge(tmp_path / name)["no_lost_tasks"].verdict == Verdict.BROKEN


def test_a_folder_without_a_scenario_is_no_run() -> None:
    run = history("publish a ok")
    (run / "scenario.yaml").unlink()
    with pytest.raises(UsageError, match="is no run directory: it has no scenario"):
        judge(run)


def test_judging_writes_nothing_and_judges_alike_again() -> None:
    run = history("publish a ok", "effect a", "effect a", invariants=TASKS)
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    assert judge(run) == judge(run)
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before
