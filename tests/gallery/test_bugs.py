"""The gallery's own machinery: bug files that can be read and applied, drills that validate, and a table that is not stale."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from drillbook.judge.catalogue import catalogue
from drillbook.validation.loader import load

from . import page
from .bug import BASES, BUGS, Bug, GalleryError, bases, bugs, copy, plant, read
from .drill import Outcome, complaint

SOME = BUGS / "F2-acknowledged-early.patch"


@pytest.mark.parametrize("bug", bugs(), ids=lambda bug: bug.id)
def test_the_change_of_a_bug_applies_to_its_base_and_makes_a_valid_drill(bug: Bug, tmp_path: Path) -> None:
    load(plant(bug, tmp_path / bug.slug) / "scenario.yaml")


@pytest.mark.parametrize("base", bases())
def test_a_base_declares_every_invariant_that_its_bugs_break(base: str, tmp_path: Path) -> None:
    declared = load(copy(base, tmp_path / base) / "scenario.yaml").invariants.keys()
    assert {name for bug in bugs() if bug.base == base for name in bug.red} <= declared


@pytest.mark.parametrize("bug", bugs(), ids=lambda bug: bug.id)
def test_a_bug_breaks_invariants_that_exist(bug: Bug) -> None:
    assert set(bug.red) <= catalogue(BASES, BASES).keys()


def test_no_two_bugs_have_the_same_number() -> None:
    assert len({bug.id for bug in bugs()}) == len(bugs())


@pytest.mark.parametrize("base", bases())
def test_every_base_has_a_bug_that_needs_it(base: str) -> None:
    assert [bug.id for bug in bugs() if bug.base == base]


@pytest.mark.parametrize("bug", bugs(), ids=lambda bug: bug.id)
def test_the_table_of_the_documentation_tells_each_bug_as_its_file_does(bug: Bug) -> None:
    assert page.row_start(bug) in page.PAGE.read_text(encoding="utf-8")


def test_the_table_of_the_documentation_has_no_bug_that_is_gone() -> None:
    rows = [line for line in page.PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| F")]
    assert len(rows) == len(bugs())


def test_a_change_that_no_longer_applies_is_an_error_that_names_its_file(tmp_path: Path) -> None:
    stale = shutil.copy(SOME, tmp_path)
    Path(stale).write_text(SOME.read_text().replace("mine = {", "yours = {"))
    with pytest.raises(GalleryError, match=r"F2-acknowledged-early\.patch: the diff does not apply"):
        plant(read(Path(stale)), tmp_path / "planted")


@pytest.mark.parametrize("line", ["base: ", "red: ", "why: ", "F2: "])
def test_a_bug_file_that_lacks_a_line_is_refused(line: str, tmp_path: Path) -> None:
    file = tmp_path / SOME.name
    file.write_text(SOME.read_text().replace(line, "", 1))
    with pytest.raises(GalleryError, match="F2-acknowledged-early"):
        read(file)


def test_a_bug_that_breaks_one_invariant_more_is_not_as_expected() -> None:
    assert "drained broke" in complaint(Outcome("broken", ("drained", "no_lost_tasks"), "", None), ("no_lost_tasks",))


def test_a_bug_that_breaks_one_invariant_less_is_not_as_expected() -> None:
    assert "drained held" in complaint(Outcome("broken", ("no_lost_tasks",), "", None), ("drained", "no_lost_tasks"))


def test_a_bug_that_breaks_all_of_its_invariants_is_not_as_expected_when_another_could_not_be_judged() -> None:
    assert complaint(Outcome("broken", ("drained",), "recovered is inconclusive: …", None), ("drained",))


def test_a_bug_that_breaks_just_its_invariants_is_as_expected() -> None:
    assert complaint(Outcome("broken", ("drained",), "", None), ("drained",)) == ""


def test_a_section_of_the_page_is_replaced_and_the_other_one_stays(tmp_path: Path) -> None:
    file = tmp_path / "page.md"
    page.write(page.CLEAN, "all held", file)
    page.write(page.PLANTED, "old", file)
    page.write(page.PLANTED, "new", file)
    text = file.read_text()
    assert text.endswith("## Planted bugs\n\nnew\n\n## Clean runs\n\nall held\n")
    assert "old" not in text
