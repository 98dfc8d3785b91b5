"""One client's connection through the tap: its two TCP connections, its scanner, and its interceptors while its link has rules."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from .armed_rules import ArmedRule
from .capture import Capture
from .channel_closing import ChannelCloser, frame
from .config import TapLink, prefix
from .connection import Connection
from .interceptor import Interceptor
from .selector import Selector
from .wire_file import WireFile


class TapSession:
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
        self, link: TapLink, number: int, lines: WireFile, selector: Selector, rules: Sequence[ArmedRule], capture: Capture | None = None
    ) -> None:
        self.link, self.selector, self.rules = link, selector, rules
        self.connection = Connection(prefix(link, number), lines, selector, capture)
        self.tick = lines.tick
        self.interceptors = {who: Interceptor(self, who) for who in ("client", "broker")} if rules else {}
        self.closer = ChannelCloser(self)
        self.severed = False
        self.ends: dict[str, asyncio.Transport] = {}
        """The transports to client and broker."""

    def rule_by(self, rules: Sequence[ArmedRule]) -> None:
        """Take the rules that are armed for its link now."""
        self.rules = rules
        if rules and not self.interceptors and not self.severed:
            self.interceptors = {who: Interceptor(self, who) for who in ("client", "broker")}
        self.dissolve()

    def arrived(self, who: str, data: bytes) -> None:
        """``who`` has sent this, and rules are armed or were until now."""
        self.interceptors[who].arrive(data)
        self.dissolve()

    def carry(self, who: str, data: bytes) -> None:
        """Send on what ``who`` has sent."""
        to = self.ends.get("broker" if who == "client" else "client")
        if to is not None and not to.is_closing():
            to.write(data)

    def insert(self, who: str, number: int, payload: bytes) -> None:
        """Send a method in the name of ``who``."""
        self.interceptors[who].insert(number, frame(number, payload))

    def is_amid(self, who: str, number: int) -> bool:
        """Whether ``who`` has sent a part of a message on a channel that was carried on already."""
        return self.interceptors[who].is_amid(number)

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
        interceptors, self.interceptors = self.interceptors, {}
        for interceptor in interceptors.values():
            interceptor.end()

    def dissolve(self) -> None:
        """Do without interceptors when there is nothing left for them to do."""
        if not self.rules and not self.closer and all(one.is_idle for one in self.interceptors.values()):
            interceptors, self.interceptors = self.interceptors, {}
            for interceptor in interceptors.values():
                interceptor.dissolve()
