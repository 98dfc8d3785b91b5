"""What a worker's command answered, line by line, as evidence. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from drillbook.evidence.kinds.decoded import Decoded

LONGEST_REASON = 300
"""Characters of a reason that are kept."""


class Answers:
    """Takes the lines that a command writes.

    Args:
        by: the version whose worker answers.
        about: what is known of each message that it was asked, by number.
    """

    def __init__(self, by: str, about: Mapping[int, Mapping[str, Any]]) -> None:
        self._by, self._about = by, about
        self._answered: set[int] = set()
        self.said: list[str] = []
        """The last lines that were no answers: what the worker logs."""

    def take(self, line: str) -> Decoded | None:
        """One line as evidence; None where it is no answer, or a second one to the same message."""
        try:
            content = json.loads(line)
        except ValueError:
            content = None
        number = content.get("message") if isinstance(content, dict) else None
        ok = content.get("decoded") if isinstance(content, dict) else None
        if not isinstance(number, int) or isinstance(number, bool) or not isinstance(ok, bool):
            if line.strip():
                self.said = [*self.said[-2:], line.strip()]
            return None
        if number not in self._about or number in self._answered:
            return None
        self._answered.add(number)
        reason = None if ok or not isinstance(content, dict) else str(content.get("reason") or "it does not say why")[:LONGEST_REASON]
        return Decoded(message=number, by=self._by, ok=ok, reason=reason, **self._about[number])

    def problem(self) -> str:
        """What was not answered, as a sentence's end; empty where all was."""
        missing = len(self._about) - len(self._answered)
        return f"the {self._by} worker answered {len(self._answered):,} of {len(self._about):,} messages" if missing else ""
