"""What arrives."""

from __future__ import annotations

from pydantic import Field

from harness.scenario.model.part import Part
from harness.scenario.refs import ExchangeRef
from harness.scenario.units import Duration, Rate, Size


class Load(Part):
    """What the publishers send: an open model, arrivals drawn from the seed and never slowed by the system under test."""

    rate: Rate = Field(description="Mean arrivals a second (Poisson).")
    duration: Duration = Field(gt=0, description="How long tasks arrive, counted from the start of the drive.")
    size: Size = Field(default=256, le=1_048_576, description="Bytes of one body.")
    types: dict[str, float] = Field(default_factory=lambda: {"task": 1.0}, description="Task types and their shares; the shares sum to 1.")
    exchange: ExchangeRef = Field(default="", description="Where tasks are published; empty: the default exchange.")
    routing_key: str = Field(default="{type}", description="The routing key; {type} stands for the task's type.")
    version: str | None = Field(default=None, description="The version header of the messages; none: no such header.")
    attempts: int = Field(default=1, ge=1, le=10, description="How often a publish that failed or stayed unconfirmed is tried in all.")
    confirm_within: Duration = Field(default=10.0, gt=0, description="A publish not confirmed by then is unknown.")
    max_in_flight: int = Field(default=2000, ge=1, description="Unconfirmed publishes above which an arrival is skipped, and counted so.")
