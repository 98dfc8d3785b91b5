"""The images on a real engine: where they come from, and that each keeps what its Dockerfile promises."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker
import pika
import psycopg
import pytest
import requests

from drillbook.core.errors import HarnessError
from drillbook.core.wait import until
from drillbook.engine import engine
from drillbook.engine.images import ensure, ensure_build, rows
from drillbook.engine.images.image_list import LABEL
from drillbook.engine.images.sources import NotPulled, pull
from drillbook.engine.labels import labels

Start = Callable[..., Any]


@pytest.fixture(scope="module")
def client() -> docker.DockerClient:
    return engine.connect()


@pytest.fixture
def start(client: docker.DockerClient, run_id: str) -> Iterator[Start]:
    """Starts a container of an image of the list, with its ports on loopback."""
    started: list[Any] = []

    def begin(name: str, *ports: int, **more: Any) -> Any:
        image = ensure([name], print)[name].reference
        published = {f"{port}/tcp": ("127.0.0.1", None) for port in ports}
        container = client.containers.run(image, detach=True, ports=published, labels=labels(run_id, name), **more)
        started.append(container)
        return container

    yield begin
    for container in started:
        container.remove(force=True, v=True)


def port(container: Any, number: int) -> int:
    container.reload()
    return int(container.attrs["NetworkSettings"]["Ports"][f"{number}/tcp"][0]["HostPort"])


def answer(question: Callable[[], Any]) -> Any:
    """The first answer that is no error, asked for until it comes."""
    answers: list[Any] = []

    def asked() -> bool:
        try:
            answers.append(question())
        except (OSError, requests.RequestException, pika.exceptions.AMQPError, psycopg.OperationalError):
            return False
        return True

    assert until(asked, 60)
    return answers[0]


def test_an_image_that_is_here_is_neither_pulled_nor_built():
    ensure(["python"], print)
    said: list[str] = []
    assert ensure(["python"], said.append)["python"].source == "present"
    assert said == []


def test_the_listing_shows_every_image_of_the_list_with_its_origin():
    image = ensure(["toxiproxy"], print)["toxiproxy"]
    row = next(row for row in rows() if row.name == "toxiproxy")
    assert (row.reference, row.state) == (image.reference, image.origin)
    assert row.size > 1_000_000


def test_a_reference_that_no_source_has_is_one_sentence():
    with pytest.raises(HarnessError) as error:
        ensure(["127.0.0.1:1/nothing:here"], print)
    reason = "127.0.0.1:1 cannot be reached (connection refused)"
    assert error.value.message == f"The image 127.0.0.1:1/nothing:here is not on this machine and cannot be pulled: {reason}."


def test_a_registry_that_does_not_answer_is_asked_once(client: docker.DockerClient):
    said: list[str] = []
    for _ in range(2):
        with pytest.raises(NotPulled, match="cannot be reached"):
            pull(client, "127.0.0.1:2/image:tag", said.append)
    assert said == ["pulling 127.0.0.1:2/image:tag"]


@pytest.fixture
def folder(client: docker.DockerClient, tmp_path: Path) -> Iterator[Path]:
    """A user's folder with a Dockerfile, of a name that nobody else has."""
    made = tmp_path / f"worker-{secrets.token_hex(4)}"
    made.mkdir()
    (made / "Dockerfile").write_text("ARG BASE=debian:trixie-slim\nFROM ${BASE}\nCOPY said /said\nRUN cat /said\n")
    (made / "said").write_text("one\n")
    yield made
    for image in client.images.list(filters={"label": f"{LABEL}={made.name}"}):
        client.images.remove(image.id, force=True)


def test_a_folder_is_built_once_and_again_when_a_file_changed(folder: Path):
    first = ensure_build(folder, print)
    again = ensure_build(folder, print)
    (folder / "said").write_text("two\n")
    changed = ensure_build(folder, print)
    assert [first.source, again.source, changed.source] == ["built", "present", "built"]
    assert first.reference == again.reference != changed.reference


def test_a_folder_that_does_not_build_says_the_step_and_its_last_words(folder: Path):
    (folder / "Dockerfile").write_text("ARG BASE=debian:trixie-slim\nFROM ${BASE}\nRUN echo the reason && exit 7\n")
    with pytest.raises(HarnessError, match=r"exit 7.*7.*the reason"):
        ensure_build(folder, print)


def test_a_folder_without_a_dockerfile_is_refused(tmp_path: Path):
    with pytest.raises(HarnessError, match="has no Dockerfile"):
        ensure_build(tmp_path, print)


def test_the_broker_takes_its_user_from_the_environment_and_keeps_its_messages_over_an_orderly_stop(start: Start):
    environment = {"RABBITMQ_DEFAULT_USER": "some", "RABBITMQ_DEFAULT_PASS": "secret"}
    container = start("rabbitmq", 5672, 15672, environment=environment, hostname="broker")

    def connected() -> pika.BlockingConnection:
        return pika.BlockingConnection(pika.URLParameters(f"amqp://some:secret@127.0.0.1:{port(container, 5672)}/"))

    with answer(connected) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        channel.queue_declare("kept", durable=True, arguments={"x-queue-type": "quorum"})
        channel.basic_publish("", "kept", b"task", pika.BasicProperties(delivery_mode=2), mandatory=True)
    container.stop(timeout=60)
    assert container.wait()["StatusCode"] == 0
    container.start()
    with answer(connected) as connection:
        assert connection.channel().basic_get("kept", auto_ack=True)[2] == b"task"
    api = f"http://127.0.0.1:{port(container, 15672)}/api/whoami"
    assert answer(lambda: requests.get(api, auth=("some", "secret"), timeout=30)).json()["name"] == "some"
    assert b"Starting RabbitMQ" in container.logs()


def test_the_database_asks_for_the_password_and_keeps_its_rows_over_a_stop_with_a_client_connected(start: Start):
    container = start("postgres", 5432, environment={"POSTGRES_USER": "some", "POSTGRES_PASSWORD": "secret", "POSTGRES_DB": "tasks"})

    def connected(password: str = "secret") -> psycopg.Connection:
        return psycopg.connect(f"postgresql://some:{password}@127.0.0.1:{port(container, 5432)}/tasks", autocommit=True, connect_timeout=30)

    client = answer(connected)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        connected("wrong")
    client.execute("create table effects (task text)")
    client.execute("insert into effects values ('a')")
    container.stop(timeout=30)
    assert container.wait()["StatusCode"] == 0
    container.start()
    assert answer(connected).execute("select task from effects").fetchall() == [("a",)]


def test_the_proxies_are_of_the_release_that_the_list_names(start: Start):
    container = start("toxiproxy", 8474)
    assert answer(lambda: requests.get(f"http://127.0.0.1:{port(container, 8474)}/version", timeout=30)).json() == {"version": "2.12.0"}


def test_python_is_recent_enough_for_the_tap(start: Start):
    container = start("python", command=["python3", "-c", "import asyncio, json, struct, sys; print(sys.version_info[:2] >= (3, 11))"])
    assert container.wait()["StatusCode"] == 0
    assert container.logs() == b"True\n"
