"""Pages of the documentation that are made from code, whole or a part of them: ``python -m drillbook.app.pages`` writes them all.

The made part of a page stands between ``<!-- made: NAME -->`` and ``<!-- made -->``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import click

from drillbook.app import cli
from drillbook.judge.catalogue import catalogue
from drillbook.judge.catalogue import pages as invariant_pages
from drillbook.playbook.runners import RUNNERS
from drillbook.validation import document

ROOT = Path(__file__).parents[3]
_PART = re.compile(r"(<!-- made: (\w+) -->\n).*?(?=<!-- made -->)", re.DOTALL)


def pages() -> dict[Path, str]:
    """Every page that is made, as it should be: its path from the root of the repository, and its text."""
    invariants = {Path("docs/invariants") / name: text for name, text in invariant_pages().items()}
    partly = [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]
    parts = {page.relative_to(ROOT): with_parts(page.read_text(encoding="utf-8")) for page in partly}
    return parts | {Path("docs/scenario.md"): document.document()} | invariants


def with_parts(page: str) -> str:
    """A page with its made parts as they should be."""
    return _PART.sub(lambda found: found[1] + PARTS[found[2]](), page)


def commands() -> str:
    """A table of the commands."""
    context = click.Context(cli.main)
    lines = ["| command | | options |", "|---|---|---|"]
    for name in cli.names():
        command = cli.main.get_command(context, name)
        if command is not None and not command.hidden:
            arguments = [one.make_metavar(context) for one in command.params if isinstance(one, click.Argument)]
            options = ", ".join(f"`{one.opts[0]}`" for one in command.params if isinstance(one, click.Option))
            usage = " ".join(["drillbook", name, *arguments]).replace("|", "\\|")
            lines.append(f"| `{usage}` | {command.get_short_help_str(200)} | {options} |")
    return "\n".join(lines) + "\n"


def invariants() -> str:
    """A table of the built-in invariants."""
    lines = ["| invariant | what must hold |", "|---|---|"]
    lines += [f"| [{name}]({name}.md) | {invariant.sentence} |" for name, invariant in catalogue().items()]
    return "\n".join(lines) + "\n"


def runners() -> str:
    """A table of the keys under which a program is given."""
    lines = ["| key | what stands there | its steps |", "|---|---|---|"]
    lines += [f"| `{key}` | {runner.about} | {runner.steps} |" for key, runner in RUNNERS.items()]
    return "\n".join(lines) + "\n"


PARTS: dict[str, Callable[[], str]] = {"commands": commands, "invariants": invariants, "runners": runners}
"""What can stand between the marks, by name."""


def main() -> None:
    """Write the pages."""
    for path, text in pages().items():
        (ROOT / path).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
