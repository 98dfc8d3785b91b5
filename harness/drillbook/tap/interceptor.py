"""One direction of a connection whose link has rules armed: every unit is looked at before it is carried on.

A connection may be under way when a rule is armed: bytes are then carried first and read after, as without rules, until the stream is at
a frame's edge. What the broker sends is read, and has its line, when it comes; what the client sends is read when it is carried on, so
that what never reaches the broker has no line.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from struct import Struct, error
from typing import Protocol

from .armed_rules import ArmedRule
from .channel import COMMIT, DELIVER, GET_OK, PUBLISH, method
from .channel_closing import ChannelCloser
from .connection import Connection
from .frame_groups import FrameGroup, FrameGrouper
from .frames import HEADER
from .selector import Selector

_frame = Struct(">BHI").unpack_from
_body_size = Struct(">Q").unpack_from
_EVENTS = {
    "client": {
        PUBLISH: "publish",
        method(60, 80): "ack",
        method(60, 90): "reject",
        method(60, 120): "nack",
        COMMIT: "commit",
    },
    "broker": {DELIVER: "deliver", GET_OK: "deliver", method(60, 80): "confirm", method(60, 120): "confirm"},
}


class Carrier(Protocol):
    """The connection that an interceptor is one direction of."""

    connection: Connection
    selector: Selector
    rules: Sequence[ArmedRule]
    closer: ChannelCloser
    severed: bool

    @property
    def tick(self) -> Callable[[], object]:
        """Take the time for the lines to come."""

    def carry(self, who: str, data: bytes) -> None:
        """Send on what ``who`` has sent."""

    def sever(self, rule: str) -> None:
        """End both TCP connections; what was carried on before still arrives."""

    def dissolve(self) -> None:
        """Do without interceptors when there is nothing left for them to do."""


class Interceptor:
    """What ``who``, client or broker, sends on a connection.

    Args:
        session: the connection.
        who: the sender.
    """

    def __init__(self, session: Carrier, who: str) -> None:
        self._session, self._connection, self.who = session, session.connection, who
        self._events = _EVENTS[who]
        self._read = self._connection.from_client if who == "client" else self._connection.from_broker
        self._frames = self._connection.client if who == "client" else self._connection.broker
        self._units = FrameGrouper(session.selector)
        self._at_edge = False
        self._amid: dict[int, int] = {}
        """Channels on which a message has been carried in part: how many octets of its body are to come, -1 where its header is."""
        self._queue: deque[FrameGroup] = deque()
        self._out: list[bytes] = []
        self._inserts: list[tuple[int, bytes]] = []
        self._held: tuple[ArmedRule, FrameGroup, str] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def arrive(self, data: bytes) -> None:
        """Take the next bytes."""
        data = self._to_the_edge(data)
        if data:
            for unit in self._units.feed(data):
                if self.who == "broker":
                    unit.covers = self._covers(unit)
                    self._read(unit.data)
                self._queue.append(unit)
        self._drain()

    def _to_the_edge(self, data: bytes) -> bytes:
        """Carry on the rest of a frame of which a part has been carried already; what is behind it."""
        while not self._at_edge:
            owed = 0 if self._connection.incomplete else self._frames.owed
            if not owed:
                self._at_edge = True
                self._amid = self._messages_under_way()
                break
            if not data:
                break
            self._session.carry(self.who, data[:owed])
            self._read(data[:owed])
            data = data[owed:]
        return data

    def _drain(self) -> None:
        while self._queue and not self._held and not self._session.severed:
            unit = self._queue.popleft()
            if self._session.closer.lets_pass(self.who, unit) and not self._is_stopped(unit):
                self._carry(unit)
        self._flush()

    def _carry(self, unit: FrameGroup) -> None:
        if self.who == "client":
            self._read(unit.data)
        self._out.append(unit.data)
        if unit.number in self._amid and not unit.name:
            self._follow(unit)
        if self._inserts:
            self._insert()

    def _flush(self) -> None:
        if self._inserts:
            self._insert()
        if self._out:
            self._session.carry(self.who, b"".join(self._out))
            self._out.clear()

    def insert(self, number: int, frame: bytes) -> None:
        """Carry on a frame of the tap's own, as if ``who`` had sent it, as soon as no message of its channel is under way."""
        self._inserts.append((number, frame))
        if self._to_the_edge(b"") == b"":
            self._flush()

    def _insert(self) -> None:
        if self._at_edge:
            ready = [(number, frame) for number, frame in self._inserts if not self.is_amid(number)]
            self._inserts = [each for each in self._inserts if each not in ready]
            self._out += [frame for _, frame in ready]

    def is_amid(self, number: int) -> bool:
        """Whether a message on this channel has been carried in part."""
        return number in self._amid

    def _messages_under_way(self) -> dict[int, int]:
        found = {}
        for number, channel in self._connection.channels.items():
            missing = (channel.sent if self.who == "client" else channel.arriving).under_way
            if missing is not None:
                found[number] = missing
        return found

    def _follow(self, unit: FrameGroup) -> None:
        """A frame of a message that has been carried in part."""
        kind, _, size = _frame(unit.data)
        self._amid[unit.number] = _body_size(unit.data, 11)[0] if kind == HEADER else self._amid[unit.number] - size
        if self._amid[unit.number] <= 0:
            del self._amid[unit.number]

    def _covers(self, unit: FrameGroup) -> list[str]:
        """The tasks that a unit is about, where rules can meet it; ``[""]`` for one task without an id."""
        event = self._events.get(unit.name)
        channel = self._connection.channels.get(unit.number)
        if event is None or channel is None or channel.ended or self._connection.incomplete:
            return []
        try:
            return [unit.task] if event in ("publish", "deliver") else channel.covers(event, unit.payload)
        except (IndexError, error):  # it makes no sense, as the scanner will say
            return []

    def _is_stopped(self, unit: FrameGroup) -> bool:
        """Have every rule count it, and do what the first one says that is to act on it."""
        covers = self._covers(unit) if self.who == "client" else unit.covers
        if not covers:
            return False
        event = self._events[unit.name]
        acting = [armed for armed in self._session.rules if armed.meets(event, covers)]
        if not acting:
            return False
        armed = acting[0]
        task = armed.witness(covers) if event != "commit" else ""
        match armed.rule.action:
            case "hold":
                self._hold(armed, unit, task)
            case "close":
                self._connection.fault(armed.rule.name, "channel closed", unit.number, task)
                self._flush()
                self._session.closer.close(unit.number)
            case "drop":
                self._say(armed, unit, task, "dropped")
                if armed.rule.sever:
                    self._flush()
                    self._session.sever(armed.rule.name)
        return True

    def _say(self, armed: ArmedRule, unit: FrameGroup, task: str, done: str) -> None:
        self._connection.fault(armed.rule.name, f"{self._events[unit.name]} {done}", unit.number, task)

    def _hold(self, armed: ArmedRule, unit: FrameGroup, task: str) -> None:
        self._held = (armed, unit, task)
        armed.holders.append(self)
        if armed.rule.seconds is not None:
            self._timer = asyncio.get_running_loop().call_later(armed.rule.seconds, self._time_is_over)
        self._say(armed, unit, task, "held")

    def _time_is_over(self) -> None:
        self._session.tick()
        self.let_go()

    def let_go(self) -> None:
        """Carry on what is held, and what waits behind it."""
        held = self._release()
        if held:
            self._say(*held, "let go")
            self._carry(held[1])
            self._drain()
        self._session.dissolve()

    def end(self) -> None:
        """One of the two ends has gone: what is held is dropped, and what is of no unit yet is carried on as it is."""
        held = self._release()
        if held:
            self._say(*held, "dropped")
        if held or self._session.severed:
            self._queue.clear()
            self._units.rest()
        else:
            self.dissolve()

    def dissolve(self) -> None:
        """Carry on what waits for its rest; from here on bytes need this interceptor no more."""
        rest = self._units.rest()
        if rest:
            self._session.carry(self.who, rest)
            self._read(rest)

    @property
    def is_idle(self) -> bool:
        """Whether it has nothing left to do but wait."""
        return not self._held and not self._queue and not self._inserts

    def _release(self) -> tuple[ArmedRule, FrameGroup, str] | None:
        held, self._held = self._held, None
        if held:
            held[0].holders.remove(self)
        if self._timer:
            self._timer.cancel()
            self._timer = None
        return held
