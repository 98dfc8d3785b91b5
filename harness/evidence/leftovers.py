"""Every message that rests in a queue after settling, read and given back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pika.adapters.blocking_connection import BlockingChannel
from pika.spec import BasicProperties

from harness.evidence.records import Leftover


def leftovers(broker: Any, dead: set[str], delayed: set[str]) -> Iterator[Leftover]:
    """Every message of every queue."""
    for queue in broker.queues():
        yield from _of_queue(broker.channel(), queue, "dead" if queue in dead else "delayed" if queue in delayed else "ready")


def _of_queue(channel: BlockingChannel, queue: str, state: Any) -> Iterator[Leftover]:
    try:
        while True:
            method, properties, body = channel.basic_get(queue)
            if method is None or properties is None:
                return
            deaths, reason = _deaths(properties)
            task = properties.message_id or f"(a message without message_id, {len(body or b'')} bytes)"
            yield Leftover(task=task, queue=queue, state=state, deaths=deaths, reason=reason)
    finally:
        if channel.is_open:
            channel.close()


def _deaths(properties: BasicProperties) -> tuple[int, str | None]:
    """How often a message died, and why first, from the broker's x-death header."""
    history: Any = (properties.headers or {}).get("x-death", [])
    return sum(int(entry.get("count", 0)) for entry in history), history[-1].get("reason") if history else None
