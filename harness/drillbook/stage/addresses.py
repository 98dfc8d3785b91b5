"""Where clients find what links lead to: the ports of each link's proxies, and the variables made of them. Pure."""

from __future__ import annotations

import secrets
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from drillbook.stage.links import Route
from drillbook.stage.probes import Echo

LOOPBACK = "127.0.0.1"
PROXIES = "toxiproxy"
"""Its name on the run's network."""


@dataclass(frozen=True)
class Credentials:
    """Random for each run."""

    user: str = "drill"
    password: str = field(default_factory=lambda: secrets.token_urlsafe(18), repr=False)

    def secrets(self) -> list[str]:
        """The password in every form in which it may be printed; the second is HTTP's Basic, as `curl -v` shows it."""
        return [self.password, b64encode(f"{self.user}:{self.password}".encode()).decode()]


@dataclass(frozen=True)
class Address:
    """Where one client finds one service."""

    host: str
    ports: tuple[int, ...]
    """Of the link's proxies, in their order."""
    credentials: Credentials

    def at(self, number: int = 0) -> str:
        """``host:port`` of one of its ports."""
        return f"{self.host}:{self.ports[number]}"

    def url(self, scheme: str, path: str, number: int = 0) -> str:
        """``scheme://user:password@host:port/path`` of one of its ports."""
        return f"{scheme}://{self.credentials.user}:{self.credentials.password}@{self.at(number)}/{path}"


@dataclass(frozen=True)
class PlannedLink:
    """A link as the component declares it that it leads to."""

    client: str
    service: str
    routes: tuple[Route, ...]
    """Its proxies, one for each port that it leads to."""
    hello: bytes
    """What a client says first, so that the service answers."""
    echo: Echo | None
    variables: Callable[[Address], Mapping[str, str]]
    """What its client is told of it."""

    @property
    def name(self) -> str:
        """``workers.v2.1 -> broker``."""
        return f"{self.client} -> {self.service}"


class Addresses:
    """Where clients find their services: those on the machine by loopback ports, workers by the proxies' ports on the run's network.

    Args:
        credentials: of the run.
        links: of the stage.
    """

    def __init__(self, credentials: Credentials, links: Iterable[PlannedLink]) -> None:
        self.credentials = credentials
        self.links = {link.name: link for link in links}
        """By name."""
        self.ports: dict[str, tuple[int, ...]] = {}
        """The loopback ports of each link's proxies, once they are there."""

    def on_machine(self, link: str) -> Address:
        """Where a link is found by a client on the machine."""
        return Address(LOOPBACK, self.ports[link], self.credentials)

    def program(self, name: str) -> dict[str, str]:
        """What a client on the machine is told, over its own links."""
        return {key: value for link in self._of(name) for key, value in link.variables(self.on_machine(link.name)).items()}

    def worker(self, name: str) -> dict[str, str]:
        """What a worker is told, over its own links."""
        return {
            key: value
            for link in self._of(name)
            for key, value in link.variables(Address(PROXIES, tuple(route.listen for route in link.routes), self.credentials)).items()
        }

    def _of(self, client: str) -> Iterator[PlannedLink]:
        return (link for link in self.links.values() if link.client == client)
