"""How a message looks on the wire: its own id is the key of the inbox, its correlation id is the order it belongs to."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pika
from steps import UnknownStepError

FIRST = ("order", "undeliverable")
"""Kinds of orders; a message with one of them as its type begins an order, whose first step is `reserve`."""
EXCHANGE = "steps"


@dataclass(frozen=True)
class Message:
    """One step of one order, asked for."""

    id: str
    task: str
    step: str
    kind: str | None
    """Of the first message only."""


def decode(properties: Any, body: bytes) -> Message:
    """What a delivery asks for.

    Raises:
        UnknownStepError: it is no message of this shop.
    """
    try:
        json.loads(body)
    except ValueError as error:
        raise UnknownStepError("the body is not JSON") from error
    if not (properties.message_id and properties.correlation_id and properties.type):
        raise UnknownStepError("a message needs an id, a correlation id and a type")
    first = properties.type in FIRST
    step = "reserve" if first else properties.type
    return Message(properties.message_id, properties.correlation_id, step, properties.type if first else None)


def publish(channel: Any, task: str, step: str) -> None:
    """Ask for the next step; returns when the broker has confirmed it, raises when it could not be routed."""
    properties = pika.BasicProperties(
        message_id=f"{task}/{step}", correlation_id=task, type=step, content_type="application/json", delivery_mode=2
    )
    channel.basic_publish(EXCHANGE, step, json.dumps({"task": task, "step": step}).encode(), properties, mandatory=True)
