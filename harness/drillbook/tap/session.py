"""One client's connection through the tap: its two TCP connections, its scanner, and its gates while its link has rules."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from .armed import Armed
from .capture import Capture
from .closings import Closings, frame
from .config import Link, prefix
from .connection import Connection
from .gate import Gate
from .lines import LinesFile
from .selector import Selector


class Session:
    """One connection.

    Args:
        link: the link it came by.
        number: counts the connections of the tap.
        lines: where its scanner writes.
        selector: where a message carries its task's id.
        rules: those of its link.
        capture: who wants the messages that the broker delivers.
    """

    def __init__(
        self, link: Link, number: int, lines: LinesFile, selector: Selector, rules: Sequence[Armed], capture: Capture | None = None
    ) -> None:
        self.link, self.selector, self.rules = link, selector, rules
        self.connection = Connection(prefix(link, number), lines, selector, capture)
        self.tick = lines.tick
        self.gates = {who: Gate(self, who) for who in ("client", "broker")} if rules else {}
        self.closings = Closings(self)
        self.severed = False
        self.ends: dict[str, asyncio.Transport] = {}
        """The transports to client and broker."""

    def rule_by(self, rules: Sequence[Armed]) -> None:
        """Take the rules that are armed for its link now."""
        self.rules = rules
        if rules and not self.gates and not self.severed:
            self.gates = {who: Gate(self, who) for who in ("client", "broker")}
        self.dissolve()

    def arrived(self, who: str, data: bytes) -> None:
        """``who`` has sent this, and rules are armed or were until now."""
        self.gates[who].arrive(data)
        self.dissolve()

    def carry(self, who: str, data: bytes) -> None:
        """Send on what ``who`` has sent."""
        to = self.ends.get("broker" if who == "client" else "client")
        if to is not None and not to.is_closing():
            to.write(data)

    def insert(self, who: str, number: int, payload: bytes) -> None:
        """Send a method in the name of ``who``."""
        self.gates[who].insert(number, frame(number, payload))

    def is_amid(self, who: str, number: int) -> bool:
        """Whether ``who`` has sent a part of a message on a channel that was carried on already."""
        return self.gates[who].is_amid(number)

    def sever(self, rule: str) -> None:
        """End both TCP connections; what was carried on before still arrives."""
        self.connection.fault(rule, "connection severed")
        self.severed = True
        self.drop_held()
        self.connection.lost("the drill")
        self.ends["client"].close()
        self.ends["broker"].resume_reading()
        self.ends["broker"].write_eof()

    def ended(self, who: str) -> None:
        """``who`` has ended its connection."""
        self.drop_held()
        self.connection.lost(who)

    def drop_held(self) -> None:
        """It ends: what is held will never be carried on."""
        gates, self.gates = self.gates, {}
        for gate in gates.values():
            gate.end()

    def dissolve(self) -> None:
        """Do without gates when there is nothing left for them to do."""
        if not self.rules and not self.closings and all(gate.is_idle for gate in self.gates.values()):
            gates, self.gates = self.gates, {}
            for gate in gates.values():
                gate.dissolve()
