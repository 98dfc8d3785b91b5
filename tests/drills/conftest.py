"""Real services for tests: started once a session on loopback, removed by label whatever happens."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from drillbook.core.progress import Progress
from drillbook.core.wait import until
from drillbook.drill import stage_images
from drillbook.engine import image_store
from drillbook.engine.clean import remove_run
from drillbook.engine.containers import StageContainer
from drillbook.engine.labels import labels
from drillbook.evidence import RunDirectory
from drillbook.faults import Fault
from drillbook.faults.base import Use
from drillbook.faults.kinds import KINDS, kinds
from drillbook.rabbitmq.broker import AMQP_PORT, MANAGEMENT_PORT, BrokerClient
from drillbook.stage.database_client import NAME, PORT, DatabaseClient
from drillbook.stage.stage import Stage
from drillbook.validation.loader import load

from testcontainers.core.network import Network  # isort: skip (after the settings of drillbook.engine.containers)

collect_ignore_glob = ["*/scenario.yaml"]
"""Drills that tests run themselves, some of which break on purpose."""


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


SHORT = Path(__file__).parent / "short" / "scenario.yaml"
"""A drill of a few seconds on one worker."""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The whole stage of the short drill, shared by a module's tests; each leaves it as it found it."""
    scenario = load(SHORT)
    run = RunDirectory(tmp_path_factory.mktemp("run"))
    images = stage_images(scenario, SHORT.parent, Progress(quiet=True))
    made = Stage(scenario, SHORT.parent, run, f"tests-{secrets.token_hex(4)}", images, lambda _: None)
    try:
        made.start()
        yield made
    finally:
        made.close()


def link_faults(link: str) -> list[Fault]:
    """Every fault that a link can have, with each of its examples."""
    made = [KINDS[kind].model_validate({"link": link, **example}) for kind in kinds("link") for example in KINDS[kind].examples]
    return [fault for fault in made if not list(fault.objections(Use([link], None)))]


@dataclass(frozen=True)
class Finished:
    """A command that has ended."""

    exit_code: int
    stdout: str
    stderr: str
    reports: Path

    @property
    def run_directory(self) -> Path:
        """The only run it made."""
        (found,) = self.reports.glob("*/*/timeline.jsonl")
        return found.parent

    @property
    def timeline(self) -> list[dict[str, Any]]:
        """The events of its run, in order."""
        return [json.loads(line) for line in (self.run_directory / "timeline.jsonl").read_text().splitlines()]

    @property
    def verdict(self) -> dict[str, Any]:
        """What the judge said."""
        return json.loads((self.run_directory / "verdict.json").read_text())


def drillbook(*arguments: str | Path) -> list[str]:
    """The command line of a verb, as a user types it."""
    return [str(Path(sys.executable).parent / "drillbook"), *map(str, arguments)]


def run_drill(scenario: Path, reports: Path, *more: str) -> Finished:
    """Run a drill by the command line, to its end."""
    done = subprocess.run(drillbook("run", scenario, "--output", reports, *more), capture_output=True, text=True, timeout=900)
    return Finished(done.returncode, done.stdout, done.stderr, reports)
