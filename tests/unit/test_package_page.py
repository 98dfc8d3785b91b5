"""The page that a package index shows is README.md, and no link of it is dead there once the project has an address."""

from __future__ import annotations

import re

import pytest

from drillbook.app.pages import ROOT, addressed

ADDRESS = "https://example.org/us/drillbook"


@pytest.mark.parametrize(
    ("link", "there"),
    [
        ("[a page](docs/report.md)", f"[a page]({ADDRESS}/blob/HEAD/docs/report.md)"),
        ("[a part](docs/report.md#one-task)", f"[a part]({ADDRESS}/blob/HEAD/docs/report.md#one-task)"),
        ("[an `.sql` file](x.sql)", f"[an `.sql` file]({ADDRESS}/blob/HEAD/x.sql)"),
        ("![a picture](docs/report.png)", f"![a picture]({ADDRESS}/raw/HEAD/docs/report.png)"),
        ("[elsewhere](https://semver.org)", "[elsewhere](https://semver.org)"),
        ("[here](#safety)", "[here](#safety)"),
        ("```\n[code](x)\n```\n", "```\n[code](x)\n```\n"),
    ],
)
def test_a_relative_link_leads_to_the_file_of_the_repository(link: str, there: str) -> None:
    assert addressed(link, ADDRESS) == there


def test_a_slash_at_the_end_of_the_address_is_none_too_many() -> None:
    assert addressed("[a](b)", f"{ADDRESS}/") == addressed("[a](b)", ADDRESS)


def test_without_an_address_the_page_is_the_readme() -> None:
    assert addressed("[a](b)", None) == "[a](b)"


def test_with_an_address_no_link_of_the_readme_is_relative() -> None:
    shown = addressed((ROOT / "README.md").read_text(encoding="utf-8"), ADDRESS)
    links = re.findall(r"\]\(([^)\s]+)\)", shown)
    assert len(links) > 20
    assert [link for link in links if not link.startswith(("https://", "#"))] == []
