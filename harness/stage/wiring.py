"""Who reaches whom, and over which ports: every link's proxies, the tap's listeners, and the addresses made of them. Pure."""

from __future__ import annotations

import secrets
from base64 import b64encode
from dataclasses import dataclass, field
from itertools import count

from harness import plan
from harness.scenario.model import Scenario
from harness.stage import broker, database, sink
from harness.stage.links import FIRST_PORT, Route

TAP_FIRST_PORT = 5701
_SUFFIXES = ("", "-api", "-metrics")
HARNESS_BROKER, HARNESS_DATABASE = "harness -> broker", "harness -> database"
"""The harness's own links: not through the tap, and no fault can name them."""


@dataclass(frozen=True)
class Wiring:
    """The wires of one stage."""

    routes: dict[str, tuple[Route, ...]]
    """Proxies by link; those of `harness` and `operator` to the broker lead to AMQP and the management API, the harness's to metrics."""
    taps: list[dict[str, object]]
    """What the tap must know of each of its links."""


@dataclass(frozen=True)
class Credentials:
    """Random for each run."""

    user: str = "drill"
    password: str = field(default_factory=lambda: secrets.token_urlsafe(18), repr=False)

    def secrets(self) -> list[str]:
        """The password in every form in which it may be printed; the second is HTTP's Basic, as `curl -v` shows it."""
        return [self.password, b64encode(f"{self.user}:{self.password}".encode()).decode()]

    def amqp(self, host: str, port: int) -> str:
        """An AMQP address."""
        return f"amqp://{self.user}:{self.password}@{host}:{port}/%2F"

    def api(self, host: str, port: int) -> str:
        """The management API's address."""
        return f"http://{self.user}:{self.password}@{host}:{port}/api"

    def sql(self, host: str, port: int) -> str:
        """The database's address."""
        return f"postgresql://{self.user}:{self.password}@{host}:{port}/{database.NAME}"


def wire(scenario: Scenario) -> Wiring:
    """The wires of a scenario's stage."""
    assert scenario.stage is not None
    ports = count(FIRST_PORT)
    taps: list[dict[str, object]] = []
    own = [HARNESS_BROKER, *([HARNESS_DATABASE] if scenario.stage.database else [])]
    routes: dict[str, tuple[Route, ...]] = {}
    for name in [*own, *plan.links(scenario)]:
        client, service = name.split(" -> ")
        if service == "database":
            upstreams = [f"database:{database.PORT}"]
        elif service == "sink":
            upstreams = [f"sink:{sink.PORT}"]
        elif client == "harness":
            upstreams = [f"broker:{port}" for port in (broker.AMQP_PORT, broker.MANAGEMENT_PORT, broker.METRICS_PORT)]
        else:
            taps.append(_tap(name, client, TAP_FIRST_PORT + len(taps)))
            upstreams = [f"tap:{taps[-1]['listen']}", *([f"broker:{broker.MANAGEMENT_PORT}"] if client == "operator" else [])]
        slug = f"{client}-to-{service}"
        routes[name] = tuple(Route(f"{slug}{_SUFFIXES[number]}", next(ports), upstream) for number, upstream in enumerate(upstreams))
    return Wiring(routes, taps)


def _tap(link: str, peer: str, port: int) -> dict[str, object]:
    version = {"version": peer.split(".")[1]} if peer.startswith("workers.") else {}
    return {"name": link, "listen": port, "peer": peer, **version}
