"""The plan: everything a drill will do that chance decides, drawn from the seed before anything starts. Pure: no clock, no Docker.

The same scenario and seed give the same plan; its arrivals are a function of the load and the seed, so ``plan.json`` need not hold them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from random import Random
from typing import Literal

from drillbook.core.names import StageNames
from drillbook.evidence.documents import PlanDocument, PlannedFaultRecord
from drillbook.faults import Fault, WireFault
from drillbook.scenario import FaultEntry, Load, OnWire, RunnableScenario
from drillbook.tap.rules import Rule

TriggerKind = Literal["at", "at after deployment", "before", "during", "after", "event", "when", "on"]


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
    """Seconds after the start of the load (at; 0 of on) or after the end of the deployment, the name of a step (before, during, after) or
    of a monitor (when), or an event (``deployment end``, ``200 confirmed``)."""
    seconds: float | None
    """How long it lasts; None: until the drill settles, or its own end."""
    rule: Rule | None = None
    """What the tap does when the fault waits for a message; its counting begins at the moment above."""
    victim_by_wire: bool = False
    """Only one of the victims is hit: the one whose message it was."""

    @property
    def when(self) -> str:
        """When it begins, in words: ``at 5 s``, ``during drain v2``, ``after deployment end``."""
        match self.trigger:
            case "at" | "on":
                return f"at {self.moment:g} s"
            case "at after deployment":
                return f"{self.moment:g} s after the deployment"
            case "event":
                return f"after {self.moment}"
            case trigger:
                return f"{trigger} {self.moment}"

    def hitting(self, peer: str | None) -> PlannedFault:
        """The fault with its victims as they are known when its message has come.

        Args:
            peer: the container or program whose message it was.
        """
        if not self.victim_by_wire:
            return self
        return replace(self, victims=tuple(name for name in self.victims if client_of(name) == peer))


@dataclass(frozen=True)
class Plan:
    """What one seed makes of a scenario."""

    seed: int
    faults: tuple[PlannedFault, ...]
    tasks: int
    """How many tasks will arrive in the time that the load takes at least."""

    def document(self, steps: list[str]) -> PlanDocument:
        """What ``plan.json`` holds.

        Args:
            steps: the playbook's, as far as they are known.
        """
        return PlanDocument(seed=self.seed, tasks=self.tasks, steps=steps, faults=[_record(fault) for fault in self.faults])


def make_plan(scenario: RunnableScenario, seed: int) -> Plan:
    """Draw the victims of every fault and count the arrivals.

    Each fault draws by its own name, so that adding or moving one changes no other's victims.

    Args:
        scenario: a scenario with a stage.
        seed: any whole number.
    """
    return Plan(
        seed=seed,
        faults=tuple(_planned(scenario, entry, Random(f"{seed} fault {entry.name}")) for entry in scenario.faults),
        tasks=sum(1 for _ in arrivals(scenario.load, seed, scenario.load.duration)),
    )


def _record(fault: PlannedFault) -> PlannedFaultRecord:
    return PlannedFaultRecord(
        name=fault.name,
        kind=fault.fault.kind,
        victims=fault.victims,
        trigger=fault.trigger,
        moment=fault.moment,
        seconds=fault.seconds,
        parameters=fault.fault.model_dump(),
        rule=asdict(fault.rule) if fault.rule else None,
        victim_by_wire=fault.victim_by_wire,
    )


def arrivals(load: Load, seed: int, seconds: float | None = None) -> Iterator[Arrival]:
    """The tasks in the order they arrive: a Poisson process of ``load.rate``, types drawn by their shares.

    Task ids are ``<type>-<number>``, the number counting all arrivals from 1. A longer load begins as a shorter one does.

    Args:
        load: what arrives.
        seed: of the drill.
        seconds: how long; None: as long as the load may last at most.
    """
    draw = Random(f"{seed} arrivals")
    types, shares = list(load.types), list(load.types.values())
    at, number = draw.expovariate(load.rate), 0
    until = load.most if seconds is None else seconds
    while at < until:
        number += 1
        kind = draw.choices(types, shares)[0]
        yield Arrival(task=f"{kind}-{number:06d}", type=kind, offset_ns=round(at * 1e9))
        at += draw.expovariate(load.rate)


def names(scenario: RunnableScenario) -> StageNames:
    """The containers and links of a scenario's stage."""
    replicas = {version: spec.replicas for version, spec in scenario.stage.workers.items()}
    return StageNames(
        replicas, scenario.stage.database is not None, sink=bool(scenario.effects.called), servers=tuple(scenario.stage.services)
    )


