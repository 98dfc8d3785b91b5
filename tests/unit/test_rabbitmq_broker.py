"""What the harness asks of the broker: over AMQP by a channel in memory, over HTTP by a small server, and what each answer means."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pika
import pytest
from pika.exceptions import AMQPConnectionError, ChannelClosedByBroker, StreamLostError

from drillbook.core.errors import HarnessError, UsageError
from drillbook.rabbitmq.broker import BrokerClient, Depth, declare, enabled_plugins, queue_arguments
from drillbook.rabbitmq.metrics import Series
from drillbook.scenario import Broker
from drillbook.scenario.stage import Queue

NOT_FOUND = ChannelClosedByBroker(404, "NOT_FOUND")


class Channel:
    """A channel of a broker that has these queues."""

    def __init__(self, connection: Connection) -> None:
        self._connection, self.is_open = connection, True

    def queue_declare(self, queue: str, passive: bool = False, **more: Any) -> Any:
        self._connection.fails()
        if not passive:
            self._connection.declared.append(("queue", queue, more))
        elif queue not in self._connection.queues:
            self.is_open = False
            raise self._connection.missing
        ready, consumers = self._connection.queues.get(queue, (0, 0))
        return SimpleNamespace(method=SimpleNamespace(message_count=ready, consumer_count=consumers))

    def exchange_declare(self, name: str, kind: str, **more: Any) -> None:
        self._connection.fails()
        self._connection.declared.append(("exchange", name, kind, more))

    def queue_bind(self, *binding: Any) -> None:
        self._connection.declared.append(("queue_bind", *binding))

    def exchange_bind(self, *binding: Any) -> None:
        self._connection.declared.append(("exchange_bind", *binding))

    def close(self) -> None:
        self.is_open = False
        self._connection.closed += 1


class Connection:
    """A connection to it."""

    def __init__(self) -> None:
        self.queues: dict[str, tuple[int, int]] = {"tasks": (3, 2)}
        self.missing: Exception = NOT_FOUND
        self.error: Exception | None = None
        self.declared: list[Any] = []
        self.closed = 0
        self.is_open = True

    def channel(self) -> Channel:
        if not self.is_open:
            raise StreamLostError
        return Channel(self)

    def close(self) -> None:
        self.is_open = False

    def fails(self) -> None:
        if self.error is not None:
            raise self.error


class Brokers:
    """Every connection that a client makes, and where it makes it."""

    def __init__(self) -> None:
        self.made: list[Connection] = []
        self.parameters: list[Any] = []
        self.refuses: Exception | None = None

    def __call__(self, parameters: Any) -> Connection:
        if self.refuses is not None:
            raise self.refuses
        self.parameters.append(parameters)
        self.made.append(Connection())
        return self.made[-1]


@pytest.fixture
def brokers(monkeypatch: pytest.MonkeyPatch) -> Brokers:
    made = Brokers()
    monkeypatch.setattr(pika, "BlockingConnection", made)
    return made


@pytest.fixture
def client(brokers: Brokers) -> BrokerClient:
    return BrokerClient("amqp://drill:word@127.0.0.1:1/%2F", "http://127.0.0.1:1/api")


def test_the_depth_of_a_queue_is_what_the_broker_says(client: BrokerClient) -> None:
    assert client.depth("tasks") == Depth(True, 3, 2)


def test_a_queue_that_is_not_there_does_not_exist(client: BrokerClient) -> None:
    assert client.depth("other") == Depth(False)


def test_a_queue_that_may_not_be_asked_is_no_answer(client: BrokerClient, brokers: Brokers) -> None:
    client.depth("tasks")
    brokers.made[0].missing = ChannelClosedByBroker(405, "RESOURCE_LOCKED")
    with pytest.raises(ConnectionError, match="RESOURCE_LOCKED"):
        client.depth("other")


def test_a_connection_that_is_lost_is_no_answer_and_made_again(client: BrokerClient, brokers: Brokers) -> None:
    client.depth("tasks")
    brokers.made[0].error = StreamLostError("lost")
    with pytest.raises(ConnectionError, match="the broker does not answer"):
        client.depth("tasks")
    client.depth("tasks")
    assert len(brokers.made) == 2


def test_questions_share_a_connection_and_leave_no_channel(client: BrokerClient, brokers: Brokers) -> None:
    for _ in range(3):
        client.depth("tasks")
    assert [connection.closed for connection in brokers.made] == [3]


def test_a_connection_that_went_stale_is_made_again(client: BrokerClient, brokers: Brokers) -> None:
    client.depth("tasks")
    brokers.made[0].is_open = False
    assert client.depth("tasks").exists
    assert len(brokers.made) == 2


@pytest.mark.parametrize("error", [AMQPConnectionError(), OSError("refused")])
def test_a_broker_that_takes_no_connection_is_no_answer(client: BrokerClient, brokers: Brokers, error: Exception) -> None:
    brokers.refuses = error
    with pytest.raises(ConnectionError, match="the broker does not answer"):
        client.depth("tasks")


def test_a_broker_that_has_frozen_is_given_up(client: BrokerClient, brokers: Brokers) -> None:
    client.depth("tasks")
    (parameters,) = brokers.parameters
    limits = (parameters.heartbeat, parameters.socket_timeout, parameters.stack_timeout, parameters.blocked_connection_timeout)
    assert limits == (4, 5, 5, 5)


def test_closing_ends_the_connection(client: BrokerClient, brokers: Brokers) -> None:
    client.depth("tasks")
    client.close()
    assert not brokers.made[0].is_open


def test_closing_what_was_never_open_is_nothing(client: BrokerClient, brokers: Brokers) -> None:
    client.close()
    assert brokers.made == []


# HTTP


class Api(BaseHTTPRequestHandler):
    """The management API and the metrics, with answers of a test's own."""

    answers: dict[str, tuple[int, str]]
    asked: list[tuple[str, str, str]]

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        self.asked.append((self.command, self.path, body))
        code, text = self.answers.get(self.path, (404, "{}"))
        self.send_response(code)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def do_PUT(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """It says nothing."""


@pytest.fixture
def api(brokers: Brokers) -> Iterator[tuple[BrokerClient, type[Api]]]:
    handler = type("Handler", (Api,), {"answers": {}, "asked": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as listening:
        Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        url = f"http://127.0.0.1:{listening.server_port}"
        yield BrokerClient("amqp://127.0.0.1:1/", f"{url}/api", url), handler
        listening.shutdown()


ApiOf = tuple[BrokerClient, type[Api]]
QUEUES = "/api/queues/%2F?disable_stats=true&enable_queue_totals=true"


def gives(api: ApiOf, path: str, content: Any, code: int = 200) -> BrokerClient:
    api[1].answers[path] = (code, content if isinstance(content, str) else json.dumps(content))
    return api[0]


def test_redeliveries_are_the_broker_s_own_count(api: ApiOf) -> None:
    assert gives(api, "/api/queues/%2F/a%2Fb", {"message_stats": {"redeliver": 5}}).redeliveries("a/b") == 5


def test_what_the_broker_has_not_counted_yet_is_none(api: ApiOf) -> None:
    assert gives(api, "/api/queues/%2F/a", {}).redeliveries("a") == 0


def test_a_queue_that_is_not_there_has_no_redeliveries(api: ApiOf) -> None:
    assert api[0].redeliveries("a") is None


def test_the_names_of_all_queues_come_sorted(api: ApiOf) -> None:
    path = "/api/queues?disable_stats=true&enable_queue_totals=true"
    assert gives(api, path, [{"name": "b"}, {"name": "a"}]).queues() == ["a", "b"]


def test_what_is_declared_has_each_queue_with_its_type(api: ApiOf) -> None:
    gives(api, QUEUES, [{"name": "a", "type": "quorum"}])
    gives(api, "/api/definitions/%2F", {"queues": [{"name": "a"}, {"name": "b", "type": "stream"}]})
    assert api[0].definitions()["queues"] == [{"type": "quorum", "name": "a"}, {"type": "stream", "name": "b"}]


def test_what_the_management_api_refuses_is_an_error(api: ApiOf) -> None:
    with pytest.raises(HarnessError, match="the management API refused GET x: 403 no"):
        gives(api, "/api/x", "no", 403).api("GET", "x")


def test_what_is_not_there_is_an_answer(api: ApiOf) -> None:
    assert api[0].api("GET", "x").status_code == 404


def test_a_management_api_that_is_away_is_no_answer(client: BrokerClient) -> None:
    with pytest.raises(ConnectionError, match="the management API does not answer"):
        client.api("GET", "x")


def test_the_metrics_of_both_pages_are_taken(api: ApiOf) -> None:
    families = ("queue_coarse_metrics", "queue_consumer_count", "queue_delivery_metrics", "queue_exchange_metrics", "exchange_metrics")
    gives(
        api,
        f"/metrics/detailed?{'&'.join(f'family={family}' for family in families)}",
        'rabbitmq_detailed_queue_messages{queue="a",vhost="/"} 3\n',
    )
    gives(api, "/metrics", "process_start_time_seconds 7\n")
    assert api[0].metrics() == {Series("queue_messages", "a", None): 3.0, Series("process_start_time_seconds", None, None): 7.0}


def test_metrics_that_are_refused_are_no_answer(api: ApiOf) -> None:
    with pytest.raises(ConnectionError, match="the broker's metrics do not answer"):
        api[0].metrics()


def test_a_broker_answers_when_both_its_doors_do(api: ApiOf) -> None:
    assert not api[0].answers()
    assert gives(api, "/api/overview", {}).answers()


def test_a_broker_that_takes_no_amqp_does_not_answer(api: ApiOf, brokers: Brokers) -> None:
    brokers.refuses = AMQPConnectionError()
    assert not gives(api, "/api/overview", {}).answers()


def test_a_broker_whose_api_is_away_does_not_answer(client: BrokerClient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        client.api_url = f"http://127.0.0.1:{closed.getsockname()[1]}/api"
    assert not client.answers()


# Declaring

SPEC = Broker.model_validate(
    {
        "exchanges": {"in": {"type": "topic"}, "out": {"type": "fanout", "arguments": {"x": 1}}},
        "queues": {"tasks": {"type": "quorum", "delivery_limit": 5, "dead_letter_to": "dead"}, "dead": {}},
        "bindings": [{"from": "in", "to": "tasks", "key": "task.#"}, {"from": "in", "to": "out"}],
        "policies": {"a b": {"pattern": "^t", "definition": {"max-length": 1}, "priority": 3}},
    }
)


def test_what_the_scenario_says_is_declared_in_its_order(api: ApiOf, brokers: Brokers) -> None:
    gives(api, "/api/policies/%2F/a%20b", "", 201)
    declare(api[0], SPEC)
    assert brokers.made[0].declared == [
        ("exchange", "in", "topic", {"durable": True, "arguments": {}}),
        ("exchange", "out", "fanout", {"durable": True, "arguments": {"x": 1}}),
        ("queue", "tasks", {"durable": True, "arguments": queue_arguments(SPEC.queues["tasks"])}),
        ("queue", "dead", {"durable": True, "arguments": queue_arguments(SPEC.queues["dead"])}),
        ("queue_bind", "tasks", "in", "task.#", {}),
        ("exchange_bind", "out", "in", "", {}),
    ]
    assert brokers.made[0].closed == 1


def test_policies_are_declared_whole(api: ApiOf) -> None:
    declare(api[0], SPEC)
    (method, path, body) = api[1].asked[0]
    assert (method, path) == ("PUT", "/api/policies/%2F/a%20b")
    assert json.loads(body) == {"pattern": "^t", "definition": {"max-length": 1}, "apply-to": "queues", "priority": 3}


def test_what_the_broker_refuses_is_told_by_its_name(api: ApiOf, brokers: Brokers) -> None:
    api[0].channel()
    brokers.made[0].error = ChannelClosedByBroker(503, "unknown exchange type 'x-delayed-message'")
    with pytest.raises(UsageError, match=r"the broker refuses the exchange in of stage\.broker: unknown exchange type"):
        declare(api[0], SPEC)


ARGUMENTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "nothing": ({}, {"x-queue-type": "classic"}),
    "its type": ({"type": "quorum"}, {"x-queue-type": "quorum"}),
    "a limit": ({"delivery_limit": 3}, {"x-queue-type": "classic", "x-delivery-limit": 3}),
    "dead letters": (
        {"dead_letter_to": "dead"},
        {"x-queue-type": "classic", "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"},
    ),
    "its own, which win": (
        {"type": "quorum", "dead_letter_to": "dead", "arguments": {"x-dead-letter-routing-key": "other"}},
        {"x-queue-type": "quorum", "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "other"},
    ),
}


@pytest.mark.parametrize(("said", "arguments"), ARGUMENTS.values(), ids=ARGUMENTS)
def test_a_queue_is_declared_with_what_is_said_of_it(said: dict[str, Any], arguments: dict[str, Any]) -> None:
    assert queue_arguments(Queue.model_validate({"type": "classic", **said})) == arguments


def test_the_plugins_of_the_scenario_come_after_those_of_the_harness_once() -> None:
    spec = Broker.model_validate({"queues": {"a": {}}, "plugins": ["rabbitmq_shovel", "rabbitmq_prometheus"]})
    assert enabled_plugins(spec) == b"[rabbitmq_management,rabbitmq_prometheus,rabbitmq_shovel].\n"
