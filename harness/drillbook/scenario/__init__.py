"""The scenario file as a model: every key, its type, its default and what it means.

The JSON schema (``drillbook schema``) and ``docs/scenario.md`` are made from it, so each field says in its file what a reader needs.
"""

from drillbook.scenario.drive import (
    After,
    AtStep,
    Deployment,
    FaultEntry,
    FaultSpec,
    Monitor,
    OnWire,
    Playbook,
    QueryValue,
    QueueDepth,
    RedeliveryRate,
    Start,
    Watched,
)
from drillbook.scenario.evidence import DEFAULT_EFFECTS_QUERY, Decode, Effects, EffectSource, Settle, TaskTable
from drillbook.scenario.load import FeatureGate, Load, MessageShape
from drillbook.scenario.part import Part
from drillbook.scenario.scenario import Expect, Method, RunnableScenario, Scenario
from drillbook.scenario.stage import ID_FROM, Binding, Broker, Database, Exchange, Folder, Policy, Queue, Service, StageSpec, Workers

__all__ = [
    "DEFAULT_EFFECTS_QUERY",
    "ID_FROM",
    "After",
    "AtStep",
    "Binding",
    "Broker",
    "Database",
    "Decode",
    "Deployment",
    "EffectSource",
    "Effects",
    "Exchange",
    "Expect",
    "FaultEntry",
    "FaultSpec",
    "FeatureGate",
    "Folder",
    "Load",
    "MessageShape",
    "Method",
    "Monitor",
    "OnWire",
    "Part",
    "Playbook",
    "Policy",
    "QueryValue",
    "Queue",
    "QueueDepth",
    "RedeliveryRate",
    "RunnableScenario",
    "Scenario",
    "Service",
    "Settle",
    "StageSpec",
    "Start",
    "TaskTable",
    "Watched",
    "Workers",
]
