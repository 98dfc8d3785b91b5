"""Faults at a message on the wire: that something says which one, that it can pass there, and that it leads to a victim."""

from __future__ import annotations

from collections.abc import Sequence

from drillbook.core.names import StageNames
from drillbook.faults import WireFault
from drillbook.plan import client_of
from drillbook.scenario import FaultEntry, OnWire
from drillbook.validation.partial_scenario import PartialScenario
from drillbook.validation.source import KeyPath

LOAD = "load -> broker"
LOAD_GETS = ("publish", "confirm")
"""The load publishes with confirms; it consumes nothing, and uses no transaction."""


def check(partial: PartialScenario) -> None:
    """Each fault with `on`."""
    for number, entry in partial.faults:
        if entry.on is not None:
            _Check(partial, number, entry, entry.on).all()


class _Check:
    """One fault and its message; each problem is told at the key that is wrong."""

    def __init__(self, partial: PartialScenario, number: int, entry: FaultEntry, on: OnWire) -> None:
        self._source, self._names = partial.source, partial.names
        self._path: KeyPath = ("faults", number)
        self._fault, self._on = entry.fault, on
        self._kind = entry.fault.kind

    def all(self) -> None:
        if self._on.count > 1 and not isinstance(self._fault, WireFault):
            self._refuse(
                (*self._path, "on", "count"), f"count is for faults that hit messages, and {self._kind} happens once: leave it out"
            )
        if self._names is None:
            return
        own = self._names.resolve(self._fault.aim)
        if self._on.link is None:
            self._own_link(own)
        else:
            links = self._names.resolve(self._on.link)
            self._other_link(own, links)
            self._passes((*self._path, "on", "link"), self._on.link, links)
            self._victim(self._names, own, links)

    def _own_link(self, own: Sequence[str]) -> None:
        """Left out, the link is the fault's own: one that hits no messages may have none, or one that carries no AMQP."""
        aim, kind = self._fault.aim, self._kind
        if isinstance(self._fault, WireFault) or (own and _carries_amqp(own)):
            self._passes((*self._path, kind, "link"), aim, own)
        elif own:
            client = client_of(aim) if "->" in aim or aim.startswith("workers") else "workers"
            why = f"{aim} carries no AMQP" if "->" in aim else f"{kind} hits a container"
            self._source.refuse(
                self._source.key((*self._path, "on")), f"{why}: say where the message passes, such as link: {client} -> broker"
            )

    def _other_link(self, own: Sequence[str], links: Sequence[str]) -> None:
        if isinstance(self._fault, WireFault) and own and links and set(own) != set(links):
            self._refuse(
                (*self._path, "on", "link"), f"{self._kind} hits the messages on its own link, {self._fault.aim}: leave out link here"
            )

    def _passes(self, path: KeyPath, reference: str, links: Sequence[str]) -> None:
        """Whether such a message can pass on any of the links."""
        if not _carries_amqp(links):
            self._refuse(path, f"{reference} carries no AMQP, so no {self._on.wire} passes; did you mean {client_of(reference)} -> broker?")
        elif list(links) == [LOAD] and self._on.wire not in LOAD_GETS:
            self._refuse(
                (*self._path, "on", "wire"), f"the load only publishes: no {self._on.wire} passes {LOAD}; {' and '.join(LOAD_GETS)} do"
            )

    def _victim(self, names: StageNames, own: Sequence[str], links: Sequence[str]) -> None:
        """One of several victims is the one whose message it was: then every message must be a victim's, or none."""
        if self._fault.pick != "one" or len(own) < 2 or isinstance(self._fault, WireFault):
            return
        victims, clients = {client_of(name) for name in own}, {client_of(link) for link in links}
        strange = [client for client in names.workers() if client in clients - victims]
        if strange and victims & clients:
            self._refuse(
                (*self._path, "on", "link"),
                f"the victim is the one whose message it was, and {self._on.link} carries those of {strange[0]}, "
                f"which {self._fault.aim} does not name",
            )

    def _refuse(self, path: KeyPath, message: str) -> None:
        self._source.refuse(self._source.value(path), message)


def _carries_amqp(links: Sequence[str]) -> bool:
    return all(link.endswith("-> broker") for link in links)
