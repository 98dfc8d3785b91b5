"""Invariants must be ones that exist, with parameters they have, and with evidence that the stage can give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from drillbook.core.problems import suggestion
from drillbook.judge.catalogue import Invariant, catalogue
from drillbook.judge.query import sql_problems
from drillbook.validation.checks.references import Names
from drillbook.validation.partial_scenario import PartialScenario
from drillbook.validation.source import Place


def check(partial: PartialScenario, names: Names, folders: list[Path]) -> None:
    """Names, parameters, and needs of the invariants.

    Args:
        partial: the file.
        names: what parameters can refer to.
        folders: where the user's own invariants are.
    """
    known = catalogue(*folders)
    source = partial.source
    declared: dict[str, Sequence[str]] = {kind: of_kind.names for kind, of_kind in names.items()}
    for name in source.names("invariants"):
        path = ("invariants", name)
        invariant = known.get(name)
        if invariant is None:
            usable = [other for other, one in known.items() if not one.header_problems]
            hint = suggestion(name, usable)
            source.refuse(source.key(path), f"there is no invariant {name}, and no {name}.sql beside the scenario{hint}")
            continue
        if "effects" in invariant.needs and not partial.has_database and not partial.has_sink:
            source.refuse(source.key(path), f"{name} needs effects, and the stage has no database to read them from")
        if "decoded" in invariant.needs and "stage" in source.data and "decode" not in source.data:
            source.refuse(source.key(path), f"{name} needs answers of a worker: say with decode which version is asked, and how")
        parameters = source.get(*path)
        if parameters is None or isinstance(parameters, dict):
            for message in _problems(invariant, parameters, declared):
                source.refuse(_place(partial, name, message), message)


def _problems(invariant: Invariant, given: Mapping[str, Any] | None, names: Mapping[str, Sequence[str]]) -> list[str]:
    """What is wrong with its parameters, else with its SQL; that of ours is known to work, and trying it takes a moment."""
    return invariant.problems(given, names) or ([] if invariant.built_in else sql_problems(invariant))


def _place(partial: PartialScenario, name: str, message: str) -> Place:
    """Where a message about an invariant belongs: at the parameter it begins with, else at the invariant's name."""
    path = ("invariants", name)
    for parameter in partial.source.names(*path):
        if message.startswith(f"{name}, {parameter}: "):
            return partial.source.value((*path, parameter))
        if message.startswith(f"{name} has no parameter {parameter}"):
            return partial.source.key((*path, parameter))
    return partial.source.key(path)
