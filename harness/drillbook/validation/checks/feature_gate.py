"""The load's feature gate: a flag of a server that is there, and types that the load has."""

from __future__ import annotations

from importlib.util import find_spec

from drillbook.core.problems import suggestion
from drillbook.load.feature_flag import EXTRA, NEEDS
from drillbook.scenario import FeatureGate, Load, Service
from drillbook.validation.partial_scenario import PartialScenario

PATH = ("load", "gate")


def check(partial: PartialScenario) -> None:
    """Service, port, types, and the packages that ask."""
    load = partial.part(Load, "load")
    if load is None or load.gate is None:
        return
    _service(partial, load.gate)
    for name, instead in load.gate.types.items():
        _types(partial, load, name, instead)
    if not _installed():
        partial.source.refuse(partial.source.key(PATH), f"asking a flag service needs OpenFeature and flagd's provider: {EXTRA}")


def _service(partial: PartialScenario, gate: FeatureGate) -> None:
    source, services = partial.source, partial.source.names("stage", "services")
    if gate.service not in services:
        source.refuse(
            source.value((*PATH, "service")), f"there is no server {gate.service} in stage.services{suggestion(gate.service, services)}"
        )
        return
    service = partial.part(Service, "stage", "services", gate.service)
    if service is not None and gate.port is not None and gate.port not in service.ports:
        hint = suggestion(gate.port, list(service.ports))
        source.refuse(source.value((*PATH, "port")), f"{gate.service} has no port {gate.port} among its ports{hint}")


def _types(partial: PartialScenario, load: Load, name: str, instead: str) -> None:
    source, types = partial.source, list(load.types)
    path = (*PATH, "types", name)
    for strange, place in ((name, source.key(path)), (instead, source.value(path))):
        if strange not in types:
            source.refuse(place, f"no task of the load has the type {strange}{suggestion(strange, types)}")
    if load.gate is not None and instead in load.gate.types:
        source.refuse(source.value(path), f"{instead} is gated itself, so {name} could not be published as it while the flag is off")


def _installed() -> bool:
    try:
        return find_spec(NEEDS) is not None
    except ModuleNotFoundError:
        return False
