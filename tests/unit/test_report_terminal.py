"""The summary on the terminal."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from drillbook.judge.verdict import Equation, Finding, Judgement, Result, Verdict
from drillbook.report.sentences import explain_command
from drillbook.report.terminal import show

FINDINGS = tuple(
    Finding(f"charge-{number:06d}", "It was confirmed, left no effect and remains nowhere.", "drain v2") for number in range(5)
)
EQUATION = Equation(planned=9231, ok=9221, failed=0, unknown=7, skipped=3, done=9161, dead=1, queued=0, cancelled=0, missing=59, doubled=24)
BROKEN = Judgement(
    "A slow canary is rolled back",
    Verdict.BROKEN,
    "Broken: 59 tasks are lost in the step “drain v2”, which is a sentence too long for one line of a terminal.",
    (
        Result("no_lost_tasks", "Every confirmed task left an effect, or remains where it may.", Verdict.BROKEN, 59, FINDINGS),
        Result(
            "version_fence",
            "After the step, that version does nothing.",
            Verdict.INCONCLUSIVE,
            0,
            reason="wire is incomplete from 12.1 s on.",
        ),
        Result("drained", "Queues are empty.", Verdict.HELD, 0),
    ),
    EQUATION,
    replay="drillbook run scenarios/versioned_workers/careless.yaml --seed 7",
)


def shown(judgement: Judgement, report: Path | None = None, *, width: int = 80, color: str | None = None) -> str:
    console = Console(file=StringIO(), width=width, color_system=color, force_terminal=color is not None)  # type: ignore[arg-type]
    show(judgement, report, console)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def words(text: str) -> str:
    return " ".join(text.split())


def test_the_verdict_comes_first_as_a_word_and_a_sentence() -> None:
    assert shown(BROKEN).startswith("BROKEN  59 tasks are lost in the step")


def test_a_broken_invariant_shows_its_first_counterexamples_and_counts_the_rest() -> None:
    text = words(shown(BROKEN))
    assert "charge-000000 It was confirmed, left no effect and remains nowhere. In the step “drain v2”." in text
    assert "charge-000002" in text
    assert "charge-000003" not in text
    assert "and 56 more" in text


def test_an_inconclusive_invariant_shows_what_is_missing() -> None:
    assert "inconclusive version_fence wire is incomplete from 12.1 s on." in words(shown(BROKEN))


def test_the_equation_is_a_sum_and_never_broken_inside_a_term() -> None:
    text = shown(BROKEN)
    assert "9,221 confirmed = 9,161 done + 1 dead-lettered + 0 queued + 0 cancelled + 59 missing" in words(text)
    assert any(line.strip() == "+ 59 missing" for line in text.splitlines())
    assert "24 tasks left more than one effect" in text


def test_planned_tasks_that_never_came_are_a_term_of_the_sum() -> None:
    early = replace(BROKEN, equation=replace(EQUATION, planned=9240))
    assert "9,240 planned = 9,221 confirmed + 0 failed + 7 unknown + 3 skipped + 9 that never came" in words(shown(early))
    assert "never came" not in shown(BROKEN)


NOTE = "v2, which the deployment started, was given no task before the playbook began."


def test_notes_stand_below_the_verdict_and_change_nothing_of_it() -> None:
    noted = words(shown(replace(BROKEN, notes=("The playbook began while the deployment still ran.", NOTE))))
    assert f"line of a terminal. The playbook began while the deployment still ran. {NOTE} Invariants" in noted


def test_a_sentence_that_begins_with_a_version_keeps_its_name() -> None:
    idle = replace(BROKEN, verdict=Verdict.INCONCLUSIVE, sentence=f"Inconclusive: {NOTE}")
    assert words(shown(idle)).startswith(f"INCONCLUSIVE {NOTE}")


def test_it_fits_eighty_columns_and_needs_no_colour() -> None:
    text = shown(BROKEN)
    assert max(map(len, text.splitlines())) <= 80
    assert "\x1b" not in text


def test_what_kept_the_drill_from_proving_anything_is_said() -> None:
    judgement = Judgement("t", Verdict.INCONCLUSIVE, "Inconclusive: nothing was published.", (), None, ("Nothing was published.",))
    assert "Nothing was published." in shown(judgement)


def test_markup_and_control_characters_of_a_task_id_are_shown_and_not_obeyed() -> None:
    evil = Finding("[bold]x[/bold]\x1b[2J\r\n", "[link=evil]why[/link]")
    judgement = Judgement("t", Verdict.BROKEN, "s", (Result("n[red]", "s", Verdict.BROKEN, 1, (evil,)),), None)
    text = shown(judgement)
    assert "[bold]x[/bold]�[2J��  [link=evil]why[/link]" in text
    assert "n[red]" in text
    assert "\x1b" not in text


def test_the_last_lines_are_commands_and_the_report_in_one_piece_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    report = tmp_path / "reports" / "a" / "2025" / "report.html"
    lines = shown(BROKEN, report, width=40).splitlines()
    assert lines[-3:] == [
        "Explain  drillbook explain reports/a/2025 charge-000000",
        "Replay   drillbook run scenarios/versioned_workers/careless.yaml --seed 7",
        "Report   reports/a/2025/report.html",
    ]


def test_nothing_is_suggested_to_explain_where_no_task_broke_anything(tmp_path: Path) -> None:
    assert "Explain" not in shown(Judgement("t", Verdict.HELD, "s", (), None), tmp_path / "report.html")


@pytest.mark.parametrize(
    ("run", "task", "command"),
    [
        ("runs/1", "a", "drillbook explain runs/1 a"),
        ("my runs/1", "it's", "drillbook explain 'my runs/1' 'it'\"'\"'s'"),
        ("runs/1", "-a", "drillbook explain -- runs/1 -a"),
        ("runs/1", "$(reboot)", "drillbook explain runs/1 '$(reboot)'"),
    ],
)
def test_the_command_to_explain_can_be_pasted_into_a_shell_whatever_the_id(run: str, task: str, command: str) -> None:
    assert explain_command(run, task) == command


def test_a_report_somewhere_else_is_shown_by_its_whole_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert f"Report   {tmp_path}/there/report.html" in shown(BROKEN, tmp_path / "there" / "report.html")


def test_colour_only_adds_to_the_words() -> None:
    console = Console(file=StringIO(), width=80)
    show(BROKEN, None, console)
    coloured = shown(BROKEN, color="standard")
    assert "\x1b[1;31m" in coloured
