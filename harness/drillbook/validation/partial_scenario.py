"""A scenario file on its way in: what of it can be used, whether or not the whole validates."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from drillbook.core.names import StageNames
from drillbook.scenario import FaultEntry, FaultSpec
from drillbook.validation.source import ScenarioSource

P = TypeVar("P", bound=BaseModel)

STRICT: dict[str, Any] = {"strict": True, "by_alias": True, "by_name": False}
"""How a file is validated: no text where a number is meant, and keys only as documented."""

MOST_REPLICAS = 64
"""Assumed where `replicas` cannot be read, so that references to replicas are not called dangling for it."""


@dataclass
class PartialScenario:
    """A file as the checks see it.

    Args:
        source: the raw file; checks add their problems to it.
        folder: the scenario's folder; programs and files are relative to it.
    """

    source: ScenarioSource
    folder: Path

    def part(self, model: type[P], *path: str | int) -> P | None:
        """The part at a path when it is there and valid by itself, else None."""
        raw = self.source.get(*path)
        if not isinstance(raw, dict):
            return None
        try:
            return model.model_validate(raw, **STRICT)
        except ValidationError:
            return None

    @cached_property
    def names(self) -> StageNames | None:
        """The stage's names; None without a stage to read them from."""
        if not self.source.names("stage", "workers"):
            return None
        return StageNames(
            replicas={version: self._replicas(version) for version in self.source.names("stage", "workers")},
            database="database" in self.source.names("stage"),
            sink=self.has_sink,
            servers=tuple(self.source.names("stage", "services")),
        )

    @property
    def has_database(self) -> bool:
        """Whether the stage has a database, or none can be told."""
        return not isinstance(self.source.get("stage"), dict) or "database" in self.source.names("stage")

    @property
    def has_sink(self) -> bool:
        """Whether the stage has the effect sink: some source of effects is calls to it."""
        sources = ("effects", "sources")
        return any("http" in self.source.names(*sources, name) for name in self.source.names(*sources))

    @cached_property
    def faults(self) -> list[tuple[int, FaultEntry]]:
        """The faults that are valid by themselves, with their number in the list."""
        raw = self.source.get("faults")
        entries = [(number, self.part(FaultSpec, "faults", number)) for number in range(len(raw) if isinstance(raw, list) else 0)]
        return [(number, entry) for number, entry in entries if entry is not None]

    def _replicas(self, version: str) -> int:
        count = self.source.get("stage", "workers", version, "replicas")
        if isinstance(count, int) and 1 <= count <= MOST_REPLICAS:
            return count
        return MOST_REPLICAS if "replicas" in self.source.names("stage", "workers", version) else 1
