"""Pages that are made from code are as the code has them now."""

from __future__ import annotations

from pathlib import Path

import pytest

from drillbook.app import pages

MADE = pages.pages()


@pytest.mark.parametrize("page", MADE, ids=str)
def test_a_made_page_is_as_it_should_be(page: Path) -> None:
    assert (pages.ROOT / page).read_text() == MADE[page], "stale: make pages"


def test_no_page_of_an_invariant_is_left_over() -> None:
    there = {path.relative_to(pages.ROOT) for path in (pages.ROOT / "docs" / "invariants").glob("*.md")}
    assert there - {Path("docs/invariants/README.md")} == {page for page in MADE if page.match("docs/invariants/[a-z]*.md")}


@pytest.mark.parametrize("name", pages.PARTS)
def test_every_made_part_stands_in_some_page(name: str) -> None:
    assert any(f"<!-- made: {name} -->" in text for text in MADE.values())


def test_the_old_text_between_the_marks_goes_and_the_rest_stays() -> None:
    before, after = "# Title\n\n<!-- made: commands -->\nold\n", "<!-- made -->\n\nEnd\n"
    made = pages.with_parts(before + after)
    assert made == before.removesuffix("old\n") + pages.PARTS["commands"]() + after
