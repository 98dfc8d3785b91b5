"""What arrives."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from drillbook.core.refs import ExchangeRef
from drillbook.core.units import Duration, Rate, Size
from drillbook.scenario.part import Part

SHORT_STRING = 255
"""Bytes of an AMQP 0-9-1 short string, which types, content types and routing keys are."""


class MessageShape(Part):
    """How the messages of one task type look on the wire; what is left out stays as the load has it.

    `{type}` in a string stands for the type's name in `load.types`, and `{task}` in the body and in headers for the task's id.
    """

    type: str | None = Field(default=None, max_length=SHORT_STRING, description="The type property, in place of the type's name.")
    version: str | None = Field(default=None, description="The version header, in place of `load.version`.")
    headers: dict[str, Any] = Field(
        default_factory=dict, description="More headers: text, whole numbers, true, false, null, lists and keys with values."
    )
    body: str | None = Field(default=None, description="The whole body, never padded, in place of the load's own.")
    content_type: str = Field(default="application/json", max_length=SHORT_STRING, description="What the body is said to be.")
    content_encoding: str | None = Field(
        default=None, max_length=SHORT_STRING, description="How the body is said to be encoded; it is sent as UTF-8."
    )
    routing_key: str | None = Field(default=None, max_length=SHORT_STRING, description="In place of `load.routing_key`.")


class FeatureGate(Part):
    """A feature flag that the load asks before each publish, as a producer does: through OpenFeature, of a flag service in the stage."""

    flag: str = Field(min_length=1, description="The flag's key; it is true or false.")
    service: str = Field(description="The server of `stage.services` that is asked: flagd, or one that speaks its sync protocol (gRPC).")
    port: str | None = Field(default=None, description="Which of its `ports` speaks that; left out: its `port`.")
    types: dict[str, str] = Field(
        min_length=1,
        description="By task type, the type that its tasks are published as while the flag is off, or has not been heard of.",
    )


class Load(Part):
    """What the publishers send: an open model, arrivals drawn from the seed and never slowed by the system under test."""

    rate: Rate = Field(description="Mean arrivals a second (Poisson).")
    duration: Duration = Field(
        gt=0,
        description="How long tasks arrive at least. They go on arriving until deployment, playbook and faults that end by themselves have "
        "ended, and for `linger` after that.",
    )
    linger: Duration = Field(default=2.0, ge=0, description="How long tasks go on arriving then, and until one more is confirmed.")
    most: Duration = Field(default=300.0, gt=0, description="How long tasks arrive at most.")
    size: Size = Field(default=256, le=1_048_576, description="Bytes of one body, where it is the load's own.")
    types: dict[str, float] = Field(default_factory=lambda: {"task": 1.0}, description="Task types and their shares; the shares sum to 1.")
    exchange: ExchangeRef = Field(default="", description="Where tasks are published; empty: the default exchange.")
    routing_key: str = Field(default="{type}", description="The routing key; {type} stands for the task's type.")
    version: str | None = Field(default=None, description="The version header of the messages; none: no such header.")
    messages: dict[str, MessageShape] = Field(default_factory=dict, description="How messages look, by task type.")
    gate: FeatureGate | None = Field(default=None, description="A feature flag that decides what tasks are published as; none: no flag.")
    attempts: int = Field(default=1, ge=1, le=10, description="How often a publish that failed or stayed unconfirmed is tried in all.")
    confirm_within: Duration = Field(default=10.0, gt=0, description="A publish not confirmed by then is unknown.")
    max_in_flight: int = Field(default=2000, ge=1, description="Unconfirmed publishes above which an arrival is skipped, and counted so.")

    def shape(self, type: str) -> MessageShape:
        """How messages of a type look."""
        return self.messages.get(type, AS_THE_LOAD_HAS_IT)

    def routing_key_of(self, type: str) -> str:
        """The routing key of a type's messages."""
        key = self.shape(type).routing_key
        return (self.routing_key if key is None else key).replace("{type}", type)

    def version_of(self, type: str) -> str | None:
        """The version of a type's messages, None where they have none."""
        version = self.shape(type).version
        return self.version if version is None else version.replace("{type}", type)


AS_THE_LOAD_HAS_IT = MessageShape()
