"""The rules of a rollback: a file of conditions, read from the top; the first rule that matches a task decides. Pure.

`load` refuses a file that could be misread: an unknown word, a condition that no task can meet, a rule without a name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

STATES = ("queued", "executing", "completed", "failed")
DECISIONS = {"leave": "left", "fail": "failed", "reschedule": "rescheduled"}
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_CONDITIONS = ("type", "state", "version", "attempts", "older_than", "younger_than")


class RulesError(Exception):
    """The rules cannot be used, or do not cover a task; a sentence for a person."""


@dataclass(frozen=True)
class Task:
    """What a rule can ask of a task."""

    id: str
    type: str
    state: str
    version: str | None
    """Of the worker that had it last; None: no worker has begun it."""
    attempts: int
    sent_at: datetime


@dataclass(frozen=True)
class Rule:
    """One rule; a condition that is None matches every task."""

    name: str
    decision: str
    type: tuple[str, ...] | None = None
    state: tuple[str, ...] | None = None
    version: tuple[str, ...] | None = None
    at_least: int | None = None
    at_most: int | None = None
    older_than: timedelta | None = None
    younger_than: timedelta | None = None

    def matches(self, task: Task, now: datetime) -> bool:
        age = now - task.sent_at
        return (
            (self.type is None or task.type in self.type)
            and (self.state is None or task.state in self.state)
            and (self.version is None or task.version in self.version)
            and (self.at_least is None or task.attempts >= self.at_least)
            and (self.at_most is None or task.attempts <= self.at_most)
            and (self.older_than is None or age > self.older_than)
            and (self.younger_than is None or age < self.younger_than)
        )


def decide(rules: Sequence[Rule], tasks: Sequence[Task], now: datetime) -> dict[str, Rule]:
    """The rule for each task, by the task's id.

    Args:
        rules: the first one that matches wins.
        tasks: all of them.
        now: the moment from which ages count.

    Raises:
        RulesError: no rule matches a task; it names all of these, so that nothing is done by halves.
    """
    found = {task.id: next((rule for rule in rules if rule.matches(task, now)), None) for task in tasks}
    unmatched = [task for task in tasks if found[task.id] is None]
    if unmatched:
        told = "\n".join(
            f"  {task.id}: {task.type}, {task.state}, {task.version or 'no version'}, {task.attempts} attempts" for task in unmatched
        )
        raise RulesError(f"no rule matches {len(unmatched)} tasks, so nothing is done:\n{told}")
    return {task: rule for task, rule in found.items() if rule is not None}


def load(path: Path) -> list[Rule]:
    """Read a rules file.

    Raises:
        RulesError: it cannot be read, or a rule in it cannot be meant as it stands.
    """
    try:
        content = YAML(typ="safe").load(path)
    except (OSError, YAMLError) as error:
        raise RulesError(f"{path} cannot be read: {error}") from error
    if not isinstance(content, list) or not content:
        raise RulesError(f"{path} must be a list of rules")
    rules = [_rule(path, number, entry) for number, entry in enumerate(content, start=1)]
    names = [rule.name for rule in rules]
    for name in names:
        if names.count(name) > 1:
            raise RulesError(f"{path}: two rules are named {name!r}, and the ledger could not tell them apart")
    return rules


def _rule(path: Path, number: int, entry: Any) -> Rule:
    place = f"{path}, rule {number}"
    if not isinstance(entry, Mapping) or set(entry) != {"name", "when", "then"}:
        raise RulesError(f"{place}: a rule has name, when and then, and nothing else")
    when, then = entry["when"], entry["then"]
    if then not in DECISIONS:
        raise RulesError(f"{place}: then is {then!r}; it is one of {', '.join(DECISIONS)}")
    if not isinstance(when, Mapping) or (unknown := [key for key in when if key not in _CONDITIONS]):
        raise RulesError(f"{place}: {unknown[0] if isinstance(when, Mapping) else when!r} is no condition; use {', '.join(_CONDITIONS)}")
    states = _words(place, when, "state")
    if wrong := [state for state in states or () if state not in STATES]:
        raise RulesError(f"{place}: there is no state {wrong[0]!r}; a state is one of {', '.join(STATES)}")
    attempts = when.get("attempts", {})
    if (
        not isinstance(attempts, Mapping)
        or set(attempts) - {"at_least", "at_most"}
        or not all(type(one) is int for one in attempts.values())
    ):
        raise RulesError(f"{place}: attempts is written {{at_least: 1, at_most: 3}}, one of them or both")
    return Rule(
        name=str(entry["name"]),
        decision=DECISIONS[then],
        type=_words(place, when, "type"),
        state=states,
        version=_words(place, when, "version"),
        at_least=attempts.get("at_least"),
        at_most=attempts.get("at_most"),
        older_than=_duration(place, when, "older_than"),
        younger_than=_duration(place, when, "younger_than"),
    )


def _words(place: str, when: Mapping[str, Any], key: str) -> tuple[str, ...] | None:
    if key not in when:
        return None
    given = when[key] if isinstance(when[key], list) else [when[key]]
    if not given or not all(isinstance(word, str) for word in given):
        raise RulesError(f"{place}: {key} is one word, or a list of them")
    return tuple(given)


def _duration(place: str, when: Mapping[str, Any], key: str) -> timedelta | None:
    if key not in when:
        return None
    match = re.fullmatch(r"(\d+)(ms|s|m|h)", str(when[key]))
    if match is None:
        raise RulesError(f"{place}: {key} is a number and a unit, such as 500ms, 30s or 5m; it is {when[key]!r}")
    return timedelta(seconds=int(match[1]) * _UNITS[match[2]])
