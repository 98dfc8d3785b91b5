"""The scenario file as a model: every key, its type, its default and what it means.

The JSON schema (``drillbook schema``) and ``docs/scenario.md`` are made from it, so each field says in its file what a reader needs.
"""

from drillbook.scenario.load import Gate, Load, MessageShape
from drillbook.scenario.part import Part
from drillbook.scenario.proof import DEFAULT_EFFECTS_QUERY, Decode, Effects, Settle, Source, TaskTable
from drillbook.scenario.scenario import Expect, Method, RunnableScenario, Scenario
from drillbook.scenario.stage import ID_FROM, Binding, Broker, Database, Exchange, Folder, Policy, Queue, Service, StageSpec, Workers
from drillbook.scenario.story import After, AtStep, Deployment, FaultEntry, FaultSpec, Monitor, OnWire, Playbook, Start, WireMoment

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
    "Effects",
    "Exchange",
    "Expect",
    "FaultEntry",
    "FaultSpec",
    "Folder",
    "Gate",
    "Load",
    "MessageShape",
    "Method",
    "Monitor",
    "OnWire",
    "Part",
    "Playbook",
    "Policy",
    "Queue",
    "RunnableScenario",
    "Scenario",
    "Service",
    "Settle",
    "Source",
    "StageSpec",
    "Start",
    "TaskTable",
    "WireMoment",
    "Workers",
]
