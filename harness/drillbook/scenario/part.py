"""What every part of the scenario file has in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Part(BaseModel):
    """A part of the file: unknown keys are refused, and nothing is changed after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
