"""Takes messages from one queue until it is told to stop; what the consumers of this service have in common.

A message is acknowledged when its handler has returned, which is when its work has been committed. One whose handler failed is put back,
and the queue's delivery limit sends it to the dead-letter queue when that did not help. One that has died before, by the header in which
the broker counts that, is given up at once: the guard against messages that go round in circles. Who replays a dead letter on purpose takes
that header off.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from typing import Any

import pika
from eventsourcing.persistence import InterfaceError, OperationalError
from pika.adapters.utils.connection_workflow import AMQPConnectorException
from pika.exceptions import AMQPError

TICK_SECONDS = 0.5
PAUSE_SECONDS = 0.3
DATABASE_AWAY = (InterfaceError, OperationalError)


class HandlerError(Exception):
    """This message could not be handled; perhaps another time."""


class GivenUpError(Exception):
    """This message must not be tried again."""


def log(event: str, **more: Any) -> None:
    """One line of JSON on stdout."""
    print(json.dumps({"at": round(time.time(), 3), "event": event, **more}), flush=True)


def deaths(headers: dict[str, Any]) -> int:
    """How often the message was dead-lettered before."""
    return sum(int(death["count"]) for death in headers.get("x-death", ()))


class Consumer:
    """One queue, one message at a time.

    Args:
        handle: does the work of a message, given its id and its type; idempotent, as it may be called again.
        give_up: told of a message that is given up, and why.
        idle: called when nothing has come for a while.
    """

    def __init__(self, handle: Callable[[str, str], None], give_up: Callable[[str, str], None], idle: Callable[[], Any]) -> None:
        self._handle, self._give_up, self._idle = handle, give_up, idle
        self._stopping = False
        signal.signal(signal.SIGTERM, self._stop)

    def run(self) -> None:
        while not self._stopping:
            try:
                self._serve(pika.URLParameters(os.environ["AMQP_URL"]))
            except (AMQPError, AMQPConnectorException, OSError) as error:
                log("broker away", error=type(error).__name__)
                time.sleep(PAUSE_SECONDS)
        log("stopped")

    def _serve(self, parameters: pika.URLParameters) -> None:
        parameters.heartbeat = 10
        parameters.socket_timeout = parameters.stack_timeout = 5
        connection = pika.BlockingConnection(parameters)
        try:
            channel = connection.channel()
            channel.basic_qos(prefetch_count=int(os.environ.get("PREFETCH", "10")))
            log("consuming", queue=os.environ["QUEUE"])
            for method, properties, _ in channel.consume(os.environ["QUEUE"], inactivity_timeout=TICK_SECONDS):
                if self._stopping:
                    return
                if method is None:
                    self._insist(connection, self._idle)
                else:
                    self._take(connection, channel, method.delivery_tag, properties)
        finally:
            if connection.is_open:
                connection.close()  # what was sent ahead goes back to the queue at once

    def _take(self, connection: pika.BlockingConnection, channel: Any, tag: int, properties: pika.BasicProperties) -> None:
        message, died = properties.message_id, deaths(properties.headers or {})
        try:
            if died:
                raise GivenUpError(f"given up: it has died {died} times before")
            done = self._insist(connection, lambda: self._handle(message, properties.type))
        except HandlerError as error:
            log("failed", message=message, error=str(error))
            channel.basic_nack(tag)
            return
        except GivenUpError as error:
            reason = str(error)
            log("given up", message=message, error=reason)
            if self._insist(connection, lambda: self._give_up(message, reason)):
                channel.basic_reject(tag, requeue=False)
            return
        if done:
            channel.basic_ack(tag)

    def _insist(self, connection: pika.BlockingConnection, work: Callable[[], Any]) -> bool:
        """Do it until the database has taken it; False when the consumer must stop first (the message goes back)."""
        while True:
            try:
                work()
                return True
            except DATABASE_AWAY as error:
                log("database away", error=str(error))
                if self._stopping:
                    return False
                connection.sleep(PAUSE_SECONDS)

    def _stop(self, *_: Any) -> None:
        self._stopping = True
