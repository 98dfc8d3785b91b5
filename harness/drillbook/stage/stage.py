"""The stage of one run: a network, the broker, the database, the tap, the proxies and the workers; started side by side, ended by label."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import requests
from docker.errors import DockerException
from docker.types.daemon import CancellableStream
from testcontainers.core.network import Network

from drillbook import plan, sink, tap
from drillbook.core.errors import HarnessError
from drillbook.core.names import address_variable
from drillbook.core.wait import until
from drillbook.engine.containers import Handle
from drillbook.engine.engine import connect
from drillbook.engine.labels import RUN, VARIABLE, labels
from drillbook.evidence import RunDirectory, now, sink_file
from drillbook.evidence.kinds.leftovers import Leftover
from drillbook.evidence.origins import ids_of_ledger
from drillbook.evidence.sink_file import SinkTail
from drillbook.evidence.task_id import task_of
from drillbook.evidence.wire_tail import WireTail
from drillbook.rabbitmq import broker
from drillbook.rabbitmq.broker import BrokerClient
from drillbook.rabbitmq.leftovers import Look, leftovers
from drillbook.scenario import RunnableScenario
from drillbook.stage import database, services
from drillbook.stage.database import DatabaseClient
from drillbook.stage.links import API_PORT, Link, ProxyControl, hello
from drillbook.stage.parts import Parts, Say
from drillbook.stage.probes import Echo, echo_of_sink, echo_of_tap
from drillbook.stage.tap_control import BEGIN, CAPTURED, SETTINGS, TapControl
from drillbook.stage.wiring import HARNESS_DATABASE, Addresses, Credentials, wire

PASSED_ON = (
    *("HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR", "SSH_AUTH_SOCK", "XDG_RUNTIME_DIR"),
    *("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"),
)
"""What programs keep of the harness's environment: what their tools need, so that their `docker` meets the same engine."""
TAP_CPU_SHARES = 1 << 18
"""The most there is; others have 1,024. The tap must not wait for a processor behind what it watches (``benchmarks/tap.py``)."""
TAP_FOLDER, SINK_FOLDER = Path(tap.__file__).parent, Path(sink.__file__).parent


@dataclass(frozen=True)
class StageImages:
    """The images of a stage, each a reference that is on the machine."""

    broker: str
    database: str | None
    toxiproxy: str
    python: str
    workers: dict[str, str]
    """By version."""
    services: dict[str, str] = field(default_factory=dict)
    """Further servers by name."""


