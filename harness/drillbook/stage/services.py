"""The further servers of a stage: what ``stage.services`` says, as containers, links and programs need it. Pure, but for :func:`lend`."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from drillbook.core.errors import HarnessError
from drillbook.core.names import address_variable
from drillbook.scenario import Service

FOLDER = "services"
"""Of the run directory: the folders that servers read, as programs left them."""


def variables(name: str, service: Service) -> tuple[str, ...]:
    """The variables that tell clients where a server is: of its port, then of its further ports in their order."""
    return (address_variable(name), *(address_variable(name, port) for port in service.ports))


def ports(service: Service) -> tuple[int, ...]:
    """Where it listens, in the order of :func:`variables`."""
    return (service.port, *service.ports.values())


def hellos(services: Mapping[str, Service]) -> dict[str, bytes]:
    """What each server answers to, by name."""
    return {name: service.hello.encode() for name, service in services.items()}


def folder(name: str, run: Path) -> Path:
    """Where the copy of a server's folder is."""
    return (run / FOLDER / name).resolve()


def folders(services: Mapping[str, Service], run: Path) -> dict[str, str]:
    """What programs are told of the folders that servers read."""
    return {
        f"{name.upper().replace('-', '_')}_FOLDER": str(folder(name, run))
        for name, service in services.items()
        if service.folder is not None
    }


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
