"""Real services for tests: started once a session on loopback, removed by label whatever happens."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from harness.stage import image_store
from harness.stage.broker import AMQP_PORT, MANAGEMENT_PORT, BrokerClient
from harness.stage.clean import remove_run
from harness.stage.containers import StageContainer
from harness.stage.database import NAME, PORT, DatabaseClient
from harness.stage.labels import labels
from harness.stage.wait import until
from testcontainers.core.network import Network  # isort: skip (after the settings of harness.stage.containers)


@dataclass(frozen=True)
class Service:
    """A running service of a test session."""

    container: StageContainer
    container_name: str
    amqp_url: str = ""
    api_url: str = ""
    url: str = ""


@pytest.fixture(scope="session")
def run_id() -> Iterator[str]:
    """The label of everything this session starts outside of drills."""
    name = f"tests-{secrets.token_hex(4)}"
    yield name
    remove_run(name)


@pytest.fixture(scope="session")
def network(run_id: str) -> str:
    """A bridge of this session's own."""
    made = Network(docker_network_kw={"labels": labels(run_id, "network")})
    made.name = f"drillbook-{run_id}"
    return made.create().name


@pytest.fixture(scope="session")
def broker(run_id: str, network: str) -> Service:
    """RabbitMQ with its management API; its ports change when it is restarted."""
    image = image_store.ensure(["rabbitmq"], print)["rabbitmq"].reference
    password = secrets.token_urlsafe(12)
    name = f"drillbook-{run_id}-broker"
    container = StageContainer(
        image,
        "broker",
        name,
        network,
        labels(run_id, "broker"),
        ports=(AMQP_PORT, MANAGEMENT_PORT),
        environment={"RABBITMQ_DEFAULT_USER": "tests", "RABBITMQ_DEFAULT_PASS": password},
    )
    container.start()
    service = Service(
        container,
        name,
        amqp_url=f"amqp://tests:{password}@127.0.0.1:{container.mapped_port(AMQP_PORT)}/%2F",
        api_url=f"http://tests:{password}@127.0.0.1:{container.mapped_port(MANAGEMENT_PORT)}/api",
    )
    assert until(BrokerClient(service.amqp_url, service.api_url).answers, 60)
    return service


@pytest.fixture(scope="session")
def database(run_id: str, network: str) -> Service:
    """PostgreSQL."""
    image = image_store.ensure(["postgres"], print)["postgres"].reference
    password = secrets.token_urlsafe(12)
    name = f"drillbook-{run_id}-database"
    environment = {"POSTGRES_USER": "tests", "POSTGRES_PASSWORD": password, "POSTGRES_DB": NAME}
    container = StageContainer(image, "database", name, network, labels(run_id, "database"), ports=(PORT,), environment=environment)
    container.start()
    service = Service(container, name, url=f"postgresql://tests:{password}@127.0.0.1:{container.mapped_port(PORT)}/{NAME}")
    assert until(DatabaseClient(service.url).answers, 60)
    return service
