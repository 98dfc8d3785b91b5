"""Who has a task at each moment of its story: its publisher, a queue, a consumer, several of them at once, or nobody.

Told from what a moment does to the copies of the task: a publish sends one, a confirm leaves it with the broker, a delivery takes it from
its queue, an acknowledgement ends it, a refusal or the end of a channel puts it back. Nothing is asked of the broker: a copy that it moves
by itself (dead-lettered, expired) is noticed where it is seen next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from drillbook.judge.verdict import StoryMoment

NOBODY = "nobody"
BROKER = "the broker"
"""Has a copy in a queue that the evidence does not name."""


@dataclass(frozen=True, slots=True)
class ToldMoment:
    """One moment of one task, as the evidence has it."""

    at: int
    evidence: str
    what: str
    move: str | None = None
    """What it does to the copies.

    send, keep (confirmed), fail (refused to its publisher); take (delivered), settle (acknowledged), refuse (not put back), back (put
    back), end (of a channel or a connection); gone (a queue was purged or deleted), done (an effect), stop (a container ended); and after
    settling rest (in a queue, or with ``who``), aside (in ``where``, which is no queue), lost. None: nothing.
    """
    who: str | None = None
    where: str | None = None
    """The queue."""
    connection: int | None = None
    channel: int | None = None


@dataclass
class _Copies:
    sent: dict[str, str | None] = field(default_factory=dict)
    """Publishers without a confirm yet, and the queues they published to where that is known."""
    waiting: list[str | None] = field(default_factory=list)
    """Queues."""
    held: list[ToldMoment] = field(default_factory=list)
    """Deliveries."""
    owed: int = 0
    """Deliveries of a copy that still counts as another consumer's: the broker learnt of that one's end before the tap did."""
    done: bool = False
    cut_off: set[str | None] = field(default_factory=set)
    """Consumers whose channel ended while they had the task."""
    over: bool = False
    """What was found after settling outweighs what was told on the way."""

    def holder(self) -> str:
        names = [*self.sent, *(queue or BROKER for queue in self.waiting), *(one.who or "a consumer" for one in self.held)]
        return " + ".join(dict.fromkeys(names)) or NOBODY


def with_holders(told: Sequence[ToldMoment], watched: bool = True) -> list[StoryMoment]:
    """The moments, with who has the task from each on; those that turn out not to touch it are left out.

    Args:
        told: of one task, in time order.
        watched: whether there is a wire; without one only what was found at the end is told.
    """
    copies, moments = _Copies(), []
    for number, one in enumerate(told):
        if _touches(copies, one, told[number + 1 :]):
            holder = copies.holder() if watched or copies.over else None
            moments.append(StoryMoment(one.at, one.what, holder, one.evidence))
    return moments


def _touches(copies: _Copies, one: ToldMoment, later: Sequence[ToldMoment]) -> bool:
    """Move the copies; False where the moment is not about this task after all."""
    match one.move:
        case "send" if (who := one.who or "a client") not in copies.sent:
            copies.sent[who] = one.where
        case "keep" | "fail":
            _answer(copies, one, later)
        case "take":
            _take(copies, one)
        case "settle" | "refuse" | "back" | "end":
            return _let_go(copies, one, later)
        case "gone":
            return _gone(copies, one.where)
        case "stop":
            return not copies.done or one.who in copies.cut_off or any(held.who == one.who for held in copies.held)
        case "done":
            copies.done = True
        case "rest" | "aside" | "lost":
            _rest(copies, one)
    return True


def _answer(copies: _Copies, one: ToldMoment, later: Sequence[ToldMoment]) -> None:
    who = one.who or "a client"
    if who in copies.sent:
        queue = copies.sent.pop(who)
        if one.move == "keep":
            copies.waiting.append(queue or _next_seen(later))


def _take(copies: _Copies, one: ToldMoment) -> None:
    if one.where in copies.waiting:
        copies.waiting.remove(one.where)
    elif copies.waiting:
        copies.waiting.pop(0)
    elif copies.sent:  # a delivery may overtake the confirm
        del copies.sent[next(iter(copies.sent))]
    else:
        copies.owed += bool(copies.held)
    copies.held.append(one)


def _let_go(copies: _Copies, one: ToldMoment, later: Sequence[ToldMoment]) -> bool:
    mine = [held for held in copies.held if _same(held, one)][: None if one.move == "end" else 1]
    copies.held = [held for held in copies.held if not any(held is other for other in mine)]
    for held in mine:
        copies.cut_off |= {held.who} if one.move == "end" else set()
        if one.move in ("back", "end") and copies.owed:
            copies.owed -= 1
        elif one.move in ("back", "end"):
            copies.waiting.append(held.where)
        elif one.move == "refuse" and (dead_letters := _next_seen(later)):
            copies.waiting.append(dead_letters)
    return bool(mine) or one.move != "end"


def _gone(copies: _Copies, queue: str | None) -> bool:
    """A queue lost all that waited in it: told where the task did, or where its queue is not known."""
    here = queue in copies.waiting
    copies.waiting = [other for other in copies.waiting if other != queue]
    return here or None in copies.waiting


def _rest(copies: _Copies, one: ToldMoment) -> None:
    if not copies.over:
        copies.sent, copies.waiting, copies.held, copies.over = {}, [], [], True
    if one.who is not None:
        copies.held.append(one)
    elif one.move != "lost":
        copies.waiting.append(one.where)


def _same(held: ToldMoment, one: ToldMoment) -> bool:
    connection = one.connection is None or held.connection in (None, one.connection)
    return held.who == one.who and connection and (one.channel is None or held.channel in (None, one.channel))


def _next_seen(later: Sequence[ToldMoment]) -> str | None:
    """The queue in which the copy is seen next, if that is before another one is sent."""
    for one in later:
        if one.move == "send" and one.evidence == "wire":
            return None
        if one.move in ("take", "rest"):
            return one.where
    return None