class Stage:
    """Everything a drill runs on.

    Args:
        scenario: a scenario with a stage.
        folder: where the scenario file is; its relative paths start here.
        run: where evidence goes.
        run_id: unique on this machine; on every label.
        images: references by part.
        say: told what is ready, for the person who waits.
    """

    def __init__(self, scenario: RunnableScenario, folder: Path, run: RunDirectory, run_id: str, images: StageImages, say: Say) -> None:
        self.scenario, self.folder, self.run, self.run_id, self.images = scenario, folder, run, run_id, images
        self.spec = scenario.stage
        self._say = say
        self._credentials = Credentials()
        self._links: dict[str, Link] = {}
        self._wiring = wire(scenario)
        self._addresses = Addresses(self._credentials, self._wiring)
        self._network = Network(docker_network_kw={"labels": labels(run_id, "network")})
        self._network.name = f"drillbook-{run_id}"
        self._parts = Parts(run_id, self._network.name, say, self.redact, self.spec.ready_within)
        self.wire = WireTail(run.file("wire"), ids_of_ledger(scenario.load.types, scenario.outbox is not None))
        self.tap = TapControl(run.path / "tap", self.wire, lambda: self.container("tap").hang_up(), self._tap_runs)
        self.broker: BrokerClient
        self.database: DatabaseClient | None = None
        self.sink = SinkTail(run.path / sink_file.NAME) if scenario.effects.called else None

    def start(self) -> None:
        """Start everything, the workers last; each part is asked until it is ready.

        Raises:
            HarnessError: a part did not get ready, with its last words.
            UsageError: the broker or the database refuses what the scenario declares.
        """
        try:
            self._network.create()
            self._start_parts()
            self._prepare()
            self._start_workers()
        except DockerException as error:  # first: what the engine refuses is an error of HTTP too
            raise HarnessError(f"the Docker engine refused: {getattr(error, 'explanation', None) or error}.") from error
        except requests.RequestException as error:
            raise HarnessError("the Docker engine stopped answering while the stage was started.") from error

    # What faults, load and programs use

    def container(self, name: str) -> Handle:
        """A container by its role: ``broker``, ``workers.v2.1``."""
        return self._parts[name]

    def containers(self) -> Iterable[Handle]:
        """Every container of the stage."""
        return self._parts

    def link(self, name: str) -> Link:
        """A link by its name: ``workers.v2.1 -> broker``."""
        return self._links[name]

    def new_broker(self) -> BrokerClient:
        """A client of the broker for one more thread: those that wait on each other do not share one."""
        return BrokerClient(*self._addresses.harness())

    def container_events(self) -> CancellableStream[dict[str, Any]]:
        """What becomes of its containers from now on, as the engine tells it."""
        return connect().events(decode=True, filters={"type": "container", "label": f"{RUN}={self.run_id}"})

    def leftovers(self, look: Look | None) -> Iterator[Leftover]:
        """Every message that rests in a queue; nobody else asks ``broker`` meanwhile.

        Args:
            look: shown each message.
        """
        return leftovers(self.broker, self.spec.broker, task_of(self.spec.id_from), look)

    @property
    def load_amqp_url(self) -> str:
        """The broker as the load reaches it."""
        return self._addresses.amqp("load -> broker")

    @property
    def load_flags(self) -> str | None:
        """The flag service that the load asks, as the load reaches it: ``host:port``."""
        gate = self.scenario.load.gate
        return self._addresses.servers("load")[address_variable(gate.service, gate.port)] if gate else None

    def environment(self) -> dict[str, str]:
        """The stage as the deployment and the playbook are told of it, over the operator's links."""
        told = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        told |= {
            VARIABLE: self.run_id,
            "BROKER": self.container("broker").engine_name,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        }
        told |= self._addresses.operator() | services.folders(self.spec.services, self.run.path)
        if self.database is not None:
            told["DATABASE"] = self.container("database").engine_name
        for version in self.spec.workers:
            names = [self.container(worker).engine_name for worker in plan.workers(self.scenario, version)]
            told[f"WORKERS_{version.upper().replace('-', '_')}"] = " ".join(names)
        return told

    def redact(self, text: str) -> str:
        """The text without this run's secrets."""
        for secret in self._credentials.secrets():
            text = text.replace(secret, "***")
        return text

    def last_words(self, role: str) -> str:
        """The last lines a container logged, without secrets."""
        return self._parts.last_words(role)

    # Ending

    def stop_workers(self, grace_seconds: int) -> None:
        """Stop every worker in order, side by side, so that nothing is held any more.

        Schedulers go first, and what they made may be done: else it is left in its queue by the chance of who was stopped sooner.
        """
        schedulers = self.wire.poll().schedulers()
        if schedulers:
            self._stop_workers(grace_seconds, schedulers)
            stopped = now()
            until(lambda: self.wire.poll().told >= stopped and self.wire.scheduled_open == 0, grace_seconds)
        self._stop_workers(grace_seconds, plan.workers(self.scenario))

    def _stop_workers(self, grace_seconds: int, names: Iterable[str]) -> None:
        workers = [self._parts[name] for name in names if name in self._parts]
        with ThreadPoolExecutor(max(len(workers), 1)) as pool:
            list(pool.map(lambda worker: worker.stop(grace_seconds), workers))

    def stop_sink(self) -> None:
        """End the effect sink in order, so that its file has an end."""
        if "sink" in self._parts:
            self._parts["sink"].stop(10)

    def stop_tap(self) -> None:
        """End the tap in order, so that its file has an end."""
        if "tap" in self._parts:
            self._parts["tap"].stop(10)

    def save_logs(self) -> None:
        """Write every container's log into the run directory."""
        for part in self._parts:
            part.save_logs(self.run.path / "logs" / f"{part.name}.log", self.redact)

    def close(self) -> None:
        """Remove this run's containers and its network; safe at any time, and when they are gone."""
        from drillbook.engine.clean import remove_run

        if hasattr(self, "broker"):
            self.broker.close()
        remove_run(self.run_id)

    # Starting, part by part

    def _start_parts(self) -> None:
        parts = [self._start_broker, self._start_proxies, self._start_tap]
        if self.spec.database is not None:
            parts.append(self._start_database)
        if self.sink is not None:
            parts.append(self._start_sink)
        parts += [partial(self._start_service, name) for name in self.spec.services]
        with ThreadPoolExecutor(len(parts)) as pool:
            for done in [pool.submit(part) for part in parts]:
                done.result()
        self.broker = self.new_broker()
        self._parts.ready("broker")
        if self.spec.database is not None:
            self.database = DatabaseClient(self._addresses.sql(HARNESS_DATABASE))
            self._parts.ready("database")
        for name in self.spec.services:
            self._parts.ready(name)

    def _start_broker(self) -> None:
        environment = {
            "RABBITMQ_DEFAULT_USER": self._credentials.user,
            "RABBITMQ_DEFAULT_PASS": self._credentials.password,
            # Idle schedulers that spin would take the workers' processor.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+sbwt none +sbwtdcpu none +sbwtdio none",
        }
        container = self._parts.make("broker", self.images.broker, lambda: self.broker.answers(), environment=environment)
        container.with_copy_into_container(broker.enabled_plugins(self.spec.broker), "/etc/rabbitmq/enabled_plugins")
        container.start()

    def _start_database(self) -> None:
        assert self.images.database is not None
        environment = {
            "POSTGRES_USER": self._credentials.user,
            "POSTGRES_PASSWORD": self._credentials.password,
            "POSTGRES_DB": database.NAME,
        }
        self._parts.make("database", self.images.database, self._database_answers, environment=environment).start()

    def _database_answers(self) -> bool:
        return self.database is not None and self.database.answers()

    def _start_service(self, name: str) -> None:
        spec = self.spec.services[name]
        container = self._parts.make(
            name,
            self.images.services[name],
            lambda: self._links[f"harness -> {name}"].round_trip_seconds(1.0) is not None,
            environment=spec.env,
            command=spec.command,
        )
        if spec.folder is not None:
            lent = services.lend(name, self.folder / spec.folder.source, self.run.path)
            container.with_volume_mapping(str(lent), spec.folder.to, "rw")
        container.start()

    def _start_sink(self) -> None:
        sources = [argument for name in self.scenario.effects.called for argument in ("--source", name)]
        arguments = ["--output", f"/evidence/{sink_file.NAME}", *sources]
        self._parts.beside("sink", self.images.python, SINK_FOLDER, arguments, self.run.path, self._sink_answers).start()
        self._parts.ready("sink")

    def _sink_answers(self) -> bool:
        return self.sink is not None and self.sink.poll().started

    def _start_tap(self) -> None:
        arguments, decode = ["--config", f"/evidence/tap/{SETTINGS}"], self.scenario.decode
        container = self._parts.beside(
            "tap",
            self.images.python,
            TAP_FOLDER,
            arguments,
            self.run.path,
            lambda: self.wire.poll().started,
            cpu_shares=TAP_CPU_SHARES,
        )
        settings = tap.config(
            self._wiring.taps,
            upstream=("broker", broker.AMQP_PORT),
            output="/evidence/wire.jsonl",
            id_from=self.spec.id_from,
            rules=f"/evidence/{self.tap.prepare().relative_to(self.run.path)}",
            capture=tap.CaptureSettings(f"/evidence/tap/{CAPTURED}", f"/evidence/tap/{BEGIN}", decode.most) if decode else None,
        )
        self.tap.write_settings(settings)
        container.start()
        self._parts.ready("tap")

    def _tap_runs(self) -> bool:
        return "tap" in self._parts and self._parts["tap"].status == "running"

    def _start_proxies(self) -> None:
        routes = self._wiring.routes
        ports = (API_PORT, *(route.listen for group in routes.values() for route in group))
        control: ProxyControl | None = None
        container = self._parts.make(
            "toxiproxy",
            self.images.toxiproxy,
            lambda: control is not None and control.answers(),
            ports=ports,
            command=["-host=0.0.0.0"],
        )
        container.start()
        mapped = dict(zip(ports, container.mapped_ports(ports), strict=True))
        control = ProxyControl(mapped[API_PORT])
        self._parts.ready("toxiproxy")
        for name, group in routes.items():
            self._addresses.ports[name] = tuple(mapped[route.listen] for route in group)
            said, port = hello(name, services.hellos(self.spec.services)), self._addresses.ports[name][0]
            self._links[name] = Link(control, name, group, said, port, container.address(), self._echo(name))
            self._links[name].open()

    def _echo(self, link: str) -> Echo | None:
        """Who gives back what is sent over a link; of further servers nothing is known, and the harness's own links pass no tap."""
        client, service = link.split(" -> ")
        if service == "database":
            return lambda _, size, within: DatabaseClient(self._addresses.sql(link)).echo_seconds(size, within)
        if service == "sink":
            return echo_of_sink
        return echo_of_tap if service == "broker" and client != "harness" else None

    def _prepare(self) -> None:
        broker.declare(self.broker, self.spec.broker)
        if self.database is not None and self.spec.database is not None and self.spec.database.init is not None:
            self.database.run_file((self.folder / self.spec.database.init).resolve())
        self._say("topology declared")

    def _start_workers(self) -> None:
        names = plan.workers(self.scenario)
        with ThreadPoolExecutor(min(len(names), 8)) as pool:
            list(pool.map(self._start_worker, names))
        for name in names:
            if self.spec.workers[name.split(".")[1]].started:
                self._parts.ready(name)

    def _start_worker(self, name: str) -> None:
        version = name.split(".")[1]
        spec = self.spec.workers[version]
        environment = self._addresses.worker(name) | {"WORKER": name, "VERSION": version}
        container = self._parts.make(
            name,
            self.images.workers[version],
            lambda: self._at_work(name, spec.consumes),
            environment=environment | spec.env,
            command=spec.command,
        )
        container.create()
        if spec.started:
            self._parts[name].start()

    def _at_work(self, worker: str, consumes: bool) -> bool:
        """Whether a worker takes tasks; what it reads of queues of its own, as for its framework's control messages, does not say so."""
        wire = self.wire.poll()
        return wire.consumes_steadily(worker, self.spec.broker.queues, now()) if consumes else wire.connected(worker)
