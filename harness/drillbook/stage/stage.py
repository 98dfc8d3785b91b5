"""The stage of one run: the components that its scenario needs, started in the order they ask for, and ended by label."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any, TypeVar

import requests
from docker.errors import DockerException
from docker.types.daemon import CancellableStream
from testcontainers.core.network import Network

from drillbook.core.errors import HarnessError
from drillbook.core.names import address_variable
from drillbook.engine import clean
from drillbook.engine.containers import Handle
from drillbook.engine.engine import Say, connect
from drillbook.engine.labels import RUN, VARIABLE, labels
from drillbook.evidence import RunDirectory
from drillbook.evidence.kinds.leftovers import Leftover
from drillbook.evidence.kinds.links import LinkUse
from drillbook.evidence.origins import ids_of_ledger
from drillbook.evidence.sink_file import SinkTail
from drillbook.evidence.task_id import task_of
from drillbook.evidence.wire_tail import WireTail
from drillbook.rabbitmq.broker import BrokerClient
from drillbook.rabbitmq.leftovers import SeeRemaining, leftovers
from drillbook.scenario import RunnableScenario
from drillbook.stage.addresses import Addresses, Credentials
from drillbook.stage.component import Component, StageRun, planned_links, side_by_side
from drillbook.stage.components import components_of, workers
from drillbook.stage.components.broker import BrokerComponent
from drillbook.stage.components.database import DatabaseComponent
from drillbook.stage.components.proxies import ProxiesComponent
from drillbook.stage.components.sink import SinkComponent
from drillbook.stage.components.tap import TapComponent
from drillbook.stage.containers import RunContainers
from drillbook.stage.database_client import DatabaseClient
from drillbook.stage.images import StageImages
from drillbook.stage.links import Link
from drillbook.stage.tap_control import TapControl

PASSED_ON = (
    *("HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR", "SSH_AUTH_SOCK", "XDG_RUNTIME_DIR"),
    *("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"),
)
"""What programs keep of the harness's environment: what their tools need, so that their `docker` meets the same engine."""
C = TypeVar("C", bound=Component)


