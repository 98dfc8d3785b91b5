"""The summary on the terminal: the verdict, what broke it and where to read on; readable on 80 columns, and without colour."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from drillbook.judge.verdict import Compatibility, Equation, Finding, Judgement, Result, Verdict
from drillbook.report.sentences import explain_command, first_found, told

FINDINGS = 3
"""Counterexamples shown of each broken invariant."""
STYLE = {Verdict.HELD: "bold green", Verdict.BROKEN: "bold red", Verdict.INCONCLUSIVE: "bold yellow"}
"""Of a verdict's word."""


def show(judgement: Judgement, report: Path | None, console: Console, run: Path | None = None) -> None:
    """Print what a person needs to know of a judged run.

    Args:
        judgement: what the judge said.
        report: the HTML report, if one was written.
        console: where to; its width is respected.
        run: its directory; None: where the report is.
    """
    console.print(Text.assemble((judgement.verdict.value.upper(), STYLE[judgement.verdict]), "  ", plain(told(judgement))))
    if judgement.expected_broken:
        console.print(plain(f"This drill is meant to break {', '.join(judgement.expected_broken)}."))
    for note in judgement.notes:
        console.print(plain(note))
    if judgement.preconditions:
        heading(console, "Why this drill proves nothing")
        for sentence in judgement.preconditions:
            console.print(indented(plain(sentence), 2))
    if judgement.results:
        heading(console, "Invariants")
        width = max(len(result.name) for result in judgement.results)
        verdict = max(len(result.verdict) for result in judgement.results)
        for result in judgement.results:
            _invariant(console, result, verdict, min(width, 32), judgement.preconditions)
    if judgement.equation:
        heading(console, "Tasks")
        _equation(console, judgement.equation)
    if judgement.compatibility:
        heading(console, f"What {judgement.compatibility[0].by} can decode of what was left")
        compatibility(console, judgement.compatibility)
    console.print()
    task = first_found(judgement)
    home = run or (report.parent if report else None)
    explain = explain_command(_short(home), task) if home and task is not None else None
    rows = [("Explain", explain), ("Replay", judgement.replay), ("Report", _short(report) if report else None)]
    for name, value in rows:
        if value:
            console.print(Text.assemble((f"{name:<9}", "bold"), plain(value)), soft_wrap=True)


def heading(console: Console, text: str) -> None:
    """Print a heading, with an empty line above."""
    console.print()
    console.print(Text(text, style="bold"))


def _invariant(console: Console, result: Result, verdict: int, width: int, reasons: Sequence[str]) -> None:
    """One invariant, its verdict and its name in columns so wide; a reason that stands above is not said again."""
    row = Table.grid(padding=(0, 2))
    row.add_column(width=verdict, no_wrap=True)
    row.add_column(width=width, overflow="fold")
    row.add_column(overflow="fold")
    said = {
        Verdict.HELD: result.sentence,
        Verdict.BROKEN: f"{_count(result.count, 'counterexample')}. {result.sentence}",
        Verdict.INCONCLUSIVE: "see above" if result.reason in reasons else result.reason or "The evidence does not say.",
    }
    row.add_row(Text(result.verdict.value, style=STYLE[result.verdict]), plain(result.name), plain(said[result.verdict]))
    console.print(indented(row, 2))
    if result.verdict is not Verdict.BROKEN:
        return
    for finding in result.findings[:FINDINGS]:
        console.print(indented(_finding(finding), verdict + 4))
    if result.count > FINDINGS and result.findings:
        console.print(indented(Text(f"and {result.count - min(FINDINGS, len(result.findings)):,} more", style="dim"), verdict + 4))


def _finding(finding: Finding) -> Text:
    name = Text.assemble((plain(finding.task).plain, "bold"), "  ") if finding.task is not None else Text()
    where = Text(f" In the step “{plain(finding.step).plain}”.", style="dim") if finding.step else Text()
    return Text.assemble(name, plain(finding.why), where)


def _equation(console: Console, e: Equation) -> None:
    ended = {"done": e.done, "dead-lettered": e.dead, "queued": e.queued, "cancelled": e.cancelled, "missing": e.missing}
    outcomes = {"confirmed": e.ok, "failed": e.failed, "unknown": e.unknown, "skipped": e.skipped}
    if (absent := e.planned - sum(outcomes.values())) > 0:
        outcomes["that never came"] = absent
    for whole, terms in ((f"{e.ok:,} confirmed", ended), (f"{e.planned:,} planned", outcomes)):
        for line in _sum(whole, terms, console.width - 2):
            line.highlight_regex(r"[1-9][\d,]* missing", "bold red")
            console.print(indented(line, 2))
    if e.doubled:
        console.print(indented(Text(f"{_count(e.doubled, 'task')} left more than one effect", style="bold red"), 2))


def _sum(whole: str, terms: dict[str, int], width: int) -> list[Text]:
    """``8 confirmed = 7 done + 1 missing``, on as many lines as it needs, never broken inside a term."""
    lines = [whole]
    for sign, (name, value) in zip(["=", *["+"] * (len(terms) - 1)], terms.items(), strict=True):
        term = f" {sign} {value:,} {name}"
        if len(lines[-1]) + len(term) > width:
            lines.append(" " * len(whole))
        lines[-1] += term
    return [Text(line) for line in lines]


def compatibility(console: Console, rows: Sequence[Compatibility]) -> None:
    """Print what a version can decode, by task type, narrow enough for 80 columns."""
    grid = Table.grid(padding=(0, 2))
    heads = ["type", "version", "messages", "decoded", "not", f"for {rows[0].by}", "why not"]
    for number in range(len(heads)):
        grid.add_column(justify="right" if 2 <= number <= 5 else "left", overflow="fold")
    grid.add_row(*(Text(head, style="dim") for head in heads))
    for row in rows:
        grid.add_row(
            *(plain(name or "(none)") for name in (row.type, row.version)),
            *(f"{number:,}" for number in (row.messages, row.decoded, row.failed)),
            Text(f"{row.reached:,}", style="bold red" if row.reached else ""),
            plain("; ".join(row.reasons)),
        )
    console.print(indented(grid, 2))


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def indented(what: Text | Table, left: int) -> Padding:
    """Moved to the right by so many columns."""
    return Padding(what, (0, 0, 0, left))


def plain(text: str) -> Text:
    """Text of the run as it is: no markup, and no control characters that would move the cursor."""
    return Text("".join(letter if letter.isprintable() else "\ufffd" for letter in text))


def _short(path: Path) -> str:
    """The path as one would type it here."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative
