"""Follows ``wire.jsonl`` while it grows: who consumes, what is in flight, what the tap did for a fault. It judges nothing."""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import RLock
from typing import Any, NamedTuple

from drillbook.evidence.appended import Appended
from drillbook.evidence.origins import OfLedger, Origins

HIT = {"drop": "dropped", "hold": "held", "close": "closed"}
"""How the line ends that says of a message that it was hit, by what its rule asks."""
DONE = {"drop": ("dropped",), "hold": ("let go", "dropped"), "close": ("closed",)}
"""How the lines end that say that the tap is done with it."""
_MOVES = frozenset({"publish", "deliver", "ack", "nack", "reject"})
_PUBLISH, _CONFIRM, _TASK, _LOAD = b'"event":"publish"', b'"event":"confirm"', b'"task":', b'"peer":"load"'
"""As the tap writes them; within a text of a line the quotes would be escaped."""
_MOST_MOVES = 5000
"""Of the last moves that are remembered."""


STEADY_NS = 500_000_000
"""Between two consumers that a framework opens lie milliseconds."""


class InFlight(NamedTuple):
    """A delivery that no one has settled."""

    task: str | None
    """None where the message carries no id."""
    queue: str | None
    peer: str
    """Who has it, by the name of the container or program."""


class Move(NamedTuple):
    """A task that was published, delivered, or settled by its consumer."""

    at: int
    """Nanoseconds since the epoch."""
    peer: str
    event: str
    """publish, deliver, ack, nack or reject."""
    place: str | None
    """Of a publish the routing key, or the exchange where there is none; else the queue."""
    task: str
    scheduled: bool
    """It is a scheduler's own task (``drillbook.evidence.origins``)."""


@dataclass(frozen=True, slots=True)
class Tally:
    """What the tap had seen move at one moment."""

    moves: int
    """Of all tasks."""
    scheduled_moves: int
    """Those of schedulers' own tasks among them."""
    in_flight: int
    """Deliveries that no one has settled; those of schedulers' own tasks left out: there is nearly always one."""
    scheduled: Mapping[str, int]
    """Schedulers' own tasks, each with when it was published first, in nanoseconds since the epoch."""


@dataclass(frozen=True, slots=True)
class TapAction:
    """One line of the tap about what it did for a fault."""

    what: str
    """``ack dropped``, ``deliver held``, ``deliver let go``, ``channel closed`` …"""
    at: int
    """Nanoseconds since the epoch."""
    link: str | None
    peer: str | None
    task: str | None


@dataclass(slots=True)
class _Rule:
    """What the tap has said of the rule of one fault, since it was last armed."""

    acts: list[TapAction] = field(default_factory=list)
    disarmed: bool = False
    passed: int | None = None


