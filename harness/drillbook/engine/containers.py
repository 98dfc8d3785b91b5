"""One container of the stage: made by testcontainers, acted on by faults, known to the engine by its labels."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

# Ryuk cannot clean up after a killed harness that wants its evidence kept; `drillbook clean` does, by label. The mode and the host
# must be set before testcontainers is imported, or inside a container it talks to the bridge's gateway instead of to loopback.
os.environ["TESTCONTAINERS_RYUK_DISABLED"] = "true"
os.environ["TESTCONTAINERS_CONNECTION_MODE"] = "docker_host"
os.environ["TESTCONTAINERS_HOST_OVERRIDE"] = "127.0.0.1"

import requests
from docker.errors import APIError, DockerException, NotFound
from docker.types import EndpointConfig
from testcontainers.core.container import DockerContainer

from drillbook.core.errors import HarnessError

NANOSECONDS = 1_000_000_000
PUBLISHED_ON = "127.0.0.1"


class StageContainer(DockerContainer):
    """A testcontainers container that can be created without being started, with our labels, on our network.

    Args:
        image: an image that is on the machine.
        role: its name on the stage: ``broker``, ``workers.v2.1``.
        name: its name for the engine.
        network: name of the run's network.
        labels: the run's labels.
        ports: ports of the container to publish on loopback, each at a free port that the engine chooses.
        environment: its environment.
        command: in place of the image's own.
        more: passed to the engine as they are (``user``, ``stop_signal``).
    """

    def __init__(
        self,
        image: str,
        role: str,
        name: str,
        network: str,
        labels: dict[str, str],
        ports: tuple[int, ...] = (),
        environment: dict[str, str] | None = None,
        command: list[str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(image, name=name, env=environment, command=command)  # type: ignore[arg-type]
        self.role = role
        self.ports = {f"{port}/tcp": (PUBLISHED_ON, None) for port in ports}  # type: ignore[misc]
        self.with_kwargs(
            hostname=role.replace(".", "-"),
            labels=labels,
            network=network,
            networking_config={network: EndpointConfig("1.41", aliases=[role.replace(".", "-")])},
            **more,
        )

    def create(self) -> StageContainer:
        """Make the container without starting it."""
        self._container = self.get_docker_client().create(
            self.image,
            command=self._command,
            environment=self.env,
            ports=self.ports,
            name=self._name,
            volumes={host: {"bind": mount["bind"], "mode": mount["mode"]} for host, mount in self.volumes.items()},
            **self._kwargs,
        )
        for specification in self._transferable_specs:
            self._transfer_into_container(*specification)
        return self

    def mapped_port(self, port: int) -> int:
        """The loopback port at which a published port answers.

        Raises:
            HarnessError: the container does not run.
        """
        (found,) = self.mapped_ports([port])
        return found

    def mapped_ports(self, ports: Iterable[int]) -> list[int]:
        """The loopback ports at which published ports answer, in their order; the engine is asked once.

        Raises:
            HarnessError: the container does not run.
        """
        container = self.get_wrapped_container()
        container.reload()
        published = container.attrs["NetworkSettings"]["Ports"]
        bindings = [published.get(f"{port}/tcp") for port in ports]
        if not all(bindings):
            raise HarnessError(f"{self.role} ended while it started: {last_words(self)}")
        return [int(binding[0]["HostPort"]) for binding in bindings]

    def address(self) -> str:
        """Its address on the run's network, which the machine reaches too."""
        (network,) = self.get_wrapped_container().attrs["NetworkSettings"]["Networks"].values()
        return str(network["IPAddress"])


class GoneError(HarnessError):
    """The container is not there any more."""