class Stage:
    """Everything a drill runs on.

    Args:
        scenario: a scenario with a stage.
        folder: where the scenario file is; its relative paths start here.
        run: where evidence goes.
        run_id: unique on this machine; on every label.
        images: what its components are made of.
        say: told what is ready, for the person who waits.
    """

    def __init__(self, scenario: RunnableScenario, folder: Path, run: RunDirectory, run_id: str, images: StageImages, say: Say) -> None:
        self.scenario, self.folder, self.run, self.run_id, self.images = scenario, folder, run, run_id, images
        self.spec = scenario.stage
        self._credentials = Credentials()
        self._components = components_of(scenario)
        self._network = Network(docker_network_kw={"labels": labels(run_id, "network")})
        self._network.name = f"drillbook-{run_id}"
        self.wire = WireTail(run.file("wire"), ids_of_ledger(scenario.load.types, scenario.outbox is not None))
        self._run = StageRun(
            folder,
            run,
            images,
            RunContainers(run_id, self._network.name, say, self.redact, self.spec.ready_within),
            Addresses(self._credentials, planned_links(self._components, scenario, self._credentials)),
            self.wire,
            say,
        )

    def start(self) -> None:
        """Start every component after those that it needs, and wait until each is ready.

        Raises:
            HarnessError: a component did not get ready, with its last words.
            UsageError: the broker or the database refuses what the scenario declares.
        """
        try:
            self._network.create()
            order = TopologicalSorter({component: set(component.after(self._components)) for component in self._components})
            order.prepare()
            while order.is_active():
                together = order.get_ready()
                self._start(together)
                order.done(*together)
        except DockerException as error:  # first: what the engine refuses is an error of HTTP too
            raise HarnessError(f"the Docker engine refused: {getattr(error, 'explanation', None) or error}.") from error
        except requests.RequestException as error:
            raise HarnessError("the Docker engine stopped answering while the stage was started.") from error

    def _start(self, together: Iterable[Component]) -> None:
        """Start some components side by side; what no link leads to is asked first, as all else is asked over its links."""
        asked = sorted(together, key=lambda component: bool(component.clients))
        side_by_side(lambda component: component.start(self._run), asked)
        for component in asked:
            component.ready(self._run)
            component.prepare(self._run)

    # What faults, load and programs use

    @property
    def broker(self) -> BrokerClient:
        """The harness's own client of the broker."""
        client = self._the(BrokerComponent).client
        assert client is not None, "the stage was not started"
        return client

    @property
    def database(self) -> DatabaseClient | None:
        """The harness's own client of the database, where there is one."""
        database = self._one(DatabaseComponent)
        return database.client if database else None

    @property
    def sink(self) -> SinkTail | None:
        """What the effect sink says, where there is one."""
        sink = self._one(SinkComponent)
        return sink.tail if sink else None

    @property
    def tap(self) -> TapControl:
        """What tells the tap what to do."""
        control = self._the(TapComponent).control
        assert control is not None, "the stage was not started"
        return control

    def container(self, name: str) -> Handle:
        """A container by its role: ``broker``, ``workers.v2.1``."""
        return self._run.containers[name]

    def containers(self) -> Iterable[Handle]:
        """Every container of the stage."""
        return self._run.containers

    def link(self, name: str) -> Link:
        """A link by its name: ``workers.v2.1 -> broker``."""
        return self._run.links[name]

    def new_broker(self) -> BrokerClient:
        """A client of the broker for one more thread: those that wait on each other do not share one."""
        return self._the(BrokerComponent).new_client(self._run)

    def container_events(self) -> CancellableStream[dict[str, Any]]:
        """What becomes of its containers from now on, as the engine tells it."""
        return connect().events(decode=True, filters={"type": "container", "label": f"{RUN}={self.run_id}"})

    def leftovers(self, look: SeeRemaining | None) -> Iterator[Leftover]:
        """Every message that remains in a queue; nobody else asks ``broker`` meanwhile.

        Args:
            look: shown each message.
        """
        return leftovers(self.broker, self.spec.broker, task_of(self.spec.id_from), look)

    def link_uses(self) -> Iterator[LinkUse]:
        """How often each link of a client was used so far."""
        return self._the(ProxiesComponent).uses(self._run)

    @property
    def load_amqp_url(self) -> str:
        """The broker as the load reaches it."""
        return self._run.addresses.program("load")["AMQP_URL"]

    @property
    def load_flags(self) -> str | None:
        """The flag service that the load asks, as the load reaches it: ``host:port``."""
        gate = self.scenario.load.gate
        return self._run.addresses.program("load")[address_variable(gate.service, gate.port)] if gate else None

    def environment(self) -> dict[str, str]:
        """The stage as the deployment and the playbook are told of it, over the operator's links."""
        told = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        told |= {VARIABLE: self.run_id, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
        told |= self._run.addresses.program("operator")
        for component in self._components:
            told |= component.program_variables(self._run)
        return told

    def redact(self, text: str) -> str:
        """The text without this run's secrets."""
        for secret in self._credentials.secrets():
            text = text.replace(secret, "***")
        return text

    def last_words(self, role: str) -> str:
        """The last lines a container logged, without secrets."""
        return self._run.containers.last_words(role)

    # Ending

    def stop_workers(self, grace_seconds: int) -> None:
        """Stop every worker in order, so that nothing is unacknowledged any more."""
        workers.stop(self._run, self.scenario, grace_seconds)

    def stop_sink(self) -> None:
        """End the effect sink in order, so that its file has an end."""
        sink = self._one(SinkComponent)
        if sink is not None:
            sink.end(self._run)

    def stop_tap(self) -> None:
        """End the tap in order, so that its file has an end."""
        self._the(TapComponent).end(self._run)

    def save_logs(self) -> None:
        """Write every container's log into the run directory."""
        for container in self._run.containers:
            container.save_logs(self.run.path / "logs" / f"{container.name}.log", self.redact)

    def close(self) -> None:
        """Remove this run's containers and its network; safe at any time, and when they are gone."""
        for component in self._components:
            component.close()
        clean.remove_run(self.run_id)

    # Its components by their kind

    def _one(self, kind: type[C]) -> C | None:
        return next((component for component in self._components if isinstance(component, kind)), None)

    def _the(self, kind: type[C]) -> C:
        """One that every stage has."""
        found = self._one(kind)
        assert found is not None
        return found
