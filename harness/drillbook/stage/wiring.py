"""Who reaches whom, and over which ports: every link's proxies, the tap's listeners, and the addresses made of them. Pure."""

from __future__ import annotations

import secrets
from base64 import b64encode
from dataclasses import dataclass, field
from itertools import count

from drillbook import plan, sink
from drillbook.rabbitmq import broker
from drillbook.scenario import RunnableScenario
from drillbook.stage import database, services
from drillbook.stage.links import FIRST_PORT, Route

TAP_FIRST_PORT = 5701
PROXIES = "toxiproxy"
"""Its name on the run's network."""
_SUFFIXES = ("", "-api", "-metrics")
HARNESS_BROKER, HARNESS_DATABASE = "harness -> broker", "harness -> database"
"""The harness's own links, and one to each further server: not through the tap, and no fault can name them."""


@dataclass(frozen=True)
class Wiring:
    """The wires of one stage."""

    routes: dict[str, tuple[Route, ...]]
    """Proxies by link; those of `harness` and `operator` to the broker lead to AMQP and the management API, the harness's to metrics."""
    taps: list[dict[str, object]]
    """What the tap must know of each of its links."""
    variables: dict[str, tuple[str, ...]]
    """Of each further server: the variables that tell where it is, one for each of its ports."""


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


class Addresses:
    """Where clients find their services: those on the machine by loopback ports, workers by the proxies' ports on the run's network.

    Args:
        credentials: of the run.
        wiring: of the stage.
    """

    def __init__(self, credentials: Credentials, wiring: Wiring) -> None:
        self._credentials, self._routes, self._variables = credentials, wiring.routes, wiring.variables
        self.ports: dict[str, tuple[int, ...]] = {}
        """The loopback ports of each link's proxies, once they are there."""

    def amqp(self, link: str) -> str:
        """The broker, for a client on the machine."""
        return self._credentials.amqp("127.0.0.1", self.ports[link][0])

    def harness(self) -> tuple[str, str, str]:
        """The broker as the harness reaches it: AMQP, the management API, and its metrics."""
        port = self.ports[HARNESS_BROKER]
        return self.amqp(HARNESS_BROKER), self._credentials.api("127.0.0.1", port[1]), f"http://127.0.0.1:{port[2]}"

    def sql(self, link: str) -> str:
        """The database, for a client on the machine."""
        return self._credentials.sql("127.0.0.1", self.ports[link][0])

    def operator(self) -> dict[str, str]:
        """What programs are told, over the operator's links."""
        told = {"AMQP_URL": self.amqp("operator -> broker")}
        told["RABBITMQ_API_URL"] = self._credentials.api("127.0.0.1", self.ports["operator -> broker"][1])
        if "operator -> database" in self.ports:
            told["DATABASE_URL"] = self.sql("operator -> database")
        if "operator -> sink" in self.ports:
            told["EFFECTS_URL"] = f"http://127.0.0.1:{self.ports['operator -> sink'][0]}"
        return told | self.servers("operator")

    def servers(self, client: str) -> dict[str, str]:
        """Where the further servers are, for a client on the machine."""
        return {
            variable: f"127.0.0.1:{port}"
            for service, names in self._variables.items()
            for variable, port in zip(names, self.ports[f"{client} -> {service}"], strict=True)
        }

    def worker(self, name: str) -> dict[str, str]:
        """What a worker is told, over its own links."""
        port = {service: group[0].listen for link, group in self._routes.items() for service in [_service(link, name)] if service}
        told = {"AMQP_URL": self._credentials.amqp(PROXIES, port["broker"])}
        if "database" in port:
            told["DATABASE_URL"] = self._credentials.sql(PROXIES, port["database"])
        if "sink" in port:
            told["EFFECTS_URL"] = f"http://{PROXIES}:{port['sink']}"
        for service, names in self._variables.items():
            group = self._routes[f"{name} -> {service}"]
            told |= {variable: f"{PROXIES}:{route.listen}" for variable, route in zip(names, group, strict=True)}
        return told


def _service(link: str, client: str) -> str | None:
    """What a link leads to, where it is this client's."""
    name, service = link.split(" -> ")
    return service if name == client else None


def wire(scenario: RunnableScenario) -> Wiring:
    """The wires of a scenario's stage."""
    ports = count(FIRST_PORT)
    taps: list[dict[str, object]] = []
    servers = scenario.stage.services
    own = [HARNESS_BROKER, *([HARNESS_DATABASE] if scenario.stage.database else []), *(f"harness -> {name}" for name in servers)]
    routes: dict[str, tuple[Route, ...]] = {}
    for name in [*own, *plan.links(scenario)]:
        client, service = name.split(" -> ")
        if service == "database":
            upstreams = [f"database:{database.PORT}"]
        elif service == "sink":
            upstreams = [f"sink:{sink.PORT}"]
        elif service in servers:
            upstreams = [f"{service}:{port}" for port in services.ports(servers[service])]
        elif client == "harness":
            upstreams = [f"broker:{port}" for port in (broker.AMQP_PORT, broker.MANAGEMENT_PORT, broker.METRICS_PORT)]
        else:
            taps.append(_tap(name, client, TAP_FIRST_PORT + len(taps)))
            upstreams = [f"tap:{taps[-1]['listen']}", *([f"broker:{broker.MANAGEMENT_PORT}"] if client == "operator" else [])]
        slug = f"{client}-to-{service}"
        suffixes = ["", *(f"-{port}" for port in servers[service].ports)] if service in servers else _SUFFIXES
        routes[name] = tuple(Route(f"{slug}{suffixes[number]}", next(ports), upstream) for number, upstream in enumerate(upstreams))
    return Wiring(routes, taps, {name: services.variables(name, server) for name, server in servers.items()})


def _tap(link: str, peer: str, port: int) -> dict[str, object]:
    version = {"version": peer.split(".")[1]} if peer.startswith("workers.") else {}
    return {"name": link, "listen": port, "peer": peer, **version}
