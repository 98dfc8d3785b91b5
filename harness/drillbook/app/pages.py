"""Pages of the documentation that are made from code, whole or a part of them: ``python -m drillbook.app.pages`` writes them all.

The made part of a page stands between ``<!-- made: NAME -->`` and ``<!-- made -->``.
"""

from __future__ import annotations

import re
import textwrap
import tomllib
from collections.abc import Callable
from pathlib import Path

import click

from drillbook.app import cli
from drillbook.evidence.kinds import KINDS
from drillbook.faults import kinds as fault_kinds
from drillbook.judge.catalogue import catalogue
from drillbook.judge.catalogue import pages as invariant_pages
from drillbook.playbook.runners import RUNNERS
from drillbook.report.section import found as section_list
from drillbook.validation import document

ROOT = Path(__file__).parents[3]
_LINK = re.compile(r"(!?)(\[[^\]]*\]\()(?![a-z]+:|#)([^)\s]+)\)")
_CODE = re.compile(r"(^```.*?^```)", re.MULTILINE | re.DOTALL)
_PART = re.compile(r"(<!-- made: (\w+) -->\n).*?(?=<!-- made -->)", re.DOTALL)


def pages() -> dict[Path, str]:
    """Every page that is made, as it should be: its path from the root of the repository, and its text."""
    invariants = {Path("docs/invariants") / name: text for name, text in invariant_pages().items()}
    partly = [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]
    parts = {page.relative_to(ROOT): with_parts(page.read_text(encoding="utf-8")) for page in partly}
    parts[Path("README.md")] = addressed(parts[Path("README.md")], _address())
    return parts | {Path("docs/scenario.md"): document.document()} | invariants


def addressed(readme: str, address: str | None) -> str:
    """The page that a package index shows, its relative links made absolute: they would be dead there.

    Args:
        readme: Markdown, with links relative to the root of the repository.
        address: of the repository, as ``https://host/owner/name``; None: the links stay as they are.
    """
    if not address:
        return readme
    root = address.rstrip("/")

    def absolute(link: re.Match[str]) -> str:
        picture, text, target = link.groups()
        return f"{picture}{text}{root}/{'raw' if picture else 'blob'}/HEAD/{target})"

    parts = _CODE.split(readme)
    return "".join(part if number % 2 else _LINK.sub(absolute, part) for number, part in enumerate(parts))


def _address() -> str | None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    address: str | None = project.get("urls", {}).get("Source")
    return address


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


def files() -> str:
    """A table of the kinds of evidence."""
    return "| file | what it holds |\n|---|---|\n" + "".join(f"| `{stem}.jsonl` | {kind.about} |\n" for stem, kind in KINDS.items())


def evidence() -> str:
    """A section for each kind of evidence."""
    return "\n".join(f"### {stem}.jsonl\n\n{kind.markdown()}" for stem, kind in KINDS.items())


def sections() -> str:
    """The sections of the report's page that follow the verdict, as a numbered list."""
    lines = []
    for number, section in enumerate(section_list().values(), 2):
        title = re.sub(r"\{\w+\}", "…", section.title)
        lines.append(textwrap.fill(f"{number}. **{title}**: {section.about}", 140, subsequent_indent="   ", break_on_hyphens=False))
    return "\n".join(lines) + "\n"


def faults() -> str:
    """A table of the faults, by what they hit."""
    lines = ["| fault | hits | |", "|---|---|---|"]
    for kind in (*fault_kinds.kinds("link"), *fault_kinds.kinds("container"), *fault_kinds.kinds("message")):
        sentence = (fault_kinds.KINDS[kind].__doc__ or "").strip().splitlines()[0].replace("``", "`")
        lines.append(f"| [`{kind}`](scenario.md#{kind}) | a {fault_kinds.KINDS[kind].hits} | {sentence} |")
    return "\n".join(lines) + "\n"


def met() -> str:
    """A table of what it takes to have met somebody, by fault."""
    passing = [kind for kind in fault_kinds.kinds("link") if not fault_kinds.KINDS[kind].blocks]
    blocking = [kind for kind in fault_kinds.kinds("link") if fault_kinds.KINDS[kind].blocks]
    lines = [
        "| fault | when |",
        "|---|---|",
        f"| {_named(passing)} on a link to the broker | something passed it between begin and end, by the wire |",
        f"| {_named(blocking)} on a link to the broker | a connection was open when it began, the wire shows something of it meanwhile, "
        "or its worker was started meanwhile |",
        f"| {_named(passing)} on a link to the database, a further server or the sink | its client moved a task meanwhile, "
        "or had one in hand |",
        f"| {_named(blocking)} on such a link | its client was connected to the broker, or came to be, as above |",
        "| any of these, on a link of the operator | a program ran meanwhile: what it tries over a link that refuses leaves no trace, "
        "nor do its calls to the management API on the wire |",
        f"| {_named(fault_kinds.kinds('container'))} | the container ran when it began; that it had something to do is not asked |",
        f"| {_named(fault_kinds.kinds('message'))} | proven by the messages that they hit |",
    ]
    return "\n".join(lines) + "\n"


def _named(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def runners() -> str:
    """A table of the keys under which a program is given."""
    lines = ["| key | what stands there | its steps |", "|---|---|---|"]
    lines += [f"| `{key}` | {runner.about} | {runner.steps} |" for key, runner in RUNNERS.items()]
    return "\n".join(lines) + "\n"


PARTS: dict[str, Callable[[], str]] = {
    "commands": commands,
    "evidence": evidence,
    "faults": faults,
    "files": files,
    "invariants": invariants,
    "met": met,
    "runners": runners,
    "sections": sections,
}
"""What can stand between the marks, by name."""


def main() -> None:
    """Write the pages."""
    for path, text in pages().items():
        (ROOT / path).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
