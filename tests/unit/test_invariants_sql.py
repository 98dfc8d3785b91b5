"""A user's own invariant: found beside the run, judged like the others, and able to touch nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from histories import TASKS, history

from drillbook.api import judge
from drillbook.core.errors import DrillbookError, Exit
from drillbook.judge.verdict import Finding, Judgement, Verdict

HEAD = "-- mine: Nothing is charged.\n-- needs: effects\n"


def judged(sql: str, *lines: str, head: str = HEAD, parameters: dict[str, Any] | None = None, **more: Any) -> Judgement:
    lines = lines or ("publish a ok", "effect a")
    return judge(history(*lines, invariants={"mine": parameters}, sql={"mine": head + sql}, **more))


def test_it_is_found_and_judged() -> None:
    assert judged("select task from tasks where effects = 7")["mine"].verdict == Verdict.HELD
    assert judged("select task from tasks where effects = 1")["mine"].verdict == Verdict.BROKEN


def test_its_sentence_is_the_reason_when_it_gives_none() -> None:
    judgement = judged("select task from tasks")
    assert judgement["mine"].findings[0].why == "Not so here: Nothing is charged."
    assert judgement.sentence == "Broken: 1 counterexample to mine."


def test_it_may_give_a_reason_a_step_and_words() -> None:
    head = HEAD + "-- in words: 1 task was charged | {count} tasks were charged\n"
    judgement = judged("select task, 'Charged.' as why, 'pay' as step from tasks; -- that is all", head=head)
    finding = judgement["mine"].findings[0]
    assert (finding.why, finding.step) == ("Charged.", "pay")
    assert judgement.sentence == 'Broken: 1 task was charged in the step "pay".'


def test_it_may_be_about_no_task() -> None:
    assert judged("select null as task, 'It rains.' as why")["mine"].findings == (Finding(task=None, why="It rains."),)


def test_it_may_say_that_it_does_not_know() -> None:
    result = judged("select null as task, 'nobody looked' as why, true as inconclusive")["mine"]
    assert (result.verdict, result.reason) == (Verdict.INCONCLUSIVE, "nobody looked")


@pytest.mark.parametrize("why", ["", ", '' as why", ", null as why"], ids=["no column", "empty", "null"])
def test_it_may_not_know_without_saying_why(why: str) -> None:
    result = judged(f"select null as task, true as inconclusive{why}")["mine"]
    assert (result.verdict, result.reason) == (Verdict.INCONCLUSIVE, "mine.sql cannot tell, and does not say why")


def test_its_parameters_reach_it() -> None:
    head = HEAD + "-- parameter least: int = 1\n-- parameter only: list[text]\n"
    sql = "select task from tasks where effects >= $least and task in (select unnest($only))"
    assert judged(sql, head=head, parameters={"only": ["a"]})["mine"].verdict == Verdict.BROKEN
    assert judged(sql, head=head, parameters={"only": ["a"], "least": 2})["mine"].verdict == Verdict.HELD


def test_without_what_it_needs_even_its_counterexamples_are_inconclusive() -> None:
    sql = "select task from tasks where effects = 0"
    assert judged(sql, without=["effects"])["mine"].verdict == Verdict.INCONCLUSIVE


def test_a_mistake_in_it_is_a_sentence_with_its_file() -> None:
    with pytest.raises(DrillbookError, match=r"mine\.sql:4: Binder Error: .*colour") as error:
        judged("select task from tasks\nwhere colour = 'red'")
    assert error.value.exit_code == Exit.USAGE


def test_a_mistake_that_only_shows_on_data_is_a_sentence_too() -> None:
    with pytest.raises(DrillbookError, match=r"mine\.sql:3: Conversion Error"):
        judged("select task from tasks where task::int = 1")


ESCAPES = {
    "reading a file": "select content as task from read_text('/etc/hostname')",
    "reading a folder": "select file as task from glob('/etc/*')",
    "reading a table in a file": "select task from '{folder}/published.jsonl'",
    "reading from the network": "select * from read_csv('http://127.0.0.1:9/task.csv')",
}


@pytest.mark.parametrize("sql", ESCAPES.values(), ids=ESCAPES)
def test_it_cannot_leave_the_database(sql: str, tmp_path: Path) -> None:
    (tmp_path / "published.jsonl").write_text('{"task":"a"}\n')
    with pytest.raises(DrillbookError, match=r"mine\.sql.*disabled by configuration|mine\.sql.*httpfs"):
        judged(sql.format(folder=tmp_path))


STATEMENTS = {
    "writing a file": "copy tasks to '{folder}/stolen.csv'",
    "attaching a file": "attach '{folder}/stolen.db'",
    "unlocking": "set enable_external_access = true",
    "changing evidence": "delete from effects",
    "changing evidence first": "delete from effects; select task from tasks where false",
    "installing": "install httpfs",
}


@pytest.mark.parametrize("sql", STATEMENTS.values(), ids=STATEMENTS)
def test_it_can_do_nothing_but_select(sql: str, tmp_path: Path) -> None:
    with pytest.raises(DrillbookError, match=r"mine\.sql: an invariant is one SELECT"):
        judged(sql.format(folder=tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_it_cannot_change_what_the_others_are_judged_on() -> None:
    sql = HEAD + "with gone as (delete from effects returning *) select task from gone where false"
    run = history("publish a ok", "effect a", "effect a", invariants={"mine": None} | TASKS, sql={"mine": sql})
    try:
        assert judge(run)["no_duplicate_effects"].verdict == Verdict.BROKEN
    except DrillbookError as error:
        assert "mine.sql" in str(error)  # noqa: PT017 either refusal or undoing will do
