"""The JSON schema of scenario files (draft 2020-12), for editors; the loader checks more than a schema can say."""

from __future__ import annotations

from typing import Any

from pydantic.fields import FieldInfo

from drillbook.core.units import unit_of
from drillbook.faults.kinds import KINDS, kinds
from drillbook.scenario import Scenario
from drillbook.validation.model_fields import key_of, parts

ID = "urn:drillbook:scenario"
_NOT_SCHEMA = ("title", "ge", "gt", "le", "lt")
"""What pydantic adds to a key and an editor has no use for."""
TRIGGERS = ("at", "before", "during", "after", "when")


def schema() -> dict[str, Any]:
    """The schema, with the parameters of every built-in invariant."""
    made: dict[str, Any] = Scenario.model_json_schema(by_alias=True)
    made_of = made["$defs"] | {Scenario.__name__: made}
    for part in {*parts(Scenario)}:
        keys = made_of[part.__name__].get("properties", {})
        keys |= {key: _plain(keys[key], field) for name, field in part.model_fields.items() if (key := key_of(name, field)) in keys}
    _add_rules(made["$defs"])
    made["properties"]["invariants"] = _invariants(made["properties"]["invariants"])
    example = {"title": "v2 is rolled back under load", "invariants": {"no_lost_tasks": None}}
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": ID}
    return head | made | {"title": "Drillbook scenario", "examples": [example]}


def _plain(key: dict[str, Any], field: FieldInfo) -> dict[str, Any]:
    """A key's schema without the nothing that stands for leaving it out, and with its default as one writes it."""
    options = [option for option in key.get("anyOf", []) if option != {"type": "null"}]
    if len(options) == 1:
        key = {name: value for name, value in key.items() if name != "anyOf"} | options[0] | _description(key)
    elif options:
        key = key | {"anyOf": options}
    if "default" in key:
        if key["default"] is None:
            key = {name: value for name, value in key.items() if name != "default"}
        elif unit := unit_of(field):
            key = key | {"default": unit.write(field.default)}
    return {name: value for name, value in key.items() if name not in _NOT_SCHEMA}


def _description(key: dict[str, Any]) -> dict[str, Any]:
    return {"description": key["description"]} if "description" in key else {}


def _add_rules(parts: dict[str, Any]) -> None:
    """Which keys exclude or need each other: the model's own validators, as a schema says them."""
    parts["Workers"]["oneOf"] = _one_of("image", "build")
    parts["Monitor"]["allOf"] = [{"oneOf": _one_of("query", "queue_depth", "redelivery_rate")}, {"oneOf": _one_of("above", "below")}]
    parts["Deployment"]["oneOf"] = _one_of("at", "after")
    parts["After"]["oneOf"] = _one_of("step", "deployment", "playbook", "tasks")
    parts["Start"] |= {"oneOf": _one_of("at", "after", "when"), "dependentRequired": {"when": ["no_later_than"], "no_later_than": ["when"]}}
    momentary = [kind for kind, fault in KINDS.items() if fault.momentary]
    parts["FaultSpec"]["allOf"] = [
        {"oneOf": _one_of(*KINDS)},
        {"oneOf": [*_one_of(*TRIGGERS), {"required": ["on"], "not": {"anyOf": _one_of(*TRIGGERS)}}]},
        *({"if": {"required": [kind]}, "then": {"required": ["on"]}} for kind in kinds("message")),
        *({"if": {"required": [kind]}, "then": {"not": {"required": ["for"]}}} for kind in momentary),
    ]


def _one_of(*names: str) -> list[dict[str, Any]]:
    return [{"required": [name]} for name in names]


def _invariants(key: dict[str, Any]) -> dict[str, Any]:
    from drillbook.judge.catalogue import catalogue

    own = {"type": ["object", "null"], "description": "An invariant of your own: a .sql file of this name beside the scenario."}
    return key | {
        "properties": {name: invariant.json_schema() for name, invariant in catalogue().items()},
        "additionalProperties": own,
    }