class WireTail:
    """What the tap has seen so far; safe to ask from several threads.

    Args:
        path: the tap's file; it need not be there yet.
        of_ledger: whether an id is one that the load gives.
    """

    def __init__(self, path: Path, of_ledger: OfLedger = lambda _: False) -> None:
        self._appended = Appended(path)
        self._origins = Origins(of_ledger)
        self._last_moves: deque[tuple[dict[str, Any], bool]] = deque(maxlen=_MOST_MOVES)
        """Their lines, and whether the task is scheduled."""
        self._lock = RLock()
        self._consumers: Counter[tuple[str, int, int, str | None]] = Counter()
        self._connections: dict[int, str] = {}
        """Open connections, each with the name of its client."""
        self._in_flight: dict[tuple[int, int], dict[tuple[str | None, str | None, str], int]] = {}
        """How often each delivery is in flight, by connection and channel."""
        self._rules: dict[str, _Rule] = {}
        self._given: dict[str, tuple[int, int]] = {}
        """How many deliveries each client has had, schedulers' own tasks left out, and when the last one was."""
        self._consumers_changed: dict[str, int] = {}
        """When each client last began or ended to consume."""
        self.moves = 0
        """Events that moved a task; what workers tell each other all the time, without a task's id, is none."""
        self._scheduled_moves = 0
        self._scheduled: dict[str, int] = {}
        """Schedulers' own tasks, and when each was published first."""
        self._scheduled_open: set[str] = set()
        """Schedulers' own tasks that were published, and not settled for good since."""
        self.told = 0
        """Of what passed before this moment no line is still to come, in nanoseconds since the epoch."""
        self.started = False
        """The tap listens."""
        self.ended = False
        """The tap wrote its last line in order."""

    def poll(self) -> WireTail:
        """Read what has been appended since."""
        with self._lock:
            for text in self._appended.lines():
                self._read(text)
        return self

    # What moves

    def tally(self) -> Tally:
        """What has moved, and what is in flight, all of one moment."""
        with self._lock:
            own = sum(task in self._origins.scheduled for task, _, _ in self.in_flight_tasks())
            return Tally(self.moves, self._scheduled_moves, self.in_flight - own, dict(self._scheduled))

    def schedulers(self) -> set[str]:
        """Clients that publish tasks of their own, and were never given any."""
        with self._lock:
            return self._origins.schedulers

    @property
    def scheduled_open(self) -> int:
        """Schedulers' own tasks that nobody has done yet."""
        with self._lock:
            return len(self._scheduled_open)

    def last_moves(self, since: int) -> list[Move]:
        """The last moves, those of the load's publishes left out.

        Args:
            since: nanoseconds since the epoch.
        """
        with self._lock:
            return [_move(line, scheduled) for line, scheduled in self._last_moves if line["at"] >= since]

    @property
    def in_flight(self) -> int:
        """Deliveries that no one has settled, on channels that are open."""
        with self._lock:
            return sum(sum(held.values()) for held in self._in_flight.values())

    def in_flight_tasks(self) -> list[InFlight]:
        """Those deliveries, each a task, its queue and who has it; in the order of their channels."""
        with self._lock:
            return [InFlight(*one) for held in self._in_flight.values() for one, count in held.items() for _ in range(count)]

    def given(self, peer: str) -> tuple[int, int]:
        """How many deliveries a client has had, and when the last one was, in nanoseconds since the epoch; (0, 0) where it had none.

        A scheduler's own tasks do not count.
        """
        with self._lock:
            return self._given.get(peer, (0, 0))

    def consumers(self, peer: str, queues: Container[str | None] | None = None) -> int:
        """How many consumers a client has, by the name of its container.

        Args:
            peer: the name.
            queues: those that count; None: all.
        """
        with self._lock:
            mine = [(queue, count) for (name, _, _, queue), count in self._consumers.items() if name == peer]
        return sum(count for queue, count in mine if queues is None or queue in queues)

    def consumes_steadily(self, peer: str, queues: Container[str | None], at: int) -> bool:
        """Whether a client consumes, and has the same consumers for a moment: frameworks open them one after the other.

        Args:
            peer: the name of its container.
            queues: those that count.
            at: now, in nanoseconds since the epoch.
        """
        with self._lock:
            return self.consumers(peer, queues) > 0 and at - self._consumers_changed.get(peer, 0) >= STEADY_NS

    def connected(self, peer: str) -> bool:
        """Whether a client has an open connection to the broker, by the name of its container."""
        with self._lock:
            return peer in self._connections.values()

    def consuming(self) -> Counter[tuple[str, str | None]]:
        """How many consumers there are, by client and queue."""
        found: Counter[tuple[str, str | None]] = Counter()
        with self._lock:
            for (peer, _, _, queue), count in self._consumers.items():
                found[(peer, queue)] += count
        return +found

    # What the tap did for a fault, by the fault's name

    def armed(self, rule: str) -> bool:
        """Whether the tap has said that it counts for this fault; it may have been disarmed since."""
        return rule in self._rules

    def disarmed(self, rule: str) -> bool:
        """Whether the tap has said that it counts no more."""
        return rule in self._rules and self._rules[rule].disarmed

    def acts(self, rule: str) -> list[TapAction]:
        """What it did since it was armed, in order; being armed and disarmed left out."""
        with self._lock:
            return list(self._rules[rule].acts) if rule in self._rules else []

    def passed(self, rule: str) -> int | None:
        """Once it is disarmed: how many messages of its kind passed while it was armed."""
        return self._rules[rule].passed if rule in self._rules else None

    # Inside

    def _read(self, text: bytes) -> None:
        """Take a line; half of all are the load's publishes and confirms, of which nothing is wanted that needs them parsed."""
        if _PUBLISH in text and (_LOAD in text or _TASK not in text):
            self.moves += _TASK in text
        elif _CONFIRM not in text:
            self._take(json.loads(text))

    def _take(self, line: dict[str, Any]) -> None:
        event, self.told = line["event"], line["at"]
        if event in _MOVES and "task" in line:
            self._move(event, line)
        if event in ("deliver", "ack", "nack", "reject"):
            self._carry(event, line)
        else:
            self._rarer(event, line)

    def _move(self, event: str, line: dict[str, Any]) -> None:
        task, peer = line["task"], line["peer"]
        if event == "publish":
            self._origins.published(peer, task, self._in_hand(peer))
        elif event == "deliver":
            self._origins.given(peer, task)
        scheduled = task in self._origins.scheduled
        self._last_moves.append((line, scheduled))
        self.moves += 1
        self._scheduled_moves += scheduled
        if scheduled:
            self._scheduled.setdefault(task, line["at"])
        if scheduled and (event == "publish" or line.get("requeue")):
            self._scheduled_open.add(task)
        elif scheduled and event != "deliver":
            self._scheduled_open.discard(task)

    def _in_hand(self, peer: str) -> Iterator[str]:
        """The tasks that a client has not settled."""
        return (task for held in self._in_flight.values() for task, _, holder in held if holder == peer and task is not None)

    def _carry(self, event: str, line: dict[str, Any]) -> None:
        """A delivery, or what settles one."""
        if event == "deliver" and line.get("task") not in self._origins.scheduled:
            self._given[line["peer"]] = (self._given.get(line["peer"], (0, 0))[0] + 1, line["at"])
        held = self._in_flight.setdefault((line["connection"], line["channel"]), {})
        delivery = (line.get("task"), line.get("queue"), line["peer"])
        count = held.get(delivery, 0) + (1 if event == "deliver" else -1)
        if count > 0:
            held[delivery] = count
        else:
            held.pop(delivery, None)

    def _rarer(self, event: str, line: dict[str, Any]) -> None:
        channel = (line.get("connection", 0), line.get("channel", 0))
        match event:
            case "start":
                self._begin()
            case "open" if line.get("channel") is None:
                self._connections[line["connection"]] = line["peer"]
            case "end":
                self.ended = True
            case "consume":
                self._consumers[(line["peer"], *channel, line.get("queue"))] += 1
                self._consumers_changed[line["peer"]] = line["at"]
            case "cancel":
                self._consumers[(line["peer"], *channel, line.get("queue"))] -= 1
                self._consumers_changed[line["peer"]] = line["at"]
            case "close":
                self._close(channel, whole=line.get("channel") is None)
            case "fault":
                self._act(line)

    def _begin(self) -> None:
        """A tap that starts has no connections, and numbers them from 1."""
        self.started = True
        self._connections.clear()
        self._in_flight.clear()
        self._consumers.clear()

    def _close(self, channel: tuple[int, int], whole: bool) -> None:
        def gone(key: tuple[int, int]) -> bool:
            return key[0] == channel[0] if whole else key == channel

        if whole:
            self._connections.pop(channel[0], None)
        for key in [key for key in self._in_flight if gone(key)]:
            del self._in_flight[key]
        self._consumers = Counter({key: count for key, count in self._consumers.items() if not gone(key[1:3])})

    def _act(self, line: dict[str, Any]) -> None:
        rule, what = line["rule"], line["reason"]
        if what == "armed":
            self._rules[rule] = _Rule()
        elif rule not in self._rules:
            return
        elif what == "disarmed":
            self._rules[rule].disarmed, self._rules[rule].passed = True, line.get("count")
        else:
            self._rules[rule].acts.append(TapAction(what, line["at"], line.get("link"), line.get("peer"), line.get("task")))


def _move(line: dict[str, Any], scheduled: bool) -> Move:
    place = line.get("routing_key") or line.get("exchange") if line["event"] == "publish" else line.get("queue")
    return Move(line["at"], line["peer"], line["event"], place, line["task"], scheduled)
