"""Messages as the scenario shapes them: placeholders that stand for nothing, headers that no message can have, ids that nobody finds."""

from __future__ import annotations

import struct
from typing import Any

from pika.data import encode_table
from pika.exceptions import AMQPError
from pika.spec import BasicProperties

from drillbook.core.problems import suggestion
from drillbook.evidence.task_id import body_steps, task_of
from drillbook.load.message import MessageMaker
from drillbook.load.template import TASK, is_json, placeholders, strings
from drillbook.scenario import Load
from drillbook.validation.checks.evidence import OF_THE_LOAD
from drillbook.validation.partial_scenario import PartialScenario

SAMPLE = "a-000001"
STATIC = ("type", "version", "content_type", "content_encoding")
"""Strings that are the same for every message of a type; routing keys are checked with their routes."""


def check(partial: PartialScenario) -> None:
    """Types that the load has not, placeholders, headers and ids."""
    load = partial.part(Load, "load")
    if load is None:
        return
    for name in partial.source.names("load", "messages"):
        if name not in load.types:
            place = partial.source.key(("load", "messages", name))
            partial.source.refuse(place, f"no task of the load has the type {name}{suggestion(name, list(load.types))}")
            continue
        _placeholders(partial, name)
        _headers(partial, name)
        _id(partial, load, name)


def _placeholders(partial: PartialScenario, type: str) -> None:
    for key in STATIC:
        _known(partial, ("load", "messages", type, key), ("type",))
    _known(partial, ("load", "messages", type, "body"), ("task", "type"))
    for header in partial.source.names("load", "messages", type, "headers"):
        _known(partial, ("load", "messages", type, "headers", header), ("task", "type"))


def _known(partial: PartialScenario, path: tuple[str, ...], names: tuple[str, ...]) -> None:
    for strange in [name for text in strings(partial.source.get(*path)) for name in placeholders(text) if name not in names][:1]:
        known = " and ".join(f"{{{name}}}" for name in names)
        partial.source.refuse(partial.source.value(path), f"{path[-1]} knows {known} only, not {{{strange}}}")


def _headers(partial: PartialScenario, type: str) -> None:
    source, base = partial.source, ("load", "messages", type, "headers")
    for name in source.names(*base):
        if name in OF_THE_LOAD:
            instead = "; give version beside headers" if name == "version" else ""
            source.refuse(source.key((*base, name)), f"the load sets the header {name} itself{instead}")
        elif not _carried(name, source.get(*base, name)):
            source.refuse(source.key((*base, name)), f"no message can carry the header {name} with this name and value")


def _carried(name: str, value: Any) -> bool:
    """Whether a header can be written in AMQP 0-9-1 by pika, which knows no fractions."""
    try:
        encode_table([], {name: value})
    except (AMQPError, ValueError, OverflowError, struct.error):
        return False
    return True


def _id(partial: PartialScenario, load: Load, type: str) -> None:
    """The load's id of a task must be where ``id_from`` looks for it."""
    selector, base, shape = partial.source.get("stage", "id_from"), ("load", "messages", type), load.shape(type)
    if not isinstance(selector, str):
        return
    header = selector.removeprefix("header:")
    if selector.startswith("header:") and shape.headers.get(header, TASK) != TASK:
        place = partial.source.value((*base, "headers", header))
        partial.source.refuse(place, f'stage.id_from reads the task\'s id from the header {header}: write "{{task}}", or leave it out')
    if shape.body is None or not body_steps(selector):
        return
    place = partial.source.value((*base, "body"))
    if not is_json(shape.body):
        partial.source.refuse(place, f"stage.id_from is {selector}, and this body is no JSON")
    elif task_of(selector)(BasicProperties(), MessageMaker(load, type, selector).body(SAMPLE)) != SAMPLE:
        partial.source.refuse(place, f"stage.id_from is {selector}, and this body has no {{task}} there")
