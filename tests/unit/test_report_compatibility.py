"""The table of compatibility, on the terminal, in a sentence, by its command and in the HTML report."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from histories import START, history
from report_page import Page
from rich.console import Console
from small_run import read
from synthetic_run import judgement_of, write_run

from drillbook.judge.verdict import Compatibility
from drillbook.report.html import render
from drillbook.report.sentences import decodable
from drillbook.report.terminal import show

CHARGE = Compatibility("v1", "charge", "v1", 970, 970, 0, 0)
REFUND = Compatibility("v1", "refund", "v2", 1072, 0, 1072, 19, ("no handler for refund", "no such <field>"))


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ([CHARGE], "v1 can decode 970 of 970 messages that were left."),
        (
            [CHARGE, replace(REFUND, reached=0)],
            "v1 can decode 970 of 2,042 messages that were left; none of the other 1,072 is left for it.",
        ),
        ([CHARGE, REFUND], "v1 can decode 970 of 2,042 messages that were left; 19 of the other 1,072 are left for it."),
    ],
)
def test_the_sentence_says_how_much_can_be_decoded_and_what_of_the_rest_matters(rows: list[Compatibility], sentence: str) -> None:
    assert decodable(rows) == sentence


def test_the_summary_on_the_terminal_has_a_row_for_each_type_and_version(tmp_path: Path) -> None:
    judgement = judgement_of(write_run(tmp_path / "run", seconds=5.0))
    console = Console(file=StringIO(), width=80)
    show(replace(judgement, compatibility=(CHARGE, REFUND)), None, console)
    assert isinstance(console.file, StringIO)
    text = console.file.getvalue()
    assert "What v1 can decode of what was left" in text
    assert "refund  v2          1,072        0  1,072      19  no handler for refund;" in text


def test_a_run_in_which_nobody_was_asked_shows_no_table(tmp_path: Path) -> None:
    judgement = judgement_of(write_run(tmp_path / "run", seconds=5.0))
    assert "can decode" not in render(read(tmp_path / "run"), judgement)


def test_the_report_has_a_row_for_each_type_and_version_with_the_reasons_as_text(tmp_path: Path) -> None:
    judgement = judgement_of(write_run(tmp_path / "run", seconds=5.0))
    page = Page(render(read(tmp_path / "run"), replace(judgement, compatibility=(CHARGE, REFUND))))
    assert ["refund", "v2", "1,072", "0", "1,072", "19", "no handler for refund; no such <field>"] in page.rows


ANSWER = {
    "message": 1,
    "by": "v1",
    "seen": "delivered",
    "at": START,
    "task": "a",
    "queue": "tasks.v1",
    "peer": "workers.v1.1",
    "to_version": "v1",
}


@pytest.mark.parametrize(
    ("answers", "lines", "code", "said"),
    [
        ([ANSWER | {"ok": True}], (), 0, "v1 can decode 1 of 1 messages that were left."),
        ([ANSWER | {"ok": False}], (), 1, "v1 can decode 0 of 1 messages that were left; 1 of the other 1 is left for it."),
        ([], (), 0, "No message was left."),
        ([ANSWER | {"ok": False}], ("incomplete decoded",), 1, "Not everything was answered: decoded is incomplete: the tap died."),
        ([ANSWER | {"ok": True}], ("incomplete decoded",), 4, "Not everything was answered: decoded is incomplete: the tap died."),
    ],
)
def test_the_verb_shows_what_was_answered_in_the_drill(
    answers: list[dict[str, object]], lines: tuple[str, ...], code: int, said: str
) -> None:
    run = history("publish a ok", "effect a", *lines, empty=("timeline", "wire", "decoded"))
    (run / "decoded.jsonl").write_text("".join(json.dumps(answer) + "\n" for answer in answers))
    done = subprocess.run([Path(sys.executable).parent / "drillbook", "decode", run], capture_output=True, text=True, timeout=300)
    assert (done.returncode, said in done.stdout + done.stderr) == (code, True), done.stdout + done.stderr
