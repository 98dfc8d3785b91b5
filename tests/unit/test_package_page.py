"""The page that a package index shows is README.md, and no link of it is dead there once the project has an address."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SETUP = runpy.run_path(str(ROOT / "setup.py"))
ADDRESS = "https://example.org/us/drillbook"


def page(readme: str, address: str | None = ADDRESS) -> str:
    return str(SETUP["page"](readme, address, "1.2.3"))


@pytest.mark.parametrize(
    ("link", "there"),
    [
        ("[a page](docs/report.md)", f"[a page]({ADDRESS}/blob/v1.2.3/docs/report.md)"),
        ("[a part](docs/report.md#one-task)", f"[a part]({ADDRESS}/blob/v1.2.3/docs/report.md#one-task)"),
        ("[an `.sql` file](x.sql)", f"[an `.sql` file]({ADDRESS}/blob/v1.2.3/x.sql)"),
        ("![a picture](docs/report.png)", f"![a picture]({ADDRESS}/raw/v1.2.3/docs/report.png)"),
        ("[elsewhere](https://semver.org)", "[elsewhere](https://semver.org)"),
        ("[here](#safety)", "[here](#safety)"),
        ("```\n[code](x)\n```\n", "```\n[code](x)\n```\n"),
    ],
)
def test_a_relative_link_leads_to_the_file_of_the_versions_tag(link: str, there: str) -> None:
    assert page(link) == there


def test_a_slash_at_the_end_of_the_address_is_none_too_many() -> None:
    assert page("[a](b)", f"{ADDRESS}/") == page("[a](b)")


def test_without_an_address_the_page_is_the_readme() -> None:
    assert page("[a](b)", None) == "[a](b)"


def test_with_an_address_no_link_of_the_readme_is_relative() -> None:
    shown = page((ROOT / "README.md").read_text(encoding="utf-8"))
    links = re.findall(r"\]\(([^)\s]+)\)", shown)
    assert len(links) > 20
    assert [link for link in links if not link.startswith(("https://", "#"))] == []


def test_this_checkout_s_page_can_be_built() -> None:
    assert "# Drillbook" in SETUP["built"]()
