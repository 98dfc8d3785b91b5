"""One task and one invariant, explained: from hand-made runs, on terminals of several widths."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from histories import history, run_directory
from rich.console import Console
from small_run import opened

from drillbook.core.errors import UsageError
from drillbook.evidence import Effect, Event, Leftover, Published, Wire
from drillbook.evidence.kinds.states import State
from drillbook.judge import explain
from drillbook.judge.explain import Explanation
from drillbook.judge.verdict import StoryMoment, Verdict
from drillbook.report import explanation
from drillbook.report.sentences import running

DELETED = (
    "phase load begin",
    "publish a ok",
    "publish b ok",
    "deliver b to v1 from tasks.v1",
    "effect b",
    "ack b by v1",
    "fault slow link begin on workers.v2.1 -> broker",
    "fault slow link took_effect on workers.v2.1 -> broker",
    "step delete v2 queue begin",
    "queue tasks.v2 10 before delete v2 queue",
    "queue tasks.v2 gone after delete v2 queue",
    "step delete v2 queue end",
    "fault slow link cleared on workers.v2.1 -> broker",
)


def explain_task(run: Path, task: str) -> Explanation:
    return explain.explain_task(opened(run), task)


def told(found: Explanation) -> list[str]:
    return [moment.what for moment in found.moments]


def shown(run: Path, task: str | None, width: int = 80) -> str:
    console = Console(file=StringIO(), width=width)
    explanation.run(opened(run), task, console)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def meaning(name: str, folder: Path | None = None, width: int = 80) -> str:
    console = Console(file=StringIO(), width=width)
    explanation.invariant(name, folder, console)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def words(text: str) -> str:
    return " ".join(text.split())


def test_a_lost_task_has_a_story_that_ends_nowhere() -> None:
    found = explain_task(history(*DELETED), "a")
    assert found.summary == "Of type charge; confirmed; no effect; remains nowhere."
    assert found.moments[-1].what == "no effect was found, and it remains nowhere"
    assert found.moments[-1].holder == "nobody"


def test_the_steps_of_its_time_are_in_the_story() -> None:
    assert told(explain_task(history(*DELETED), "a"))[2:4] == ['step "delete v2 queue" begins', 'step "delete v2 queue" ends']


def test_a_step_that_ran_after_it_was_done_is_not() -> None:
    assert 'step "delete v2 queue" begins' not in told(explain_task(history(*DELETED), "b"))


def test_a_step_that_was_over_before_it_was_sent_is_not_and_one_that_still_ran_is() -> None:
    lines = ("step drain begin", "step drain end", "step stop begin", "publish a ok", "deliver a to v1 from q", "effect a", "step stop end")
    told_steps = [what for what in told(explain_task(history(*lines), "a")) if what.startswith("step")]
    assert told_steps == ['step "stop" begins']


def test_a_fault_on_the_link_of_one_that_had_it_is_in_the_story_from_before_its_time() -> None:
    lines = ("fault slow link begin on workers.v1.1 -> broker", "publish a ok", "deliver a to v1 from q", "effect a", "ack a by v1")
    assert told(explain_task(history(*lines), "a"))[0] == 'the fault "slow link" begins on workers.v1.1 -> broker'


def test_a_fault_on_another_link_is_not() -> None:
    assert not [what for what in told(explain_task(history(*DELETED), "a")) if "slow link" in what]


def test_what_each_invariant_says_is_about_this_task() -> None:
    run = history(*DELETED)
    said = {task: [(one.verdict.value, one.step) for one in explain_task(run, task).said if one.name == "no_lost_tasks"] for task in "ab"}
    assert said == {"a": [("broken", "delete v2 queue")], "b": [("held", None)]}


def test_a_counterexample_beyond_those_of_the_verdict_is_found() -> None:
    run = history(*(f"publish {number:04} ok" for number in range(130)))
    assert explain_task(run, "0129").said[0].verdict is Verdict.BROKEN


def test_a_counterexample_that_missing_evidence_excuses_is_told_as_inconclusive_with_the_reason() -> None:
    said = explain_task(history("publish a ok", "incomplete effects"), "a").said[0]
    assert said.verdict is Verdict.INCONCLUSIVE
    assert said.why.startswith("It was confirmed")
    assert said.why.endswith("But it does not count: effects is incomplete: the tap died.")


@pytest.mark.parametrize("line", ["effect x", "leftover x dead in d", "deliver x to v1 from q"])
def test_a_task_that_the_ledger_does_not_know_has_a_story(line: str) -> None:
    found = explain_task(history("publish a ok", "effect a", line), "x")
    assert found.summary == "Not in the publishers' ledger."
    assert len(found.moments) == 1


def test_an_id_that_nothing_knows_is_answered_with_the_nearest() -> None:
    run = history(*(f"publish charge-{number:06} ok" for number in (344, 345, 3448, 912)))
    with pytest.raises(UsageError, match="did you mean charge-003448, charge-000344 or charge-000345") as error:
        explain_task(run, "charge-00344")
    assert error.value.exit_code == 2


def test_an_id_is_no_pattern() -> None:
    with pytest.raises(UsageError, match="did you mean a"):
        explain_task(history("publish a ok", "effect a"), "%' or 1=1 --")


@pytest.mark.parametrize("missing", ["published", "wire", "effects", "leftovers"])
def test_a_run_without_a_file_says_what_the_story_cannot_tell(missing: str) -> None:
    lines = ("publish a ok", "deliver a to v1 from q", "effect a", "ack a by v1", "leftover a dead in d")
    doubts = explain_task(history(*lines, "step x begin", without=(missing,)), "a").doubts
    assert [doubt.partition(", so ")[0] for doubt in doubts] == [f"there is no {missing}.jsonl"]


def test_a_summary_claims_nothing_that_no_evidence_tells() -> None:
    assert explain_task(history("publish a ok", without=("effects", "leftovers")), "a").summary == "Of type charge; confirmed."


def test_all_evidence_is_told() -> None:
    second = 1_000_000_000
    peer = {"peer": "workers.v2.1", "version": "v2", "connection": 1, "channel": 1}
    records = {
        "timeline": [Event(second, "phase", "load", "begin")],
        "published": [Published("a", "charge", "v2", 1, "q", 2 * second, 2 * second, 3 * second, "ok")],
        "wire": [
            Wire(1, second, "start"),
            Wire(2, 2 * second, "publish", peer="load", task="a", exchange="", routing_key="q"),
            Wire(3, 3 * second, "confirm", peer="load", task="a", ok=True),
            Wire(4, 4 * second, "deliver", task="a", queue="q", redelivered=True, **peer),  # type: ignore[arg-type]
            Wire(5, 6 * second, "fault", task="a", rule="the ack is lost", reason="ack dropped", **peer),  # type: ignore[arg-type]
            Wire(6, 7 * second, "close", reason="connection lost (client)", **peer),  # type: ignore[arg-type]
            Wire(7, 8 * second, "purge", peer="operator", queue="q", count=214),
            Wire(8, 9 * second, "purge", peer="operator", queue="other", count=1),
            Wire(9, 20 * second, "end"),
        ],
        "effects": [Effect("a", "a/1", "v2", "workers.v2.1", 5 * second, "rows")],
        "states": [State("a", "executing", "v2", "workers.v2.1", 5 * second)],
        "leftovers": [Leftover("a", "d", "dead", 2, "rejected", "rejected in q, 2 times")],
    }
    found = explain_task(
        run_directory(records, {"title": "t", "states": {"query": "select"}, "invariants": {"drained": {"queue": "q"}}}), "a"
    )
    assert [(moment.what, moment.holder) for moment in found.moments] == [
        ("published with the key q", "load"),
        ("published by load to q", "load"),
        ("confirmed to load", "q"),
        ("confirmed", "q"),
        ("delivered to workers.v2.1 from q, redelivered", "workers.v2.1"),
        ("done by workers.v2.1 (v2), in rows, key a/1", "workers.v2.1"),
        ("its state became executing, by workers.v2.1 (v2)", "workers.v2.1"),
        ('the fault "the ack is lost" meets it: ack dropped at workers.v2.1', "workers.v2.1"),
        ("the channel of workers.v2.1 ended: connection lost (client)", "q"),
        ("operator purged q with 214 tasks in it", "nobody"),
        ("is dead-lettered in d (rejected in q, 2 times)", "d"),
    ]


def test_a_holder_is_named_where_it_changes_and_a_line_goes_on_below() -> None:
    moments = [StoryMoment(1, "x", "load"), StoryMoment(2, "x"), StoryMoment(3, "x", "load"), StoryMoment(4, "x", "q")]
    assert [cell for _, cell in running(moments)] == ["load", "│", "│", "q"]


def test_a_wide_terminal_shows_the_time_of_day_and_the_evidence_too() -> None:
    wide, narrow = (shown(history(*DELETED), "a", width) for width in (120, 80))
    assert "1.000 s 22:13:22.000 load published with the key charge published" in words(wide)
    assert "22:13:22.000" not in narrow
    assert "2023-11-14 22:13:21 UTC" in narrow


@pytest.mark.parametrize("width", [50, 80, 130])
def test_a_story_fits_the_terminal(width: int) -> None:
    assert max(map(len, shown(history(*DELETED), "a", width).splitlines())) <= width


def test_without_a_task_the_run_is_summed_up_and_the_command_is_shown() -> None:
    run = history(*DELETED)
    text = shown(run, None)
    assert text.startswith("BROKEN")
    assert text.splitlines()[-1] == f"Explain  drillbook explain {run} a"


def test_an_invariant_is_told_with_all_its_header_says() -> None:
    text = words(meaning("recovered"))
    assert text.startswith("recovered built in Every confirmed task was done soon after its confirm")
    assert "Needs published, effects" in text
    assert "Needs complete effects: while it is missing or incomplete, no counterexample counts." in text
    assert "within duration, required" in text
    assert "allow list[state] = [] Where a task may remain without having been done. States: ready" in text
    assert "A finding:" in text


def test_prose_is_wrapped_to_the_terminal_and_an_example_stays_apart(tmp_path: Path) -> None:
    about = "One two\nthree.\n\n1. First,\n   goes on.\n2. Second.\n\nA finding:\n\n    task-1  Lost.\n    task-2  Lost."
    header = "-- mine: No task is mine.\n-- needs: published\n--\n" + "".join(f"-- {line}\n" for line in about.splitlines())
    (tmp_path / "mine.sql").write_text(f"{header}select task from published where false")
    lines = [line.rstrip() for line in meaning("mine", tmp_path).partition("What it means\n")[2].splitlines()]
    assert lines == [
        "  One two three.", "", "  1. First, goes on.", "  2. Second.", "", "  A finding:", "",
        "      task-1  Lost.", "      task-2  Lost.",
    ]  # fmt: skip


def test_an_invariant_that_nothing_excuses_says_so() -> None:
    assert "Needs complete nothing: a counterexample counts" in words(meaning("no_duplicate_effects"))


def test_a_mistyped_invariant_is_answered_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="there is no invariant no_lost_task; did you mean no_lost_tasks"):
        meaning("no_lost_task")


OWN = "-- mine: No task is mine.\n-- needs: published\n-- parameter most: int = 3 (how many)\nselect task from published where false"


def test_an_invariant_of_ones_own_is_found_in_its_folder_and_by_its_path(tmp_path: Path) -> None:
    (tmp_path / "mine.sql").write_text(OWN)
    assert "most int = 3 How many." in words(meaning("mine", tmp_path))
    assert meaning(str(tmp_path / "mine.sql")) == meaning("mine", tmp_path)


def test_another_sql_file_beside_a_scenario_is_no_invariant(tmp_path: Path) -> None:
    (tmp_path / "init.sql").write_text("create table x (y int)")
    with pytest.raises(UsageError, match="its first line must be"):
        meaning("init", tmp_path)
    with pytest.raises(UsageError, match="there is no invariant intit"):
        meaning("intit", tmp_path)


@pytest.mark.parametrize("width", [50, 80, 130])
def test_an_invariant_fits_the_terminal(width: int) -> None:
    assert max(map(len, meaning("no_overlap", width=width).splitlines())) <= width
