"""The table of mutants in ``CONTRIBUTING.md``, between its marks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.mutants.mutants import Mutant
from tests.nightly.results import ROOT, Result

PAGE = ROOT / "CONTRIBUTING.md"
BEGIN, END = "<!-- made: mutants -->\n", "<!-- made -->"


def write(text: str, page: Path = PAGE) -> None:
    """Put a table between the marks.

    Raises:
        ValueError: the page has no such marks.
    """
    before, begin, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page} has no place for it: {BEGIN.strip()} … {END}")
    page.write_text(before + begin + text + end + after, encoding="utf-8")


def table(drawn: Sequence[tuple[Mutant, Result]], seed: int) -> str:
    """Mutants, killed and survived by package, and below it those that survived.

    Args:
        drawn: the mutants and what came of each.
        seed: of the draw.
    """
    packages = sorted({mutant.package for mutant, _ in drawn})
    lines = ["| package | mutants | killed | survived | |", "|---|---|---|---|---|"]
    lines += [_row(f"`{package}`", [result for mutant, result in drawn if mutant.package == package]) for package in packages]
    lines.append(_row("all", [result for _, result in drawn]))
    survived = [f"- `{mutant.file}:{mutant.line}`: `{mutant.change}`" for mutant, result in drawn if result.fate == "failed"]
    last = max((result for _, result in drawn), key=lambda result: result.at)
    where = f"Seed {seed}, commit {last.commit}, {last.at[:10]}, {last.cores} cores, Linux {last.kernel}."
    return "\n".join([*lines, "", where, *(["", "Survived:", "", *survived] if survived else [])]) + "\n"


def _row(name: str, results: Sequence[Result]) -> str:
    killed = sum(result.fate == "passed" for result in results)
    return f"| {name} | {len(results)} | {killed} | {len(results) - killed} | {killed / len(results):.0%} |"
