"""RabbitMQ as the stage uses it: what the scenario declares on it, and what the harness asks of it."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass
from threading import RLock
from typing import Any
from urllib.parse import quote

import pika
import requests
from pika.adapters.blocking_connection import BlockingChannel
from pika.adapters.utils.connection_workflow import AMQPConnectorException
from pika.exceptions import AMQPError, ChannelClosedByBroker

from drillbook.core.errors import HarnessError, UsageError
from drillbook.rabbitmq.metrics import DETAILED, Series, samples
from drillbook.scenario import Broker, Queue

# A broker that is away is an answer here, and told as one; pika would print a traceback of its own each time.
logging.getLogger("pika").setLevel(logging.CRITICAL)

HEARTBEAT_SECONDS = 4
MANAGEMENT_PORT = 15672
METRICS_PORT = 15692
PLUGINS = ("rabbitmq_management", "rabbitmq_prometheus")
"""What the harness itself asks the broker with, whatever its image enables."""
AMQP_PORT = 5672


@dataclass(frozen=True)
class Depth:
    """One queue, as the broker answers for it at once."""

    exists: bool
    ready: int | None = None
    consumers: int | None = None


class BrokerClient:
    """The harness's own way to the broker, over links that no fault touches.

    Every question reconnects when the connection was lost; while the broker is away it raises ``OSError``, which waits take as "not yet".

    Args:
        amqp_url: AMQP over the harness's link.
        api_url: the management API, ``http://user:password@127.0.0.1:port/api``.
        metrics_url: its Prometheus metrics, ``http://127.0.0.1:port``; empty: nobody asks for them.
    """

    def __init__(self, amqp_url: str, api_url: str, metrics_url: str = "") -> None:
        self.amqp_url, self.api_url, self.metrics_url = amqp_url, api_url, metrics_url
        self._connection: pika.BlockingConnection | None = None
        self._lock = RLock()

    def answers(self) -> bool:
        """Whether it takes AMQP connections and its management API answers."""
        try:
            with self._lock:
                self.channel().close()
            return requests.get(f"{self.api_url}/overview", timeout=2).ok
        except (OSError, AMQPError):
            return False

    def channel(self) -> BlockingChannel:
        """A channel of its own on the shared connection.

        Raises:
            ConnectionError: the broker does not take it now.
        """
        if self._connection is not None:
            try:
                return self._connection.channel()
            except (AMQPError, OSError):
                self._connection = None  # it went stale between two questions
        try:
            parameters = pika.URLParameters(self.amqp_url)
            # Heartbeats are what ends the wait for a broker that has frozen: pika's questions have no deadline of their own.
            parameters.heartbeat = HEARTBEAT_SECONDS
            parameters.socket_timeout = parameters.stack_timeout = parameters.blocked_connection_timeout = 5
            self._connection = pika.BlockingConnection(parameters)
            return self._connection.channel()
        except (AMQPError, AMQPConnectorException, OSError) as error:
            self._connection = None
            raise ConnectionError(f"the broker does not answer: {error!r}") from error

    def depth(self, queue: str) -> Depth:
        """Ready messages and consumers of a queue, by a passive declare: immediate, where management listings lag seconds.

        Raises:
            ConnectionError: the broker does not answer now.
        """
        with self._lock:
            channel = self.channel()
            try:
                method = channel.queue_declare(queue, passive=True).method
                return Depth(True, method.message_count, method.consumer_count)
            except ChannelClosedByBroker as error:
                if error.reply_code == 404:
                    return Depth(False)
                raise ConnectionError(str(error)) from error
            except AMQPError as error:
                self._connection = None
                raise ConnectionError(f"the broker does not answer: {error!r}") from error
            finally:
                if channel.is_open:
                    with suppress(AMQPError):
                        channel.close()

    def queues(self) -> list[str]:
        """Names of all queues, those that a program made included."""
        return sorted(queue["name"] for queue in self.api("GET", "queues?disable_stats=true&enable_queue_totals=true").json())

    def redeliveries(self, queue: str) -> int | None:
        """Redeliveries of a queue since the broker started, as its management API counts them, up to 5 s late; None without the queue."""
        response = self.api("GET", f"queues/%2F/{quote(queue, safe='')}")
        # The API leaves out what it has not counted yet.
        return int(response.json().get("message_stats", {}).get("redeliver", 0)) if response.ok else None

    def metrics(self) -> dict[Series, float]:
        """Its own counters by queue and exchange, and over all of them; 10 ms.

        Raises:
            ConnectionError: no answer now.
        """
        families = "&".join(f"family={family}" for family in DETAILED)
        try:
            pages = [requests.get(f"{self.metrics_url}/{page}", timeout=10) for page in (f"metrics/detailed?{families}", "metrics")]
            for page in pages:
                page.raise_for_status()
            return samples(*(page.text for page in pages))
        except requests.RequestException as error:
            raise ConnectionError("the broker's metrics do not answer") from error

    def definitions(self) -> dict[str, Any]:
        """What is declared on it: queues, each with its type, exchanges, bindings, policies.

        Raises:
            ConnectionError: no answer now.
        """
        found: dict[str, Any] = self.api("GET", "definitions/%2F").json()
        types = {queue["name"]: queue["type"] for queue in self.api("GET", "queues/%2F?disable_stats=true&enable_queue_totals=true").json()}
        found["queues"] = [{"type": types.get(queue["name"])} | queue for queue in found["queues"]]
        return found

    def api(self, method: str, path: str, body: Any = None) -> requests.Response:
        """Ask the management API.

        Raises:
            ConnectionError: no answer now.
            HarnessError: it refused.
        """
        try:
            response = requests.request(method, f"{self.api_url}/{path}", json=body, timeout=10)
        except requests.RequestException as error:
            raise ConnectionError("the management API does not answer") from error
        if not response.ok and response.status_code != 404:
            raise HarnessError(f"the management API refused {method} {path}: {response.status_code} {response.text[:200]}.")
        return response

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            if self._connection is not None and self._connection.is_open:
                with suppress(AMQPError):
                    self._connection.close()
            self._connection = None


def enabled_plugins(broker: Broker) -> bytes:
    """The content of RabbitMQ's ``enabled_plugins`` file."""
    return f"[{','.join(dict.fromkeys((*PLUGINS, *broker.plugins)))}].\n".encode()


