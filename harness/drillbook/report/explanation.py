"""One task or one invariant, explained on the terminal; readable on 80 columns, and without colour."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from drillbook.core.errors import UsageError
from drillbook.core.problems import sentence, suggestion
from drillbook.core.units import NANOSECONDS
from drillbook.judge import parameters
from drillbook.judge.catalogue import Invariant, Parameter, catalogue
from drillbook.judge.explain import Explanation, Said, explain_task
from drillbook.judge.judge import judge
from drillbook.judge.run import Run
from drillbook.judge.verdict import Verdict
from drillbook.report.sentences import explain_command, first_found, running, told
from drillbook.report.terminal import STYLE, heading, indented, plain, show

_MARK = re.compile(r"(?:\d+\.|[-*]) +")
"""Begins an item of a list."""
WIDE = 104
"""Columns from which on a story also shows the time of day and its evidence."""


def run(run: Run, task: str | None, console: Console) -> None:
    """Explain one task of a run; without a task, say what the run has to tell, and how to ask for more.

    Args:
        run: open.
        task: an id; None: none was given.
        console: where to.

    Raises:
        UsageError: nothing in the run names the task.
    """
    if task is not None:
        show_task(explain_task(run, task), console)
        return
    judgement = judge(run)
    show(judgement, None, console)
    command = explain_command(str(run.path), first_found(judgement) or "TASK_ID")
    console.print(Text.assemble(("Explain  ", "bold"), plain(command)), soft_wrap=True)


def as_json(run: Run, task: str) -> dict[str, Any]:
    """One task of a run, explained, as JSON can hold it; moments in nanoseconds since the epoch.

    Args:
        run: open.
        task: its id.

    Raises:
        UsageError: nothing in the run names the task.
    """
    found = explain_task(run, task)
    return {
        "task": found.task,
        "summary": found.summary,
        "began_at": found.began_at,
        "story": [asdict(moment) for moment in found.moments],
        "invariants": [asdict(said) for said in found.said],
        "doubts": list(found.doubts),
        "verdict": found.judgement.verdict.value,
    }


def invariant(name: str, folder: Path | None, console: Console) -> None:
    """Explain an invariant.

    Args:
        name: its name, or the path of its ``.sql`` file.
        folder: where the user's own invariants are; None: only the built-in ones are known by name.
        console: where to.

    Raises:
        UsageError: there is no such invariant, or its file cannot be one.
    """
    path = Path(name)
    is_path = path.suffix == ".sql"
    if is_path and not path.is_file():
        raise UsageError(f"there is no file {path}.")
    folders = [path.parent] if is_path else [folder, folder / "invariants"] if folder else []
    known = {key: one for key, one in catalogue(*folders).items() if one.built_in or one.sentence or key == path.stem}
    found = known.get(path.stem if is_path else name)
    if found is None:
        elsewhere = "" if folder else " One of your own is found with --in FOLDER; a task is told with its run directory before it."
        raise UsageError(f"there is no invariant {name}{suggestion(name, sorted(known))}", elsewhere.strip())
    if found.header_problems:
        raise UsageError("\n".join(map(sentence, found.header_problems)))
    show_invariant(found, console)


def show_task(found: Explanation, console: Console) -> None:
    """Print a task's story, and what each invariant says of it.

    Args:
        found: the task, explained.
        console: where to; its width is respected.
    """
    console.print(Text.assemble((plain(found.task).plain, "bold"), "  ", plain(found.summary)))
    heading(console, "Its story")
    console.print(indented(Text(_counted_from(found), style="dim"), 2))
    console.print(indented(_story(found, console.width >= WIDE), 2))
    heading(console, "Invariants for this task")
    console.print(indented(_said(found.said), 2))
    if found.doubts:
        heading(console, "What the evidence does not show")
        for doubt in found.doubts:
            console.print(indented(plain(f"{doubt[0].upper()}{doubt[1:]}."), 2))
    heading(console, "The run")
    verdict = found.judgement.verdict
    console.print(indented(Text.assemble((verdict.value.upper(), STYLE[verdict]), "  ", plain(told(found.judgement))), 2))


def show_invariant(invariant: Invariant, console: Console) -> None:
    """Print what an invariant demands, what it needs, and how it is told what to allow.

    Args:
        invariant: a sound one.
        console: where to; its width is respected.
    """
    origin = "built in" if invariant.built_in else str(invariant.path)
    console.print(Text.assemble((plain(invariant.name).plain, "bold"), (f"  {origin}", "dim")), soft_wrap=True)
    console.print(indented(plain(invariant.sentence), 2))
    console.print()
    facts = Table.grid(padding=(0, 2))
    facts.add_column(no_wrap=True)
    facts.add_column(overflow="fold")
    for term, text in _facts(invariant):
        facts.add_row(Text(term, style="bold"), text)
    console.print(indented(facts, 2))
    if invariant.parameters:
        heading(console, "Parameters")
        console.print(indented(_parameters(invariant.parameters), 2))
    if invariant.about:
        heading(console, "What it means")
        _prose(console, invariant.about)


def _counted_from(found: Explanation) -> str:
    if found.began_at is None:
        return "Times are those of the day, UTC; the run does not say when the load began."
    return f"0 s is the start of the load, {datetime.fromtimestamp(found.began_at // NANOSECONDS, UTC):%Y-%m-%d %H:%M:%S} UTC."


def _story(found: Explanation, wide: bool) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(justify="right", no_wrap=True)
    if wide and found.began_at is not None:
        grid.add_column(no_wrap=True, style="dim")
    grid.add_column(max_width=30 if wide else 22, overflow="fold", style="cyan")
    grid.add_column(overflow="fold", ratio=1)
    if wide:
        grid.add_column(no_wrap=True, style="dim")
    for moment, holder in running(found.moments):
        day = f"{datetime.fromtimestamp(moment.at / NANOSECONDS, UTC):%H:%M:%S.%f}"[:-3]
        since = day if found.began_at is None else f"{(moment.at - found.began_at) / NANOSECONDS:.3f} s"
        what = plain(moment.what)
        if moment.evidence == "timeline":
            what.stylize("dim")
        cells: list[Text] = [Text(since), *([Text(day)] if wide and found.began_at is not None else []), plain(holder), what]
        grid.add_row(*cells, *([Text(moment.evidence or "")] if wide else []))
    return grid


def _said(said: Sequence[Said]) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(width=max((len(_word(one)) for one in said), default=1), no_wrap=True)
    grid.add_column(width=min(max((len(one.name) for one in said), default=1), 32), overflow="fold")
    grid.add_column(overflow="fold", ratio=1)
    for one in said:
        where = Text(f" In the step “{plain(one.step).plain}”.", style="dim") if one.step else Text()
        grid.add_row(Text(_word(one), style=STYLE[one.verdict]), plain(one.name), Text.assemble(plain(one.why), where))
    return grid


def _word(said: Said) -> str:
    """Of one task: an invariant is not held by a task."""
    return "ok" if said.verdict is Verdict.HELD else said.verdict.value


def _facts(invariant: Invariant) -> list[tuple[str, Text]]:
    needed = (
        f"{', '.join(invariant.needs)}: without {_each(invariant.needs)} it is inconclusive, never held." if invariant.needs else "nothing."
    )
    depends = invariant.needs_complete
    complete = (
        f"{', '.join(depends)}: while {_each(depends)} is missing or incomplete, no counterexample counts."
        if depends
        else "nothing: a counterexample counts, whatever is missing or incomplete."
    )
    return [("Needs", plain(needed)), ("Needs complete", plain(complete))]


def _each(evidence: Sequence[str]) -> str:
    return "it" if len(evidence) == 1 else "any of them"


def _parameters(declared: Sequence[Parameter]) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True, style="bold")
    grid.add_column(overflow="fold")
    grid.add_column(overflow="fold", ratio=1)
    for one in declared:
        default = ", required" if one.required else f" = {_written(one.default)}"
        grid.add_row(plain(one.name), plain(f"{one.kind.replace('|', ' or ')}{default}"), plain(_described(one)))
    return grid


def _described(parameter: Parameter) -> str:
    words = f" States: {', '.join(parameters.STATES)}." if "state" in parameter.kind else ""
    text = parameter.description
    return f"{text[:1].upper()}{text[1:]}{'.' if text else ''}{words}".strip()


def _written(default: Any) -> str:
    if isinstance(default, list):
        return f"[{', '.join(map(str, default))}]"
    return "none" if default is None else str(default)


def _prose(console: Console, about: str) -> None:
    """Paragraphs and the items of lists wrapped to the terminal; indented examples line by line, as they were written."""
    for blank, lines in groupby(about.splitlines(), key=lambda line: not line.strip()):
        if blank:
            console.print()
            continue
        for mark, text in _blocks(lines):
            if not mark.strip():
                console.print(indented(plain(text), 2 + len(mark)))
                continue
            item = Table.grid()
            item.add_column(no_wrap=True)
            item.add_column(overflow="fold")
            item.add_row(Text(mark), plain(text))
            console.print(indented(item, 2))


def _blocks(lines: Iterable[str]) -> list[tuple[str, str]]:
    """Paragraphs without a mark, items of lists with theirs, lines of examples with their indentation."""
    blocks: list[tuple[str, str]] = []
    for line in lines:
        mark = _MARK.match(line)
        text = line.strip()
        if mark:
            blocks.append((mark[0], line[mark.end() :]))
        elif blocks and (_MARK.match(blocks[-1][0]) or (blocks[-1][0] == "" and line == text)):
            blocks[-1] = (blocks[-1][0], f"{blocks[-1][1]} {text}")
        else:
            blocks.append((line[: len(line) - len(line.lstrip())], text))
    return blocks
