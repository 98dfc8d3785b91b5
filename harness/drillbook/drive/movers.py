"""The last movers, in words: who moved what, and at what pace. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from drillbook.evidence.wire_tail import Move

MOST_NAMED = 3
"""The others are counted."""
SECOND = 1_000_000_000

_VERBS = {"publish": "published", "deliver": "was given", "ack": "acknowledged", "nack": "refused", "reject": "refused"}
_WAYS = {"published": "to", "was given": "from", "acknowledged": "of", "refused": "of"}
_ORDER = list(_WAYS)


def named_movers(moves: Sequence[Move]) -> list[str]:
    """Who moved what: publishers first, then those that moved most: ``workers.beat.1 published to celery every 2 s``.

    What follows from something that is told is not told: that a task which somebody published was given to somebody once, and what a client
    did with the tasks it was given.

    Args:
        moves: in order.
    """
    published = {move.task for move in moves if move.event == "publish"}
    given = Counter(move.task for move in moves if move.event == "deliver")
    groups: dict[tuple[str, str, str], list[Move]] = {}
    for move in (move for move in moves if move.event == "publish" or move.task not in published or given[move.task] > 1):
        groups.setdefault((move.peer, _VERBS[move.event], move.place or "a queue"), []).append(move)
    told = {key: group for key, group in groups.items() if _ORDER.index(key[1]) < 2 or (key[0], "was given", key[2]) not in groups}
    ordered = sorted(told.items(), key=lambda item: (_ORDER.index(item[0][1]), -len(item[1])))
    more = len(ordered) - MOST_NAMED
    return [_mover(*key, group) for key, group in ordered[:MOST_NAMED]] + ([f"{more} more did something of the kind"] if more > 0 else [])


def _mover(peer: str, verb: str, place: str, group: Sequence[Move]) -> str:
    way, times = f"{_WAYS[verb]} {place}", [move.at for move in group]
    if len(group) == 1:
        return f"{peer} {verb} {group[0].task} {way}"
    if len({move.task for move in group}) == 1:
        return f"{peer} {verb} {group[0].task} {way} again and again ({_count(times)})"
    return f"{peer} {verb if verb == 'published' else f'{verb} tasks'} {way} {_pace(times)}"


def _pace(times: Sequence[int]) -> str:
    """``every 2 s`` where they are regular, else how many there were."""
    gaps = [after - before for before, after in pairwise(times)]
    mean = sum(gaps) / len(gaps)
    regular = len(gaps) >= 2 and mean > 0 and all(mean / 2 <= gap <= mean * 2 for gap in gaps)
    return f"every {_seconds(mean)}" if regular else _count(times)


def _count(times: Sequence[int]) -> str:
    return f"{len(times):,} times in {_seconds(times[-1] - times[0])}"


def _seconds(nanoseconds: float) -> str:
    """Two figures are enough."""
    return f"{float(f'{nanoseconds / SECOND:.2g}'):g} s"