def queue_arguments(queue: Queue) -> dict[str, Any]:
    """The arguments a queue is declared with."""
    arguments: dict[str, Any] = {"x-queue-type": queue.type}
    if queue.delivery_limit is not None:
        arguments["x-delivery-limit"] = queue.delivery_limit
    if queue.dead_letter_to is not None:
        # The default exchange routes by queue name, so the dead letter cannot miss its queue.
        arguments |= {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": queue.dead_letter_to}
    return arguments | queue.arguments


def declare(client: BrokerClient, broker: Broker) -> None:
    """Declare what the scenario says: policies, exchanges, queues, bindings.

    Raises:
        UsageError: the broker refuses something, such as an exchange type without its plugin.
    """
    for name, policy in broker.policies.items():
        body = {"pattern": policy.pattern, "definition": policy.definition, "apply-to": policy.apply_to, "priority": policy.priority}
        client.api("PUT", f"policies/%2F/{quote(name, safe='')}", body)
    channel = client.channel()
    try:
        for name, exchange in broker.exchanges.items():
            what = f"the exchange {name}"
            channel.exchange_declare(name, exchange.type, durable=True, arguments=exchange.arguments)
        for name, queue in broker.queues.items():
            what = f"the queue {name}"
            channel.queue_declare(name, durable=True, arguments=queue_arguments(queue))
        for binding in broker.bindings:
            what = f"the binding of {binding.to} to {binding.source}"
            if binding.to in broker.queues:
                channel.queue_bind(binding.to, binding.source, binding.key, binding.arguments)
            else:
                channel.exchange_bind(binding.to, binding.source, binding.key, binding.arguments)
    except AMQPError as error:
        reply = getattr(error, "reply_text", "") or repr(error)
        raise UsageError(f"the broker refuses {what} of stage.broker: {reply}.") from error
    finally:
        if channel.is_open:
            channel.close()
