"""Pages that are made from code are as the code has them now."""

from __future__ import annotations

from pathlib import Path

import pytest

from drillbook.app import cli, pages

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


ROWS = {
    "an argument and an option": "| `drillbook decode RUN_DIR` | Show which remaining messages the old version can decode. | `--image` |",
    "a choice": "| `drillbook list [scenarios\\|runs] [FOLDER]` | List drills, or runs and their verdicts. | `--json` |",
    "nothing": "| `drillbook schema` | Print the JSON schema of scenario files. |  |",
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_a_command_is_listed_with_what_it_takes(row: str) -> None:
    assert row in pages.commands().splitlines()


def test_every_command_is_listed_but_what_only_says_its_new_name() -> None:
    listed = [line.split("`")[1].split()[1] for line in pages.commands().splitlines()[2:]]
    assert listed == [name for name in cli.names() if name != "check"]


def test_the_old_text_between_the_marks_goes_and_the_rest_stays() -> None:
    before, after = "# Title\n\n<!-- made: commands -->\nold\n", "<!-- made -->\n\nEnd\n"
    made = pages.with_parts(before + after)
    assert made == before.removesuffix("old\n") + pages.PARTS["commands"]() + after
