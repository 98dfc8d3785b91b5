"""Sentences that more than one report says alike."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence

from drillbook.judge.verdict import Compatibility, Judgement, StoryMoment, Verdict

HELD_STILL = "│"
"""In place of a holder's name that has not changed."""


def told(judgement: Judgement) -> str:
    """The verdict's sentence, without the verdict's own word in front: every report shows that word apart."""
    word, _, rest = judgement.sentence.partition(": ")
    if word.lower() != judgement.verdict.value or not rest:
        return judgement.sentence
    return rest[0].upper() + rest[1:] if rest.split()[0].isalpha() else rest  # a version's name stays as it is


def explain_command(run: str, task: str) -> str:
    """The command that tells the whole story of a task, as one types it into a shell.

    Args:
        run: the run directory, as it is called where the command is typed.
        task: an id, whatever it is made of.
    """
    return f"drillbook explain {'-- ' if run.startswith('-') or task.startswith('-') else ''}{shlex.quote(run)} {shlex.quote(task)}"


def first_found(judgement: Judgement) -> str | None:
    """The task of the first counterexample that names one; None where none does."""
    broken = (result for result in judgement.results if result.verdict is Verdict.BROKEN)
    return next((finding.task for result in broken for finding in result.findings if finding.task is not None), None)


def running(moments: Sequence[StoryMoment]) -> Iterable[tuple[StoryMoment, str]]:
    """The moments, each with its cell of the column that shows who has the task: the name where it changes, and a line below it."""
    last = ""
    for moment in moments:
        if moment.holder is None or moment.holder == last:
            yield moment, HELD_STILL if last else ""
        else:
            last = moment.holder
            yield moment, last


def decodable(rows: Sequence[Compatibility]) -> str:
    """A table of compatibility in a sentence: ``v1 can decode 5 of 8 messages that were left; none of the other 3 is left for it.``"""
    decoded, asked, failed, reached = (sum(getattr(row, name) for row in rows) for name in ("decoded", "messages", "failed", "reached"))
    others = f"; {f'{reached:,}' if reached else 'none'} of the other {failed:,} {'is' if reached <= 1 else 'are'} left for it"
    return f"{rows[0].by} can decode {decoded:,} of {asked:,} messages that were left{others if failed else ''}."
