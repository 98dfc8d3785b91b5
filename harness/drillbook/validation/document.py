"""``docs/scenario.md``, made from the model."""

from __future__ import annotations

from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from drillbook import scenario as model
from drillbook.core.refs import Ref
from drillbook.core.units import unit_among, unit_of
from drillbook.faults.kinds import KINDS, kinds
from drillbook.playbook.runners import RUNNERS
from drillbook.validation.init import TEMPLATE
from drillbook.validation.model_fields import description, key_of, part_of, units

HEADINGS = {
    **{"StageSpec": "stage", "MessageShape": "messages", "FaultSpec": "faults", "FeatureGate": "gate", "EffectSource": "source"},
    **{"OnWire": "on", "Monitor": "monitors", "Start": "the start"},
}
"""Of the sections that do not have their part's name."""
_PLAIN = {str: "text", int: "whole number", float: "number", bool: "true or false", Any: "anything"}


def document() -> str:
    """The text of ``docs/scenario.md``."""
    from drillbook.judge.catalogue import catalogue

    loader = FileSystemLoader(Path(__file__).parent / "templates")
    page = Environment(loader=loader, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False)  # noqa: S701
    page.globals |= {"table": table, "part": lambda name: getattr(model, name)}
    return page.get_template("scenario.md.j2").render(
        example=(TEMPLATE / "scenario.yaml.in").read_text(encoding="utf-8").rstrip(),
        runners=RUNNERS,
        runner_parts={key: part for key, runner in RUNNERS.items() if (part := part_of(runner.value))},
        faults=KINDS,
        units=units(model.Scenario),
        needs_on=kinds("message"),
        common=[name for name in model.FaultEntry.model_fields if name not in KINDS],
        invariants=catalogue(),
    )


def table(part: type[BaseModel], keys: list[str] | None = None) -> str:
    """A part's keys as a Markdown table.

    Args:
        part: a part of the model.
        keys: the fields wanted, by their names in the model; None: all.
    """
    lines = ["| key | type | default | meaning |", "|---|---|---|---|"]
    for name, field in part.model_fields.items():
        if keys is None or name in keys:
            cells = (f"`{key_of(name, field)}`", type_name(field), _default(field), description(field).replace("``", "`"))
            lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(lines)


def type_name(field: FieldInfo) -> str:
    """A field's type in a person's words."""
    return _type(field.annotation, tuple(field.metadata))


def _type(annotation: Any, metadata: tuple[Any, ...] = ()) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type(arguments[0], (*metadata, *arguments[1:]))
    for mark in metadata:
        if isinstance(mark, Ref):
            return f"name of {'an' if mark.kind[0] in 'aeiou' else 'a'} {mark.kind}"
    if unit := unit_among(metadata):
        return unit.name
    if origin in (Union, UnionType):
        return " or ".join(_type(option, metadata) for option in arguments if option is not NoneType)
    if origin is Literal:
        return " or ".join(f"`{choice}`" for choice in arguments)
    if origin is list:
        return f"list of {_type(arguments[0])}"
    if origin is dict:
        return "keys with values" if arguments[1] is Any else f"{_type(arguments[1])}, by name"
    part = part_of(annotation)
    if part is model.AtStep:
        return "`{step: …}`"
    if part is model.TaskTable:
        return "`{query: …}`"
    if part:
        return f"[{_heading(part)}](#{_heading(part).replace(' ', '-')})"
    return _PLAIN[annotation]


def _heading(part: type[BaseModel]) -> str:
    """The section that documents a part; that of a runner has its key."""
    own = next((key for key, runner in RUNNERS.items() if part_of(runner.value) is part), None)
    return own or HEADINGS.get(part.__name__, part.__name__.lower())


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**needed**"
    value = field.get_default(call_default_factory=True)
    if isinstance(value, BaseModel) or value is None or value in ("", [], {}):
        return ""
    if isinstance(value, str):
        value = value.encode("unicode_escape").decode()
    if unit := unit_of(field):
        return f"`{unit.write(value)}`"
    if isinstance(value, dict):
        return f"`{{{', '.join(f'{key}: {item:g}' for key, item in value.items())}}}`"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"
