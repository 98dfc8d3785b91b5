"""The types an invariant's parameters can have: how each is checked, bound in SQL, and told to an editor."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, get_args, get_type_hints

from drillbook.core.problems import suggestion
from drillbook.core.units import NANOSECONDS, Seconds
from drillbook.evidence.kinds.leftovers import Leftover

DeclaredNames = Mapping[str, Collection[str]]
"""What is declared, by kind (``queue``, ``version``, ``step``); a kind that is not in it is not checked."""

STATES: tuple[str, ...] = get_args(get_type_hints(Leftover)["state"])
"""Where a task can remain."""

_SCHEMAS: dict[str, dict[str, Any]] = {
    "duration": Seconds.json_schema(),
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "text": {"type": "string"},
    "queue": {"type": "string"},
    "version": {"type": "string"},
    "state": {"enum": list(STATES)},
    "step": {
        "type": "object",
        "properties": {"step": {"type": "string"}},
        "required": ["step"],
        "additionalProperties": False,
    },
}


def known(kind: str) -> bool:
    """Whether a header may name this type: one of the above, ``list[…]`` of one, or words to choose from, ``task|key``."""
    return kind in _SCHEMAS or _choices(kind) is not None or (_item(kind) is not None and known(_item(kind) or ""))


def kinds() -> str:
    """Every type, for a message."""
    return f"{', '.join(_SCHEMAS)}, list[…] or words to choose from, such as task|key"


def schema(kind: str) -> dict[str, Any]:
    """The JSON schema of a value of this type."""
    if (item := _item(kind)) is not None:
        return {"type": "array", "items": schema(item)}
    choices = _choices(kind)
    return {"enum": choices} if choices else dict(_SCHEMAS[kind])


def sample(kind: str) -> Any:
    """Any value of this type as SQL gets it, to try SQL on."""
    if (item := _item(kind)) is not None:
        return [sample(item)]
    return {"duration": 0, "int": 0, "float": 0.0}.get(kind, "")


def bound(kind: str, value: Any, names: DeclaredNames) -> Any:
    """Check a value and give what SQL gets: a duration in nanoseconds, a step as its name, the rest as it is.

    Args:
        kind: a type that is ``known``.
        value: as the scenario file has it.
        names: what is declared.

    Raises:
        ValueError: the value does not fit; the message says what would.
    """
    if (item := _item(kind)) is not None:
        if not isinstance(value, list):
            raise ValueError(f"{value!r} is not a list: write [{value}]" if isinstance(value, str) else f"{value!r} is not a list")
        return [bound(item, entry, names) for entry in value]
    if kind == "duration":
        return round(Seconds.read(value) * NANOSECONDS)
    if kind in ("int", "float"):
        return _number(kind, value)
    if kind == "step":
        return _step(value, names)
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not text")
    return _named(kind, value, _choices(kind) or (STATES if kind == "state" else names.get(kind)))


def _number(kind: str, value: Any) -> Any:
    whole = isinstance(value, int) and not isinstance(value, bool)
    if kind == "int" and not whole:
        raise ValueError(f"{value!r} is not a whole number")
    if not whole and not isinstance(value, float):
        raise ValueError(f"{value!r} is not a number")
    return value


def _step(value: Any, names: DeclaredNames) -> str:
    if isinstance(value, str):
        raise ValueError(f"{value!r} is not a moment: write {{step: {value}}}")
    if not isinstance(value, Mapping) or set(value) != {"step"} or not isinstance(value["step"], str):
        raise ValueError("a moment is written {step: the step's name}")
    return _named("step", value["step"], names.get("step"))


def _named(kind: str, value: str, declared: Collection[str] | None) -> str:
    if declared is not None and value not in declared:
        raise ValueError(f"there is no {kind} {value}{suggestion(value, list(declared))}" if "|" not in kind else _one_of(value, declared))
    return value


def _one_of(value: str, declared: Collection[str]) -> str:
    return f"{value!r} is none of {', '.join(declared)}"


def _item(kind: str) -> str | None:
    return kind[5:-1] if kind.startswith("list[") and kind.endswith("]") else None


def _choices(kind: str) -> list[str] | None:
    return kind.split("|") if "|" in kind and "[" not in kind else None
