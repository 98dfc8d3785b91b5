"""Whoever reads a run reads the same: page, JUnit, terminal and ``verdict.json`` tell one number for one thing, whatever happened."""

from __future__ import annotations

import json
import re
from io import StringIO
from pathlib import Path
from xml.etree import ElementTree

import pytest
from histories import history
from hypothesis import given, settings
from random_runs import runs
from report_page import Page
from rich.console import Console

from drillbook.api import open_run
from drillbook.judge.judge import judge
from drillbook.judge.run import Run
from drillbook.report import terminal, write
from drillbook.report.formats import lasted
from drillbook.report.sections import tasks

Told = dict[str, tuple[str, int]]
"""Of each invariant its verdict, and how many counterexamples there are."""


class Reports:
    """All that is told of one run."""

    def __init__(self, run: Run) -> None:
        judgement = judge(run)
        self.run, written = run, write(run, judgement)
        self.verdict = json.loads(written["verdict.json"].read_text())
        self.page = Page(written["report.html"].read_text())
        self.junit = ElementTree.parse(written["junit.xml"])
        console = Console(file=StringIO(), width=200)
        terminal.show(judgement, None, console)
        assert isinstance(console.file, StringIO)
        self.terminal = console.file.getvalue()


def in_the_verdict(found: Reports) -> Told:
    return {one["name"]: (one["verdict"], one["count"]) for one in found.verdict["results"]}


def on_the_page(found: Reports) -> Told:
    rows = [row for row in found.page.rows if len(row) == 3 and row[0] in ("held", "broken", "inconclusive")]
    return {row[1].split()[0]: (row[0], int(row[2].replace(",", "").replace("—", "0"))) for row in rows}


def in_junit(found: Reports) -> Told:
    told = {}
    for case in found.junit.iter("testcase"):
        failure, error = case.find("failure"), case.find("error")
        count = re.search(r"^(\d+) counterexamples", failure.text or "", re.MULTILINE) if failure is not None else None
        told[case.attrib["name"]] = (
            "broken" if failure is not None else "inconclusive" if error is not None else "held",
            int(count[1]) if count else 0,
        )
    told.pop("preconditions", None)
    return told


def on_the_terminal(found: Reports) -> Told:
    lines = re.findall(r"^  (held|broken|inconclusive) +(\w+) +(?:([\d,]+) counterexamples?\.)?", found.terminal, re.MULTILINE)
    return {name: (verdict, int(count.replace(",", "") or 0)) for verdict, name, count in lines}


TERM = re.compile(r"([\d,]+) (confirmed|done|dead-lettered|queued|cancelled|missing|planned|failed|unknown|skipped)\b")


def sums(found: Reports) -> tuple[set[tuple[str, int]], set[tuple[str, int]]]:
    """Where every task ended, as the page and the terminal add it up."""
    page = found.page.words.partition("Where every task ended")[2].partition("left more than one effect")[0]
    return added(page), added(found.terminal.partition("\nTasks\n")[2])


def added(text: str) -> set[tuple[str, int]]:
    """Each term with its number; one that is told twice with two numbers is there twice."""
    return {(name, int(number.replace(",", ""))) for number, name in TERM.findall(text)}


@settings(max_examples=16)
@given(runs())
def test_every_report_tells_the_same(run_directory: Path) -> None:
    with open_run(run_directory) as run:
        found = Reports(run)
        of_the_invariants(found)
        of_the_sums(found)
        of_the_states(found)
        of_the_steps(found)


def of_the_invariants(found: Reports) -> None:
    told = in_the_verdict(found)
    assert on_the_page(found) == in_junit(found) == on_the_terminal(found) == told
    assert len(told) == len(found.run.scenario.invariants)


def of_the_sums(found: Reports) -> None:
    e = found.verdict["equation"]
    expected = {
        **{"confirmed": e["ok"], "done": e["done"], "dead-lettered": e["dead"], "queued": e["queued"], "cancelled": e["cancelled"]},
        **{"missing": e["missing"], "planned": e["planned"], "failed": e["failed"], "unknown": e["unknown"], "skipped": e["skipped"]},
    }
    page, shown = sums(found)
    assert page == shown == set(expected.items())


def of_the_states(found: Reports) -> None:
    begin = next(number for number, row in enumerate(found.page.rows) if row[:2] == ["State", "Told from"])
    head, *rows = found.page.rows[begin : begin + 1 + len(tasks.STATES)]
    confirmed = {row[0]: int(row[head.index("Confirmed")].replace(",", "")) for row in rows}
    e = found.verdict["equation"]
    waiting = confirmed.pop("executing") + confirmed.pop("queued")
    assert waiting == e["queued"]
    assert confirmed == {"completed": e["done"], "failed": e["dead"], "cancelled": e["cancelled"], "nowhere": e["missing"]}


def of_the_steps(found: Reports) -> None:
    for name, begin, end, exit_code in found.run.rows("select name, begin_at, end_at, exit_code from steps where program = 'playbook'"):
        row = next(row for row in found.page.rows if row[0] == name and len(row) == 4)
        assert row[2] == ("not ended" if end is None else lasted((end - begin) / 1e9))
        assert (row[3] == "—") == (exit_code is None)


PLACES = {
    "dead and cancelled": ("leftover a dead in d", "leftover a cancelled"),
    "waiting and unacknowledged": ("leftover a ready in q", "leftover a unacked in q"),
    "delayed and dead": ("leftover a delayed in q", "leftover a dead in d"),
}


@pytest.mark.parametrize("lines", PLACES.values(), ids=PLACES)
def test_a_task_in_several_places_is_in_one_everywhere(lines: tuple[str, ...]) -> None:
    with open_run(history("phase load begin", "publish a ok", *lines, "phase load end")) as run:
        of_the_states(Reports(run))


def test_a_phase_that_was_begun_twice_took_as_long_as_the_judge_has_it() -> None:
    lines = ["phase playbook begin", "wait 9", "phase playbook begin", "wait 8", "phase playbook end exit 0"]
    with open_run(history("phase load begin", "publish a ok", *lines, "phase load end")) as run:
        found = Reports(run)
    assert "playbook 10.0 s, load 24.0 s" in found.page.words
    assert "playbook 20.0 s" not in found.page.words


def test_a_step_whose_first_go_never_ended_did_not_end() -> None:
    lines = ["phase load begin", "phase playbook begin", "step drain begin", "wait 15", "step drain begin", "step drain end"]
    with open_run(history(*lines, "phase playbook end exit 0")) as run:
        rows = [row for row in Reports(run).page.rows if row[0] == "drain"]
    assert [row[2] for row in rows] == ["not ended", "1.0 s"]


def test_what_looks_like_a_date_is_what_the_judge_takes_it_for(tmp_path: Path) -> None:
    run_directory = history("phase load begin", "publish a ok", "phase load end")
    scenario = json.loads((run_directory / "scenario.yaml").read_text())
    (run_directory / "scenario.yaml").write_text(f"load: {{rate: 1/s, duration: 1s, version: 2026-11-21}}\n{_yaml(scenario)}")
    with open_run(run_directory) as run:
        assert run.scenario.load is not None
        assert run.scenario.load.version == "2026-11-21"
        assert "1 tasks a second" in Reports(run).page.words


def _yaml(scenario: dict[str, object]) -> str:
    return "".join(f"{key}: {json.dumps(value)}\n" for key, value in scenario.items())
