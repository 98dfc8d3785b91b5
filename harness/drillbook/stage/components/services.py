"""The further servers of a stage, each as ``stage.services`` says it."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Self

from drillbook.core.errors import HarnessError
from drillbook.core.names import address_variable
from drillbook.engine.containers import StageContainer
from drillbook.scenario import RunnableScenario, Service
from drillbook.stage.addresses import Address
from drillbook.stage.component import Client, Component, StageRun
from drillbook.stage.images import WantedImage

FOLDER = "services"
"""Of the run directory: the folders that servers read, as programs left them."""


class ServiceComponent(Component):
    """One of them."""

    kind = "services"
    clients: ClassVar[Sequence[Client]] = ("harness", "load", "operator", "workers")

    @classmethod
    def of(cls, scenario: RunnableScenario) -> Iterable[Self]:
        return [cls(name, scenario) for name in scenario.stage.services]

    @property
    def _spec(self) -> Service:
        return self.scenario.stage.services[self.name]

    @property
    def image(self) -> WantedImage:
        return WantedImage(("services", self.name), self._spec.image, self._spec.build)

    @property
    def command(self) -> list[str] | None:
        return self._spec.command

    def environment(self, _run: StageRun) -> dict[str, str]:
        return self._spec.env

    def container(self, run: StageRun) -> StageContainer:
        container = super().container(run)
        if self._spec.folder is not None:
            lent = lend(self.name, run.folder / self._spec.folder.source, run.directory.path)
            container.with_volume_mapping(str(lent), self._spec.folder.to, "rw")
        return container

    def upstreams(self, _client: str) -> Mapping[str, str]:
        return {name: f"{self.name}:{port}" for name, port in {"": self._spec.port, **self._spec.ports}.items()}

    @property
    def hello(self) -> bytes:
        return self._spec.hello.encode()

    def variables(self, address: Address) -> dict[str, str]:
        return {variable: address.at(number) for number, variable in enumerate(variables(self.name, self._spec))}

    def program_variables(self, run: StageRun) -> dict[str, str]:
        if self._spec.folder is None:
            return {}
        return {f"{self.name.upper().replace('-', '_')}_FOLDER": str(folder(self.name, run.directory.path))}


def variables(name: str, service: Service) -> tuple[str, ...]:
    """The variables that tell clients where a server is: of its port, then of its further ports in their order."""
    return (address_variable(name), *(address_variable(name, port) for port in service.ports))


def folder(name: str, run: Path) -> Path:
    """Where the copy of a server's folder is."""
    return (run / FOLDER / name).resolve()


def lend(name: str, source: Path, run: Path) -> Path:
    """Copy the folder of a server into the run directory, where any user of its container can read it.

    Raises:
        HarnessError: it cannot be copied.
    """
    target = folder(name, run)
    try:
        shutil.copytree(source, target)
        for path in (target.parent, target, *target.rglob("*")):
            path.chmod(path.stat().st_mode | (0o755 if path.is_dir() else 0o644))
    except (OSError, shutil.Error) as error:
        raise HarnessError(f"the folder of {name}, {source}, cannot be copied to {target}: {error}.") from error
    return target
