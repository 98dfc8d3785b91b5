"""Toxiproxy: each link of the stage is a proxy of its own, opened before anything is asked or told over it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

from drillbook.engine.containers import StageContainer
from drillbook.scenario import RunnableScenario
from drillbook.stage.addresses import PROXIES
from drillbook.stage.component import Component, StageRun
from drillbook.stage.images import WantedImage
from drillbook.stage.links import API_PORT, Link, ProxyControl


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


def _ports(run: StageRun) -> tuple[int, ...]:
    """What it listens on: its API, and a port for each proxy."""
    return (API_PORT, *(route.listen for link in run.addresses.links.values() for route in link.routes))
