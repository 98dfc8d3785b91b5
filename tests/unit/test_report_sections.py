"""A section of the page is a file and its template, and nothing else."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from report_page import Page
from small_run import hand_made, opened

from drillbook.app import pages
from drillbook.judge.verdict import Judgement, Verdict
from drillbook.report import sections, write
from drillbook.report.section import found

DECLARED = """
from drillbook.report.section import Section

section = Section("Money, by {currency}", place=25, facts=lambda run: {facts}, about="what it cost.", link="Money")
"""


@pytest.fixture
def added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose files are sections, too."""
    folder = tmp_path / "more"
    folder.mkdir()
    monkeypatch.setattr(sections, "__path__", [*sections.__path__, str(folder)])
    monkeypatch.delitem(sys.modules, "drillbook.report.sections.money", raising=False)
    (folder / "money.html.j2").write_text("  <p>{{ judgement.title }} cost {{ spent }}</p>\n")
    return folder


def page_of(run: Path) -> Page:
    return Page(write(opened(run), Judgement("A drill", Verdict.INCONCLUSIVE, "Nothing can be said.", (), None))["report.html"].read_text())


def anchors(page: Page) -> list[str | None]:
    return [one.get("id") for one in page.all("h2")]


def test_every_section_has_its_template_and_its_place_alone() -> None:
    there = {path.name.removesuffix(".html.j2") for path in Path(next(iter(sections.__path__))).glob("*.html.j2")}
    assert there == set(found())
    assert len({section.place for section in found().values()}) == len(found())


def test_a_file_and_its_template_are_a_section_at_its_place(added: Path, tmp_path: Path) -> None:
    (added / "money.py").write_text(DECLARED.replace("{facts}", '{"currency": "<b>", "spent": "5 <i>"}'))
    page = page_of(hand_made(tmp_path / "run"))
    assert anchors(page)[:4] == ["drill", "invariants", "money", "tasks"]
    assert [one["href"] for one in page.all("a")][:4] == ["#drill", "#invariants", "#money", "#tasks"]
    assert "Money, by <b> A drill cost 5 <i>" in page.words
    assert ("section", {"aria-labelledby": "money"}) in page.tags


def test_a_section_without_a_link_is_on_the_page_and_not_in_its_list(added: Path, tmp_path: Path) -> None:
    (added / "money.py").write_text(DECLARED.replace("{facts}", '{"currency": "day", "spent": 5}').replace(', link="Money"', ""))
    page = page_of(hand_made(tmp_path / "run"))
    assert "money" in anchors(page)
    assert "#money" not in [one["href"] for one in page.all("a")]


def test_a_section_without_facts_is_neither_on_the_page_nor_in_its_list(added: Path, tmp_path: Path) -> None:
    (added / "money.py").write_text(DECLARED.replace("{facts}", "None"))
    page = page_of(hand_made(tmp_path / "run"))
    assert "money" not in anchors(page)
    assert "#money" not in [one["href"] for one in page.all("a")]


def test_the_page_about_reports_tells_of_it_in_the_order_of_the_page(added: Path) -> None:
    (added / "money.py").write_text(DECLARED.replace("{facts}", "None"))
    items = re.findall(r"^(\d+)\. \*\*(.*?)\*\*: (.*)$", pages.sections(), re.MULTILINE)
    assert [number for number, *_ in items] == [str(number) for number in range(2, len(found()) + 2)]
    assert items[2][1:] == ("Money, by …", "what it cost.")
