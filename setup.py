"""The page that a package index shows: README.md, whose relative links lead to the project's address, where it has one.

The address is ``Source`` under ``[project.urls]`` in pyproject.toml. All else about the package is in that file.
"""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent
_LINK = re.compile(r"(!?)(\[[^\]]*\]\()(?![a-z]+:|#)([^)\s]+)\)")
_CODE = re.compile(r"(^```.*?^```)", re.MULTILINE | re.DOTALL)


def page(readme: str, address: str | None, version: str) -> str:
    """The page with its relative links made absolute, to the files of that version's tag.

    Args:
        readme: Markdown, with links relative to the root of the repository.
        address: of the repository, as ``https://host/owner/name``; None: the links stay as they are.
        version: its tag is ``v`` and the version.
    """
    if not address:
        return readme
    root = address.rstrip("/")

    def absolute(link: re.Match[str]) -> str:
        picture, text, target = link.groups()
        return f"{picture}{text}{root}/{'raw' if picture else 'blob'}/v{version}/{target})"

    parts = _CODE.split(readme)
    return "".join(part if number % 2 else _LINK.sub(absolute, part) for number, part in enumerate(parts))


def built() -> str:
    """The page of this checkout."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    version = re.search(r'^__version__ = "(.+)"$', (ROOT / "harness/drillbook/__init__.py").read_text(encoding="utf-8"), re.MULTILINE)
    assert version is not None, "the package has a version"
    return page((ROOT / "README.md").read_text(encoding="utf-8"), project.get("urls", {}).get("Source"), version[1])


if __name__ == "__main__":
    from setuptools import setup  # not at the top: a test reads this file where setuptools may not be installed

    setup(long_description=built(), long_description_content_type="text/markdown")
