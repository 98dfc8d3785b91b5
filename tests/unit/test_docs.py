"""What a page points at is there: files, headings, pictures, commands and targets of the Makefile."""

import re
from pathlib import Path

import pytest

from drillbook.app.cli import names

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("scenarios/**/*.md"), ROOT / "reports" / "README.md"])


def code_of(text: str) -> list[str]:
    """Code blocks and code in lines."""
    fences = re.findall(r"^```.*?^```", text, re.MULTILINE | re.DOTALL)
    return fences + re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))


def anchors_of(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings}


def leads_nowhere(page: Path, target: str) -> bool:
    path, _, anchor = target.partition("#")
    file = page.parent / path if path else page
    return not file.exists() or (anchor != "" and anchor not in anchors_of(file))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_and_picture_of_a_page_is_there(page: Path) -> None:
    targets = re.findall(r"\]\(([^)\s]+)\)", page.read_text())
    assert [target for target in targets if "://" not in target and leads_nowhere(page, target)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_that_a_page_names_exists(page: Path) -> None:
    assert set(re.findall(r"\bdrillbook ([a-z]+)", "\n".join(code_of(page.read_text())))) <= set(names())


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_every_make_target_that_a_page_tells_to_type_exists(name: str) -> None:
    named = re.findall(r"^make ([a-z-]+)", "\n".join(code_of((ROOT / name).read_text())), re.MULTILINE)
    assert set(named) <= set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
