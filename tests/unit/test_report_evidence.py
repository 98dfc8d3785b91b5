"""The report says what its verdict is based on."""

from __future__ import annotations

from pathlib import Path

import pytest
from report_page import Page
from small_run import at, effect, hand_made, opened, published, read

from drillbook.api import judge
from drillbook.evidence import Event
from drillbook.evidence.kinds import FILES
from drillbook.report import write
from drillbook.report.sections.evidence import EvidenceRow, kinds


def found(run: Path) -> dict[str, EvidenceRow]:
    return {
        kind.name: kind for kind in kinds(read(run), {"no_lost_tasks": ("published", "effects", "leftovers"), "unharmed": ("effects",)})
    }


def row(run: Path, name: str) -> list[str]:
    page = Page(write(opened(run), judge(run))["report.html"].read_text())
    [table] = [row for row in page.rows if row and row[0].startswith(name)]
    return table


def test_every_kind_of_evidence_is_told_in_the_order_of_its_page(tmp_path: Path) -> None:
    assert list(found(hand_made(tmp_path, effect("a", 1)))) == list(FILES)


def test_what_is_there_has_its_lines_its_size_and_those_who_need_it(tmp_path: Path) -> None:
    run = hand_made(tmp_path, effect("a", 1), effect("b", 2), published("a", 1))
    size = (run / "effects.jsonl").stat().st_size
    words = "what the tasks did, read from outside after settling"
    assert found(run)["effects"] == EvidenceRow("effects", words, "complete", "", 2, size, ("no_lost_tasks", "unharmed"))


def test_an_empty_file_is_whole_and_has_no_lines(tmp_path: Path) -> None:
    run = hand_made(tmp_path, effect("a", 1))
    (run / "states.jsonl").touch()
    kind = found(run)["states"]
    assert (kind.state, kind.lines, kind.size_bytes) == ("complete", 0, 0)


def test_what_is_missing_says_so_and_has_neither_lines_nor_size(tmp_path: Path) -> None:
    kind = found(hand_made(tmp_path, effect("a", 1)))["leftovers"]
    assert (kind.state, kind.why, kind.lines, kind.size_bytes) == ("missing", "there is no leftovers.jsonl", None, None)


def test_what_the_scenario_does_not_ask_for_is_not_called_lost(tmp_path: Path) -> None:
    kind = found(hand_made(tmp_path, effect("a", 1)))["states"]
    assert (kind.state, kind.why) == ("missing", "the scenario has no states")


def test_what_is_incomplete_says_why(tmp_path: Path) -> None:
    run = hand_made(tmp_path, effect("a", 1), Event(at(1), "incomplete", "effects", "from", detail="the database did not answer"))
    kind = found(run)["effects"]
    assert (kind.state, kind.why, kind.lines) == ("incomplete", "effects is incomplete: the database did not answer", 1)


def test_a_line_that_was_half_written_is_not_counted_as_one(tmp_path: Path) -> None:
    run = hand_made(tmp_path, effect("a", 1))
    with (run / "effects.jsonl").open("a") as file:
        file.write('{"task":"b"')
    kind = found(run)["effects"]
    assert (kind.state, kind.lines, kind.size_bytes) == ("incomplete", 1, (run / "effects.jsonl").stat().st_size)


@pytest.mark.parametrize(
    ("name", "shown"),
    {
        "effects": ["complete", "1", "87", "no_lost_tasks"],
        "leftovers": ["missing there is no leftovers.jsonl", "—", "—", "no_lost_tasks"],
        "states": ["missing the scenario has no states", "—", "—", "—"],
    }.items(),
)
def test_the_page_has_a_row_of_each(tmp_path: Path, name: str, shown: list[str]) -> None:
    assert row(hand_made(tmp_path, effect("a", 1)), f"{name} ")[1:] == shown
