"""A worker of the shop: takes messages from one queue, does the step each asks for, and acknowledges it when its transaction has committed.

Everything that a message changes is one transaction: its inbox row, the effects, the order's state, and the next message as a row in the
outbox. Killed before the commit, the worker has changed nothing; killed after it, the broker delivers the message again, and the inbox row
turns that into nothing. A step that must call a service says so in a transaction of its own first (`executing`), calls with an idempotency
key, and finishes in the second one.

On SIGTERM it finishes the message in hand. What it cannot finish, because the database is away, it gives back unacknowledged.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from typing import Any, TypeVar

import pika
from books import Books
from messages import Message, decode, publish
from outside import AwayError, Database, Services
from pika.adapters.utils.connection_workflow import AMQPConnectorException
from pika.exceptions import AMQPError
from settings import Backoff, Settings, connect, log
from steps import OUTSIDE, Outcome, Steps, UnknownStepError

T = TypeVar("T")
TICK_SECONDS = 0.2
"""How soon an idle worker sees that it shall stop."""


class StoppedError(Exception):
    """The worker must stop before the message is done: it goes back to the queue."""


class Worker:
    """Takes messages from one queue until it is told to stop."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._books = Books(Database(settings.database_url), settings)
        self._services = Services(settings.effects_url, settings.worker, settings.version)
        self._backoff = Backoff()
        self._stopping = False
        self._connection: pika.BlockingConnection
        self._steps = Steps(settings.after_charge, underwrite=lambda: self._connection.sleep(settings.insure_seconds))

    def stop(self) -> None:
        """Finish the message in hand, take no other."""
        self._stopping = True

    def run(self) -> None:
        while not self._stopping:
            try:
                self._serve()
            except StoppedError:
                break
            except (AMQPError, AMQPConnectorException, OSError) as error:
                log("broker away", error=str(error) or type(error).__name__)
                time.sleep(self._backoff.pause())
        self._books.close()
        log("stopped")

    def _serve(self) -> None:
        self._connection = connect(self._settings)
        try:
            self._consume(self._connection.channel())
        finally:
            if self._connection.is_open:
                self._connection.close()  # what was taken ahead and not acknowledged goes back to the queue at once

    def _consume(self, channel: Any) -> None:
        channel.confirm_delivery()
        channel.basic_qos(prefetch_count=self._settings.prefetch)
        log("consuming", queue=self._settings.queue, version=self._settings.version)
        for method, properties, body in channel.consume(self._settings.queue, inactivity_timeout=TICK_SECONDS):
            if self._stopping:
                return
            if method is not None:
                self._take(channel, method.delivery_tag, properties, body)
                self._backoff.reset()
        raise AMQPError("the broker cancelled the consumer")

    def _take(self, channel: Any, tag: int, properties: Any, body: bytes) -> None:
        if self._settings.ack_early:
            channel.basic_ack(tag)
        try:
            self._handle(channel, decode(properties, body))
        except UnknownStepError as error:
            log("refused", message=properties.message_id, error=str(error))
            channel.basic_reject(tag, requeue=False)
            return
        if not self._settings.ack_early:
            channel.basic_ack(tag)

    def _handle(self, channel: Any, message: Message) -> None:
        order = self._insist(lambda: self._books.order(message.task, message.kind))
        if message.step in OUTSIDE and not self._insist(lambda: self._books.begin(message.id, order, message.step)):
            return
        outcome = self._steps.do(message.step, order, lambda service: self._call(service, message))
        if self._insist(lambda: self._books.finish(message.id, order, message.step, outcome)):
            self._send(channel, message, outcome)

    def _send(self, channel: Any, message: Message, outcome: Outcome) -> None:
        """Without an outbox: publish the next message now. A worker that dies before this line has promised it and never sends it."""
        if outcome.then and not self._settings.outbox:
            publish(channel, message.task, outcome.then)

    def _call(self, service: str, message: Message) -> None:
        self._insist(lambda: self._services.call(service, message.task, f"{message.task}/{message.step}"))

    def _insist(self, work: Callable[[], T]) -> T:
        """Do it until it is answered.

        Raises:
            StoppedError: the worker was told to stop meanwhile.
        """
        while True:
            try:
                return work()
            except AwayError as error:
                log("away", error=str(error))
                if self._stopping:
                    raise StoppedError from error
                self._connection.sleep(self._backoff.pause())  # answers heartbeats meanwhile


def main() -> None:
    worker = Worker(Settings.from_environment())
    signal.signal(signal.SIGTERM, lambda *_: worker.stop())
    signal.signal(signal.SIGINT, lambda *_: worker.stop())
    worker.run()


if __name__ == "__main__":
    main()
