"""Problems in a scenario file: each with its place, all told at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from drillbook.core.errors import UsageError

LISTED = 10
"""As many names as a message lists."""


@dataclass(frozen=True, order=True)
class Problem:
    """One thing wrong in a file; line and column count from 1, as editors do, and are 0 where it is the whole that is wrong."""

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        place = f":{self.line}:{self.column}" if self.line else ""
        return f"{self.file}{place}: {self.message}"


class ScenarioError(UsageError):
    """A scenario file that cannot be used; ``problems`` holds every reason, sorted by line."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = sorted(set(problems))
        super().__init__("\n".join(map(str, self.problems)))


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that was probably meant, if any is close."""
    by_form = {_form(candidate): candidate for candidate in known}
    close = get_close_matches(_form(name), by_form, n=1, cutoff=0.6)
    return by_form[close[0]] if close else None


def suggestion(name: str, known: Sequence[str], listed: Sequence[str] | None = None) -> str:
    """What to append to a message about an unknown name: the one meant, or all there are when they are few.

    Args:
        name: as written.
        known: every name that would do.
        listed: the names to suggest first and to list, where they are not all of ``known``.
    """
    listed = known if listed is None else listed
    meant = nearest(name, listed) or nearest(name, known)
    if meant is not None:
        return f"; did you mean {meant}?"
    if not listed:
        return "; there is none"
    return f"; there {'is' if len(listed) == 1 else 'are'} {', '.join(listed)}" if len(listed) <= LISTED else ""


def sentence(text: str) -> str:
    """With a full stop, where no other mark ends it."""
    return text if text.endswith(("?", ".")) else f"{text}."


def either(words: Iterable[str]) -> str:
    """``a``, ``a or b``, ``a, b or c``."""
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last


def _form(name: str) -> str:
    return name.casefold().replace("-", " ").replace("_", " ")
