"""The rules of faults at protocol events: the JSON list that the harness writes and the tap reads again at every SIGHUP.

The file holds the whole set that is armed now. An id that was not in it before is armed, and its counting starts at that moment; an id
that is no longer in it is disarmed, and what is held for it is let go at once. An armed rule does not change: give another one another id.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

RuleEvent = Literal["publish", "confirm", "deliver", "ack", "nack", "reject", "commit"]
Action = Literal["drop", "hold", "close"]


@dataclass(frozen=True)
class Rule:
    """What is done to the ``nth`` to ``nth + count - 1``-th message of a kind, counted over all its links together.

    An acknowledgement or a confirm of several at once counts as one message; ``publish`` and ``deliver`` count when the whole message is
    there, ``confirm`` counts refusals (``basic.nack``) too, ``deliver`` what ``basic.get`` gives. Of several rules that a message meets,
    all count it and the first one of the file acts.

    - ``drop``: it is not carried on.
    - ``hold``: it and all that comes behind it in that direction of its connection wait, until ``seconds`` are over or the rule is
      disarmed; when the connection ends meanwhile, they are dropped.
    - ``close``: it is not carried on, and its channel is closed at both ends.
    """

    id: str
    """Unique for the life of the tap: ``fault name#3``."""
    name: str
    """The fault's name, as on the lines of ``wire.jsonl``."""
    links: tuple[str, ...]
    """``workers.v1.1 -> broker``."""
    event: RuleEvent
    action: Action
    nth: int = 1
    """Counted from 1."""
    count: int = 1
    task: str | None = None
    """Only messages of this task count, and those that cover it."""
    seconds: float | None = None
    """Of hold; None: until it is disarmed."""
    sever: bool = True
    """Of drop: the TCP connection ends right after, as it does when a message really gets lost. False leaves it open; then client and
    broker count what follows differently where they number messages, as they do with confirms."""


def rules(armed: Iterable[Rule]) -> list[dict[str, Any]]:
    """The rules as JSON can hold them. Pure."""
    return [asdict(rule) | {"links": list(rule.links)} for rule in armed]


def read(path: Path, links: Iterable[str]) -> tuple[Rule, ...]:
    """The rules in a file.

    Args:
        path: the file.
        links: the names of the tap's links.

    Raises:
        ValueError: the file is not what ``rules`` makes, or names another link; the message says what is wrong.
        OSError: it cannot be read.
    """
    content = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(content, list):
        raise ValueError("it holds no list")
    try:
        found = tuple(Rule(**entry | {"links": tuple(entry["links"])}) for entry in content)
    except (KeyError, TypeError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error
    known = frozenset(links)
    for rule in found:
        _check(rule, known)
    if len({rule.id for rule in found}) < len(found):
        raise ValueError("two rules have the same id")
    return found


def _check(rule: Rule, links: frozenset[str]) -> None:
    wrong = {
        "event": rule.event not in get_args(RuleEvent),
        "action": rule.action not in get_args(Action),
        "links": not rule.links or not links.issuperset(rule.links),
        "nth": not _whole(rule.nth),
        "count": not _whole(rule.count),
        "seconds": rule.seconds is not None and not _positive(rule.seconds),
        "task": rule.task is not None and not isinstance(rule.task, str),
        "sever": not isinstance(rule.sever, bool),
    }
    for field, is_wrong in wrong.items():
        if is_wrong:
            raise ValueError(f"rule {rule.id!r} has an impossible {field}: {getattr(rule, field)!r}")


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _positive(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0
