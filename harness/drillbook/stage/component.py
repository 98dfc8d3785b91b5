"""What a component of the stage is: one declaration of its image, its container, the links that lead to it, and how it starts and ends."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import ClassVar, Literal, Self, TypeVar, get_args

from drillbook import plan
from drillbook.engine.containers import StageContainer
from drillbook.engine.engine import Say
from drillbook.evidence import RunDirectory
from drillbook.evidence.wire_tail import WireTail
from drillbook.scenario import RunnableScenario
from drillbook.stage.addresses import Address, Addresses, Credentials, PlannedLink
from drillbook.stage.containers import RunContainers
from drillbook.stage.images import StageImages, WantedImage
from drillbook.stage.links import FIRST_PORT, Link, Route
from drillbook.stage.probes import Echo

AT_ONCE = 8
"""Containers that the engine is asked for side by side."""
T = TypeVar("T")
Client = Literal["harness", "load", "operator", "workers"]
CLIENTS = get_args(Client)
"""Who talks to the components; the workers each by links of their own."""


@dataclass
class StageRun:
    """One run of a stage: what its components are started with."""

    folder: Path
    """Where the scenario file is; its relative paths start here."""
    directory: RunDirectory
    images: StageImages
    containers: RunContainers
    addresses: Addresses
    wire: WireTail
    """What the tap says."""
    say: Say
    links: dict[str, Link] = field(default_factory=dict)
    """By name, once they are open."""


class Component(ABC):
    """One kind of component. A subclass in a file of its own in ``components/`` is found by its ``kind``.

    All that are ``after`` no other are started side by side; then each is asked until it is ready, and prepared; then those after them have
    their turn. What no link leads to is asked first: without the proxies nothing else could be.

    Args:
        name: its role on the stage, and its host on the run's network: ``broker``, ``flags``.
        scenario: a scenario that needs it.
    """

    kind: ClassVar[str]
    clients: ClassVar[Sequence[Client]] = ()
    """Who has a link to it; no fault touches the harness's own."""
    worker_variables: ClassVar[Sequence[str]] = ()
    """Variables that workers are given because of it, so that a scenario may not set them."""

    def __init__(self, name: str, scenario: RunnableScenario) -> None:
        self.name, self.scenario = name, scenario

    @classmethod
    @abstractmethod
    def of(cls, scenario: RunnableScenario) -> Iterable[Self]:
        """The components of this kind that a scenario needs."""

    @property
    @abstractmethod
    def image(self) -> WantedImage:
        """What its container is made of."""

    # Its container

    @property
    def command(self) -> list[str] | None:
        """In place of the image's own."""
        return None

    def environment(self, _run: StageRun) -> dict[str, str]:
        """Of its container."""
        return {}

    @property
    def settings(self) -> dict[str, str | int]:
        """What else its container is made with, as the engine takes it."""
        return {}

    def container(self, run: StageRun) -> StageContainer:
        """Its container, not yet created; files and mounts are put into it here."""
        return run.containers.make(
            self.name,
            run.images[self.image],
            lambda: self.answers(run),
            environment=self.environment(run),
            command=self.command,
            **self.settings,
        )

    # The links that lead to it

    def upstreams(self, _client: str) -> Mapping[str, str]:
        """What a client's link leads to, ``host:port`` by the name of the port; the first, by which it is probed, has none."""
        return {}

    @property
    def hello(self) -> bytes:
        """What a client says first, so that it answers."""
        return b""

    def echo(self, _client: str, _credentials: Credentials) -> Echo | None:
        """Has it give back what it is sent over a client's link; None: it cannot be asked to."""
        return None

    def variables(self, _address: Address) -> dict[str, str]:
        """What a client is told of it.

        Args:
            _address: where the client finds it, a port for each of its upstreams.
        """
        return {}

    def link(self, client: str, credentials: Credentials, listen: Iterator[int]) -> PlannedLink:
        """A client's way to it.

        Args:
            client: ``operator``, ``workers.v2.1``.
            credentials: of the run.
            listen: gives a free port of the proxies' container.
        """
        slug = f"{client}-to-{self.name}"
        routes = tuple(
            Route(f"{slug}-{port}" if port else slug, next(listen), upstream) for port, upstream in self.upstreams(client).items()
        )
        return PlannedLink(client, self.name, routes, self.hello, self.echo(client, credentials), self.variables)

    # Its life

    def after(self, _others: Sequence[Component]) -> Iterable[Component]:
        """Those of the others that must be ready before it is started."""
        return ()

    def start(self, run: StageRun) -> None:
        """Make its container and start it."""
        self.container(run).start()

    def answers(self, run: StageRun) -> bool:
        """Whether the service inside is ready: it answers a hello over the harness's link."""
        return run.links[f"harness -> {self.name}"].round_trip_seconds(1.0) is not None

    def ready(self, run: StageRun) -> None:
        """Ask until it is ready.

        Raises:
            HarnessError: it does not get ready; with its last words.
        """
        run.containers.ready(self.name)

    def prepare(self, _run: StageRun) -> None:
        """Make of it, as soon as it is ready, what the scenario wants it to be."""
        return

    def program_variables(self, _run: StageRun) -> dict[str, str]:
        """What programs are told of it besides where it is."""
        return {}

    def close(self) -> None:
        """End what the harness holds of it; at any time. Its container is removed by its label."""
        return


def clients(scenario: RunnableScenario) -> list[str]:
    """All that have links, by name; the harness's own are not through the tap, and no fault can name them."""
    return ["harness", "load", "operator", *plan.workers(scenario)]


def planned_links(components: Sequence[Component], scenario: RunnableScenario, credentials: Credentials) -> list[PlannedLink]:
    """Every link of a stage, as its components declare them."""
    listen = count(FIRST_PORT)
    return [
        component.link(client, credentials, listen)
        for client in clients(scenario)
        for component in components
        if client.partition(".")[0] in component.clients
    ]


def side_by_side(act: Callable[[T], object], of: Sequence[T]) -> None:
    """Do one thing to several at once.

    Raises:
        Exception: what it raised for the first of them.
    """
    with ThreadPoolExecutor(min(max(len(of), 1), AT_ONCE)) as pool:
        list(pool.map(act, of))
