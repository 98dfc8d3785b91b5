"""What worker and relay share: their settings, their log, and how long they pause before they try again."""

from __future__ import annotations

import json
import os
import random
import time
from dataclasses import dataclass
from typing import Any

import pika

LONGEST_PAUSE_SECONDS = 1.0
CONNECT_SECONDS = 5.0


@dataclass(frozen=True)
class Settings:
    """What the environment says.

    The last three are there for known-bad controls: ``ACK=early`` acknowledges a message before its transaction, ``OUTBOX=off``
    publishes the next message after the commit instead of within it, ``INBOX=off`` handles a message as often as it comes.
    """

    amqp_url: str
    database_url: str
    effects_url: str
    queue: str
    worker: str
    version: str
    prefetch: int
    after_charge: str
    insure_seconds: float
    ack_early: bool
    outbox: bool
    inbox: bool

    @classmethod
    def from_environment(cls) -> Settings:
        env = os.environ
        return cls(
            amqp_url=env["AMQP_URL"],
            database_url=env["DATABASE_URL"],
            effects_url=env["EFFECTS_URL"],
            queue=env.get("QUEUE", ""),
            worker=env.get("WORKER", "worker"),
            version=env.get("VERSION", "v1"),
            prefetch=int(env.get("PREFETCH", "3")),
            after_charge=env.get("AFTER_CHARGE", "ship"),
            insure_seconds=float(env.get("INSURE_MS", "0")) / 1000,
            ack_early=env.get("ACK", "late") == "early",
            outbox=env.get("OUTBOX", "on") != "off",
            inbox=env.get("INBOX", "on") != "off",
        )


def connect(settings: Settings) -> pika.BlockingConnection:
    """A connection to the broker; it does not wait for ever."""
    parameters = pika.URLParameters(settings.amqp_url)
    parameters.heartbeat = 10
    parameters.socket_timeout = parameters.stack_timeout = CONNECT_SECONDS
    parameters.client_properties = {"connection_name": settings.worker}
    return pika.BlockingConnection(parameters)


def log(event: str, **more: Any) -> None:
    """One line of JSON on stdout."""
    print(json.dumps({"at": round(time.time(), 3), "event": event, **more}), flush=True)


class Backoff:
    """Pauses that double up to a bound, each shortened by chance so that the workers don't come back all at once."""

    def __init__(self) -> None:
        self._next = 0.1

    def pause(self) -> float:
        longest, self._next = self._next, min(self._next * 2, LONGEST_PAUSE_SECONDS)
        return random.uniform(longest / 2, longest)

    def reset(self) -> None:
        self._next = 0.1
