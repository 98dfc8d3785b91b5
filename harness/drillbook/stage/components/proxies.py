"""Toxiproxy: each link of the stage is a proxy of its own, opened before anything is asked or told over it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Self

from drillbook.core.wait import until
from drillbook.engine.containers import StageContainer
from drillbook.evidence import now
from drillbook.evidence.kinds.links import LinkUse
from drillbook.scenario import RunnableScenario
from drillbook.stage import proxy_log
from drillbook.stage.addresses import PROXIES
from drillbook.stage.component import Component, StageRun
from drillbook.stage.images import WantedImage
from drillbook.stage.links import API_PORT, Link, ProxyControl, Route

LOGGED_WITHIN_SECONDS = 10.0


class ProxiesComponent(Component):
    """The proxies' one server."""

    kind = PROXIES
    control: ProxyControl | None = None
    """Once it was started."""

    @classmethod
    def of(cls, scenario: RunnableScenario) -> Iterable[Self]:
        return [cls(PROXIES, scenario)]

    @property
    def image(self) -> WantedImage:
        return WantedImage(("toxiproxy",), "toxiproxy")

    @property
    def command(self) -> list[str]:
        return ["-host=0.0.0.0"]

    def container(self, run: StageRun) -> StageContainer:
        image = run.images[self.image]
        return run.containers.make(self.name, image, lambda: self.answers(run), ports=_ports(run), command=self.command)

    def start(self, run: StageRun) -> None:
        super().start(run)
        self.control = ProxyControl(run.containers[self.name].container.mapped_port(API_PORT))

    def answers(self, _run: StageRun) -> bool:
        return self.control is not None and self.control.answers()

    def prepare(self, run: StageRun) -> None:
        assert self.control is not None
        container, ports = run.containers[self.name].container, _ports(run)
        mapped = dict(zip(ports, container.mapped_ports(ports), strict=True))
        host = container.address()
        for name, planned in run.addresses.links.items():
            found = run.addresses.ports[name] = tuple(mapped[route.listen] for route in planned.routes)
            run.links[name] = Link(self.control, name, planned.routes, planned.hello, found[0], host, planned.echo)
            run.links[name].open()

    def uses(self, run: StageRun) -> Iterator[LinkUse]:
        """How often each link of a client was used so far.

        Raises:
            HarnessError: the log of the proxies does not tell.
        """
        assert self.control is not None
        last, proxies = Route(f"asked-at-{now()}", 0, "nowhere:1"), run.containers[self.name]
        self.control.create(last)
        until(lambda: any(last.name in line for line in proxies.log_lines(last=20)), LOGGED_WITHIN_SECONDS)
        taken = proxy_log.connections(proxies.log_lines(), last.name)
        yield from (run.links[name].use(taken) for name, planned in run.addresses.links.items() if planned.client != "harness")


def _ports(run: StageRun) -> tuple[int, ...]:
    """What it listens on: its API, and a port for each proxy."""
    return (API_PORT, *(route.listen for link in run.addresses.links.values() for route in link.routes))
