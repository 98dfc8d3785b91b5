"""The plan: everything a drill will do that chance decides, drawn from the seed before anything starts. Pure: no clock, no Docker.

The same scenario and seed give the same plan; its arrivals are a function of the load and the seed, so ``plan.json`` need not hold them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Literal

from harness.faults import Fault
from harness.scenario.model import FaultEntry, Load, Scenario

TriggerKind = Literal["at", "before", "during", "after", "when"]


@dataclass(frozen=True)
class Arrival:
    """One task that a publisher wants to send."""

    task: str
    type: str
    offset_ns: int
    """Nanoseconds after the start of the drive."""


@dataclass(frozen=True)
class PlannedFault:
    """A fault with its victims drawn."""

    name: str
    fault: Fault
    victims: tuple[str, ...]
    """Links (``workers.v2.1 -> broker``) or containers (``workers.v2.1``)."""
    trigger: TriggerKind
    moment: float | str
    """Seconds after the start of the drive (at), the step's name (before, during, after) or the monitor's (when)."""
    seconds: float | None
    """How long it lasts; None: until the drill settles, or its own end."""


@dataclass(frozen=True)
class Plan:
    """What one seed makes of a scenario."""

    seed: int
    faults: tuple[PlannedFault, ...]
    tasks: int
    """How many tasks will arrive."""


def make_plan(scenario: Scenario, seed: int) -> Plan:
    """Draw the victims of every fault and count the arrivals.

    Args:
        scenario: a scenario with a stage.
        seed: any whole number.
    """
    draw = Random(f"{seed} faults")
    return Plan(
        seed=seed,
        faults=tuple(_planned(scenario, entry, draw) for entry in scenario.faults),
        tasks=sum(1 for _ in arrivals(scenario.load, seed)) if scenario.load else 0,
    )


def arrivals(load: Load, seed: int) -> Iterator[Arrival]:
    """The tasks in the order they arrive: a Poisson process of ``load.rate`` for ``load.duration``, types drawn by their shares.

    Task ids are ``<type>-<number>``, the number counting all arrivals from 1.
    """
    draw = Random(f"{seed} arrivals")
    types, shares = list(load.types), list(load.types.values())
    at, number = draw.expovariate(load.rate), 0
    while at < load.duration:
        number += 1
        kind = draw.choices(types, shares)[0]
        yield Arrival(task=f"{kind}-{number:06d}", type=kind, offset_ns=round(at * 1e9))
        at += draw.expovariate(load.rate)


def workers(scenario: Scenario, version: str | None = None) -> list[str]:
    """Names of the worker containers, ``workers.v1.1`` …, of one version or of all."""
    assert scenario.stage is not None
    return [
        f"workers.{name}.{number}"
        for name, spec in scenario.stage.workers.items()
        if version in (None, name)
        for number in range(1, spec.replicas + 1)
    ]


def links(scenario: Scenario) -> list[str]:
    """Names of every link of the stage, each one client to the broker or the database."""
    assert scenario.stage is not None
    services = ["broker"] + (["database"] if scenario.stage.database else [])
    return (
        ["load -> broker"]
        + [f"operator -> {service}" for service in services]
        + [f"{worker} -> {service}" for worker in workers(scenario) for service in services]
    )


def resolve(scenario: Scenario, reference: str) -> list[str]:
    """The links or containers that a reference names; empty when it names none.

    ``workers.v2`` is every v2 worker, ``workers`` every worker; a link reference ``A -> B`` resolves its client A the same way.
    """
    assert scenario.stage is not None
    client, arrow, service = (part.strip() for part in reference.partition("->"))
    if arrow:
        return [link for link in links(scenario) if link.endswith(f"-> {service}") and _matches(link.split(" -> ")[0], client)]
    services = ["broker"] + (["database"] if scenario.stage.database else [])
    return [name for name in [*services, *workers(scenario)] if _matches(name, client)]


def _matches(name: str, reference: str) -> bool:
    return name == reference or name.startswith(f"{reference}.")


def _planned(scenario: Scenario, entry: FaultEntry, draw: Random) -> PlannedFault:
    fault: Fault = entry.fault
    names = resolve(scenario, fault.aim)
    if fault.pick != "all":
        names = sorted(draw.sample(names, min(1 if fault.pick == "one" else fault.pick, len(names))))
    trigger: TriggerKind = next(kind for kind in ("at", "before", "during", "after", "when") if getattr(entry, kind) is not None)
    moment = getattr(entry, trigger)
    return PlannedFault(
        name=entry.name,
        fault=fault,
        victims=tuple(names),
        trigger=trigger,
        moment=moment.step if hasattr(moment, "step") else moment,
        seconds=entry.lasting,
    )
