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
from harness.scenario.names import StageNames

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

    Each fault draws by its own name, so that adding or moving one changes no other's victims.

    Args:
        scenario: a scenario with a stage.
        seed: any whole number.
    """
    return Plan(
        seed=seed,
        faults=tuple(_planned(scenario, entry, Random(f"{seed} fault {entry.name}")) for entry in scenario.faults),
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


def names(scenario: Scenario) -> StageNames:
    """The containers and links of a scenario's stage."""
    assert scenario.stage is not None
    replicas = {version: spec.replicas for version, spec in scenario.stage.workers.items()}
    return StageNames(replicas, database=scenario.stage.database is not None, sink=bool(scenario.effects.called))


def workers(scenario: Scenario, version: str | None = None) -> list[str]:
    """Names of the worker containers, ``workers.v1.1`` …, of one version or of all."""
    return names(scenario).workers(version)


def links(scenario: Scenario) -> list[str]:
    """Names of every link of the stage, each one client to the broker or the database."""
    return names(scenario).links()


def resolve(scenario: Scenario, reference: str) -> list[str]:
    """The links or containers that a reference names; empty when it names none.

    ``workers.v2`` is every v2 worker, ``workers`` every worker; a link reference ``A -> B`` resolves its client A the same way.
    """
    return names(scenario).resolve(reference)


def _planned(scenario: Scenario, entry: FaultEntry, draw: Random) -> PlannedFault:
    fault: Fault = entry.fault
    victims = resolve(scenario, fault.aim)
    if fault.pick != "all":
        drawn = draw.sample(victims, min(1 if fault.pick == "one" else fault.pick, len(victims)))
        victims = [name for name in victims if name in drawn]
    trigger: TriggerKind = next(kind for kind in ("at", "before", "during", "after", "when") if getattr(entry, kind) is not None)
    moment = getattr(entry, trigger)
    return PlannedFault(
        name=entry.name,
        fault=fault,
        victims=tuple(victims),
        trigger=trigger,
        moment=moment.step if hasattr(moment, "step") else moment,
        seconds=entry.lasting,
    )
