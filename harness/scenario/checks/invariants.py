"""Invariants must be ones that exist, with parameters they have, and with evidence that the stage can give."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.scenario.checks.references import Names
from harness.scenario.draft import Draft
from harness.scenario.problems import suggestion
from harness.scenario.source import Place


def check(draft: Draft, names: Names, folders: list[Path]) -> None:
    """Names, parameters, and needs of the invariants.

    Args:
        draft: the file.
        names: what parameters can refer to.
        folders: where the user's own invariants are.
    """
    from harness.invariants.catalogue import catalogue

    known = catalogue(*folders)
    source = draft.source
    declared: dict[str, Sequence[str]] = {kind: of_kind.names for kind, of_kind in names.items()}
    for name in source.names("invariants"):
        path = ("invariants", name)
        invariant = known.get(name)
        if invariant is None:
            usable = [other for other, one in known.items() if not one.header_problems]
            hint = suggestion(name, usable)
            source.refuse(source.key(path), f"there is no invariant {name}, and no {name}.sql beside the scenario{hint}")
            continue
        if "effects" in invariant.needs and not draft.has_database and not draft.has_sink:
            source.refuse(source.key(path), f"{name} needs effects, and the stage has no database to read them from")
        if "decoded" in invariant.needs and "stage" in source.data and "decode" not in source.data:
            source.refuse(source.key(path), f"{name} needs answers of a worker: say with decode which version is asked, and how")
        parameters = source.get(*path)
        if parameters is None or isinstance(parameters, dict):
            for message in invariant.problems(parameters, declared):
                source.refuse(_place(draft, name, message), message)


def _place(draft: Draft, name: str, message: str) -> Place:
    """Where a message about an invariant belongs: at the parameter it begins with, else at the invariant's name."""
    path = ("invariants", name)
    for parameter in draft.source.names(*path):
        if message.startswith(f"{name}, {parameter}: "):
            return draft.source.value((*path, parameter))
        if message.startswith(f"{name} has no parameter {parameter}"):
            return draft.source.key((*path, parameter))
    return draft.source.key(path)
