"""The rules that are armed: what each has counted, what is held for it, and how the set changes when its file is read again."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from json.encoder import encode_basestring_ascii as quoted
from pathlib import Path
from typing import Protocol

from .rules import Rule, read
from .wire_file import WireFile


class Holder(Protocol):
    """What holds a message for a rule."""

    def let_go(self) -> None: ...


class ArmedRule:
    """One rule, from when it was armed."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.holders: list[Holder] = []
        self.counted = 0
        """Messages of its kind that have passed."""
        self._task = "" if rule.task is None else f',"task":{quoted(rule.task)}'

    def meets(self, event: str, covers: Iterable[str]) -> bool:
        """Count a message of this rule's kind and task, and say whether it is one to act on.

        Args:
            event: what it is.
            covers: its tasks, each as JSON that begins with a comma.
        """
        if event != self.rule.event or not any(self._task in task for task in covers):
            return False
        self.counted += 1
        return self.rule.nth <= self.counted < self.rule.nth + self.rule.count

    def witness(self, covers: list[str]) -> str:
        """Of a message's tasks the one that its line names: the rule's, or the one that it names itself."""
        return next(task for task in reversed(covers) if self._task in task)


class ArmedRules:
    """The rules of a tap.

    Args:
        path: the file; None: there are none.
        links: the names of the tap's links.
        lines: where each change is written.
        changed: called when the set has changed; what is held for a rule that is gone is let go after it.
    """

    def __init__(self, path: str | None, links: Iterable[str], lines: WireFile, changed: Callable[[], None]) -> None:
        self._path = None if path is None else Path(path)
        self._links = frozenset(links)
        self._lines, self._changed = lines, changed
        self._armed: dict[str, ArmedRule] = {}

    def of(self, link: str) -> list[ArmedRule]:
        """The rules of one link, in the order of the file."""
        return [armed for armed in self._armed.values() if link in armed.rule.links]

    def read_first(self) -> None:
        """Read the file when the tap starts; it need not be there yet."""
        if self._path is not None and self._path.exists():
            self.read()

    def read(self) -> None:
        """Read the file again; one that cannot be used changes nothing, and is told on stderr."""
        if self._path is None:
            return
        try:
            wanted = read(self._path, self._links)
            self._refuse_changes(wanted)
        except (OSError, ValueError) as error:
            print(f"tap: cannot use the rules in {self._path}: {error}. Those armed before still are.", file=sys.stderr, flush=True)
            return
        before = self._armed
        self._armed = {rule.id: before.get(rule.id) or ArmedRule(rule) for rule in wanted}
        self._lines.tick()
        for rule in wanted:
            if rule.id not in before:
                self._lines.write(f'fault","rule":{quoted(rule.name)},"reason":"armed"')
        self._changed()
        for gone in [armed for key, armed in before.items() if key not in self._armed]:
            self._disarm(gone)

    def _refuse_changes(self, wanted: Iterable[Rule]) -> None:
        for rule in wanted:
            armed = self._armed.get(rule.id)
            if armed is not None and armed.rule != rule:
                raise ValueError(f"rule {rule.id!r} is armed and cannot change: another rule needs another id")

    def _disarm(self, armed: ArmedRule) -> None:
        for holder in list(armed.holders):
            holder.let_go()
        self._lines.write(f'fault","count":{armed.counted},"rule":{quoted(armed.rule.name)},"reason":"disarmed"')