class Handle:
    """What faults may do to a container.

    Args:
        container: a created container.
        answers: asks the service inside whether it is ready.
    """

    def __init__(self, container: StageContainer, answers: Callable[[], bool]) -> None:
        self.container = container
        self.name = container.role
        self._answers = answers

    @property
    def engine_name(self) -> str:
        """The container's name for the engine, as ``docker`` on a command line takes it."""
        return str(self._wrapped.name)

    @property
    def status(self) -> str:
        """``running``, ``paused``, ``exited``, ``created`` or ``gone``."""
        try:
            with self._told("show the state of"):
                self._wrapped.reload()
        except GoneError:
            return "gone"
        return str(self._wrapped.status)

    @property
    def started_at(self) -> str:
        """When its main process was last started."""
        self._wrapped.reload()
        return str(self._wrapped.attrs["State"]["StartedAt"])

    @property
    def started_at_ns(self) -> int:
        """The same in nanoseconds since the epoch; 0 for one that was never started."""
        whole, _, fraction = self.started_at.rstrip("Z").partition(".")
        if whole.startswith("0001"):
            return 0
        seconds = int(datetime.fromisoformat(f"{whole}+00:00").timestamp())
        return seconds * NANOSECONDS + int(fraction.ljust(9, "0") or 0)

    def kill(self) -> None:
        """SIGKILL; a container that is dead already stays so."""
        try:
            self._wrapped.kill()
        except APIError as error:
            if self.status == "running":
                raise HarnessError(f"cannot kill {self.name}: {error.explanation}.") from error

    def pause(self) -> None:
        """Freeze its processes; one that has just ended has none."""
        with self._unless(lambda: self.status != "running"), self._told("pause"):
            self._wrapped.pause()

    def unpause(self) -> None:
        """Let its processes go on; a `docker stop` of the playbook lets a frozen container go on too."""
        with self._unless(lambda: self.status != "paused"), self._told("unpause"):
            self._wrapped.unpause()

    def start(self) -> None:
        """Start it again."""
        with self._told("start"):
            self._wrapped.start()

    def restart(self) -> None:
        """Stop it in order and start it again."""
        with self._told("restart"):
            self._wrapped.restart(timeout=20)

    def hang_up(self) -> None:
        """SIGHUP: have the service read its settings again."""
        with self._told("signal"):
            self._wrapped.kill(signal="SIGHUP")

    def stop(self, grace_seconds: int) -> None:
        """SIGTERM, and SIGKILL after the grace."""
        if self.status == "paused":
            self.unpause()
        if self.status == "running":
            with self._told("stop"):
                self._wrapped.stop(timeout=grace_seconds)

    def answers(self) -> bool:
        """Whether the container runs and the service inside answers now."""
        return self.status == "running" and self._answers()

    def service_answers(self) -> bool:
        """Whether the service answers, whatever the engine says of its container."""
        return self._answers()

    def log_lines(self, last: int | None = None) -> Iterator[str]:
        """The lines that it logged so far.

        Args:
            last: so many of them; None: all.
        """
        rest = b""
        with self._told("give the log of"):
            for chunk in self._wrapped.logs(stream=True, follow=False, tail="all" if last is None else last):
                *lines, rest = (rest + chunk).split(b"\n")
                yield from (line.decode("utf-8", "replace") for line in lines)
        if rest:
            yield rest.decode("utf-8", "replace")

    def save_logs(self, path: Path, redact: Callable[[str], str]) -> None:
        """Write what it logged, without secrets."""
        try:
            text = self._wrapped.logs(timestamps=True).decode("utf-8", "replace")
        except (DockerException, requests.RequestException) as error:
            text = f"(the engine does not give this container's log: {error})\n"
        try:
            path.write_text(redact(text), encoding="utf-8")
        except OSError as error:
            raise HarnessError(f"cannot write {path}: {error.strerror}.") from error

    @contextmanager
    def _unless(self, moot: Callable[[], bool]) -> Iterator[None]:
        """Pass over the engine's refusal of what somebody else has made needless at the same moment."""
        try:
            yield
        except HarnessError:
            if not moot():
                raise

    @contextmanager
    def _told(self, verb: str) -> Iterator[None]:
        """The engine's refusal as a sentence."""
        try:
            yield
        except NotFound as error:
            raise GoneError(f"{self.name} is gone, so the engine did not {verb} it.") from error
        except DockerException as error:
            raise HarnessError(f"the engine did not {verb} {self.name}: {getattr(error, 'explanation', None) or error}.") from error
        except requests.RequestException as error:
            raise HarnessError(f"the Docker engine does not answer, and did not {verb} {self.name}.") from error

    @property
    def _wrapped(self) -> Any:
        return self.container.get_wrapped_container()


def last_words(container: StageContainer, lines: int = 3) -> str:
    """The last lines a container logged, for an error message."""
    try:
        text = container.get_wrapped_container().logs(tail=lines).decode("utf-8", "replace").strip()
    except (DockerException, requests.RequestException):
        return "its log is gone."
    return " / ".join(text.splitlines()) or "it logged nothing."