def workers(scenario: RunnableScenario, version: str | None = None) -> list[str]:
    """Names of the worker containers, ``workers.v1.1`` …, of one version or of all."""
    return names(scenario).workers(version)


def links(scenario: RunnableScenario) -> list[str]:
    """Names of every link of the stage, each one client to one service."""
    return names(scenario).links()


def resolve(scenario: RunnableScenario, reference: str) -> list[str]:
    """The links or containers that a reference names; empty when it names none.

    ``workers.v2`` is every v2 worker, ``workers`` every worker; a link reference ``A -> B`` resolves its client A the same way.
    """
    return names(scenario).resolve(reference)


def client_of(name: str) -> str:
    """The container or program at the client's end of a link; a container's own name."""
    return name.partition("->")[0].strip()


def _planned(scenario: RunnableScenario, entry: FaultEntry, draw: Random) -> PlannedFault:
    fault: Fault = entry.fault
    victims = resolve(scenario, fault.aim)
    by_wire = _is_victim_by_wire(scenario, entry, victims)
    if fault.pick != "all" and not by_wire:
        drawn = draw.sample(victims, min(1 if fault.pick == "one" else fault.pick, len(victims)))
        victims = [name for name in victims if name in drawn]
    rule = _rule(scenario, entry, entry.on, victims) if entry.on else None
    if isinstance(fault, WireFault) and rule is not None:
        fault = fault.planned(rule)
        rule = fault.rule
    trigger, moment = _moment(entry)
    return PlannedFault(
        name=entry.name,
        fault=fault,
        victims=tuple(victims),
        trigger=trigger,
        moment=moment,
        seconds=entry.lasting,
        rule=rule,
        victim_by_wire=by_wire,
    )


def _moment(entry: FaultEntry) -> tuple[TriggerKind, float | str]:
    """When a fault begins, or when the counting for it does."""
    if entry.at is not None:
        return "at after deployment" if entry.at.after_deployment else "at", entry.at.seconds
    if entry.before is not None:
        return "before", entry.before.step
    if entry.during is not None:
        return "during", entry.during.step
    if entry.after is not None:
        return "after" if entry.after.step else "event", str(entry.after)
    return ("when", entry.when) if entry.when is not None else ("on", 0.0)


def _is_victim_by_wire(scenario: RunnableScenario, entry: FaultEntry, victims: list[str]) -> bool:
    """Whether the message decides which one of several victims is hit: it does when it can be any of theirs."""
    if entry.on is None or entry.fault.pick != "one" or isinstance(entry.fault, WireFault) or len(victims) < 2:
        return False
    clients = {client_of(link) for link in resolve(scenario, entry.on.link or entry.fault.aim)}
    return bool(clients) and clients <= {client_of(name) for name in victims}


def _rule(scenario: RunnableScenario, entry: FaultEntry, on: OnWire, victims: list[str]) -> Rule:
    """What the tap is asked to do: to hold the message until the fault has taken effect, if the fault itself asks nothing else of it."""
    links = resolve(scenario, on.link) if on.link else victims
    return Rule(
        id=f"{entry.name}#1", name=entry.name, links=tuple(links), event=on.wire, action="hold", nth=on.nth, count=on.count, task=on.task
    )
