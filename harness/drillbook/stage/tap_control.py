"""Tells the wire tap what to do to the messages that pass: its rules file, SIGHUP, and what it says of them in ``wire.jsonl``."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Lock

from drillbook.core.errors import HarnessError
from drillbook.core.wait import until
from drillbook.evidence.wire_tail import DONE, HIT, TapAction, WireTail
from drillbook.tap.rules import Rule, rules

FILE = "rules.json"
SETTINGS = "settings.json"
BEGIN, CAPTURED = "capture", "captured.jsonl"
"""The file that asks for messages to be kept, and the one where they are, if the tap was told of them when it started."""
BEGUN_WITHIN_SECONDS = 30.0
"""A bound for what is bounded already: the tap's reading of its files."""


class TapControl:
    """The rules of the tap, as faults use them; safe to use from several threads.

    A tap that does not run holds nothing, so nothing here fails because of it: it arms nothing any more, and has disarmed everything.

    Args:
        folder: where the rules file is, as the harness sees it: a folder that is mounted into the tap.
        wire: what the tap says.
        hang_up: sends it SIGHUP; an error of the engine counts as no signal.
        runs: whether it runs.
    """

    def __init__(self, folder: Path, wire: WireTail, hang_up: Callable[[], None], runs: Callable[[], bool]) -> None:
        self._folder, self._wire = folder, wire
        self._hang_up, self._runs = hang_up, runs
        self._lock = Lock()
        self._armed: dict[str, Rule] = {}

    def prepare(self) -> Path:
        """Make the folder, and the file with no rule in it; gives the file, of which the tap must be told."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise HarnessError(f"cannot make {self._folder}: {error.strerror}.") from error
        self._write()
        return self._folder / FILE

    def write_settings(self, settings: Mapping[str, object]) -> None:
        """Write what the tap reads once, when it starts, into the folder that was prepared."""
        self._put(SETTINGS, settings)

    def capture(self) -> bool:
        """Have it keep the messages that are delivered from now on; whether it has said that it does."""
        try:
            (self._folder / BEGIN).touch()
        except OSError as error:
            raise HarnessError(f"cannot write {self._folder / BEGIN}: {error.strerror}.") from error
        self._ask()
        return until(lambda: (self._folder / CAPTURED).stat().st_size > 0 or not self._runs(), BEGUN_WITHIN_SECONDS) and self._runs()

    def arm(self, rule: Rule) -> None:
        """Have it count from now on; arming an armed rule again changes nothing."""
        with self._lock:
            if rule.id not in self._armed:
                self._armed[rule.id] = rule
                self._tell()

    def disarm(self, rule: Rule) -> None:
        """Have it forget the rule, and let go at once what it holds for it."""
        with self._lock:
            if self._armed.pop(rule.id, None) is not None:
                self._tell()

    def armed(self, rule: Rule) -> bool:
        """Whether it has said that it counts; true of a rule that was disarmed since, too."""
        return self._wire.poll().armed(rule.name)

    def disarmed(self, rule: Rule) -> bool:
        """Whether it has said that it counts no more, or does not run any more."""
        return self._wire.poll().disarmed(rule.name) or not self._runs()

    def acts(self, rule: Rule) -> list[TapAction]:
        """What it has said of the rule's messages, in order."""
        return self._wire.poll().acts(rule.name)

    def passed(self, rule: Rule) -> int | None:
        """Once it is disarmed: how many messages of the rule's kind passed while it was armed; None where it has not said so."""
        return self._wire.poll().passed(rule.name)

    def acted(self, rule: Rule) -> int:
        """How many messages it has hit so far."""
        return self._count(rule, HIT[rule.action])

    def finished(self, rule: Rule) -> bool:
        """Whether it has hit all of the rule's messages, and holds none of them any more."""
        return self._count(rule, DONE[rule.action]) >= rule.count

    def _count(self, rule: Rule, endings: str | tuple[str, ...]) -> int:
        return sum(act.what.endswith(endings) for act in self.acts(rule))

    def _tell(self) -> None:
        self._write()
        self._ask()

    def _ask(self) -> None:
        """Have it read its files again."""
        try:
            self._hang_up()
        except HarnessError:
            if self._runs():
                raise

    def _write(self) -> None:
        self._put(FILE, rules(self._armed.values()))

    def _put(self, name: str, content: object) -> None:
        """Write a file whole, at once, so that the tap never reads half of it."""
        path, partial = self._folder / name, self._folder / f".{name}.partial"
        try:
            partial.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
            partial.replace(path)
        except OSError as error:
            raise HarnessError(f"cannot write {path}: {error.strerror}.", "Free disk space there, or choose another --output.") from error
