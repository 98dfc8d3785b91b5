"""Versions and machine of the run, its notes, and where its evidence is incomplete."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drillbook.report.section import Facts, Reported, Section


def flat(document: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """A nested document as rows of path and value; its innermost parts are one row each."""
    rows: list[tuple[str, str]] = []
    for key, value in document.items():
        path = f"{prefix}{key}"
        if isinstance(value, dict) and any(isinstance(one, dict) for one in value.values()):
            rows += flat(value, f"{path}: ")
        elif isinstance(value, dict):
            rows.append((path, ", ".join(f"{name} {one}" for name, one in value.items() if one is not None)))
        else:
            rows.append((path, "—" if value is None else ", ".join(map(str, value)) if isinstance(value, list) else str(value)))
    return rows


def _facts(run: Reported) -> Facts:
    source = run.source
    return {
        "incomplete": [event for event in source.events if event.event == "incomplete"],
        "notes": [event for event in source.events if event.event == "note"],
        "environment": flat(source.environment.model_dump(exclude={"seed", "replay"}, exclude_unset=True)),
    }


section = Section(
    "Environment",
    place=110,
    facts=_facts,
    link="Environment",
    about="versions, images and machine, notes of the run, and where its evidence is incomplete.",
)
