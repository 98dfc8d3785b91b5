"""RabbitMQ: clients reach it through the tap, the harness past it; its topology is declared before any worker starts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar, Self

from drillbook.engine.containers import StageContainer
from drillbook.rabbitmq import broker
from drillbook.rabbitmq.broker import AMQP_PORT, MANAGEMENT_PORT, METRICS_PORT, BrokerClient
from drillbook.scenario import RunnableScenario
from drillbook.stage.addresses import Address, Credentials
from drillbook.stage.component import Client, Component, StageRun
from drillbook.stage.components import tap
from drillbook.stage.images import WantedImage
from drillbook.stage.probes import Echo, echo_of_tap

HELLO = b"AMQP\x00\x00\x09\x01"
"""The protocol header; the broker answers it with Connection.Start (AMQP 0-9-1, 2.2.4)."""


class BrokerComponent(Component):
    """The broker, and the harness's client of it."""

    kind = "broker"
    clients: ClassVar[Sequence[Client]] = ("harness", "load", "operator", "workers")
    worker_variables = ("AMQP_URL",)
    hello = HELLO
    client: BrokerClient | None = None
    """The harness's own, once the links are open."""

    @classmethod
    def of(cls, scenario: RunnableScenario) -> Iterable[Self]:
        return [cls("broker", scenario)]

    @property
    def image(self) -> WantedImage:
        return WantedImage(("broker",), self.scenario.stage.broker.image)

    def environment(self, run: StageRun) -> dict[str, str]:
        return {
            "RABBITMQ_DEFAULT_USER": run.addresses.credentials.user,
            "RABBITMQ_DEFAULT_PASS": run.addresses.credentials.password,
            # Idle schedulers that spin would take the workers' processor.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+sbwt none +sbwtdcpu none +sbwtdio none",
        }

    def container(self, run: StageRun) -> StageContainer:
        container = super().container(run)
        container.with_copy_into_container(broker.enabled_plugins(self.scenario.stage.broker), "/etc/rabbitmq/enabled_plugins")
        return container

    def upstreams(self, client: str) -> Mapping[str, str]:
        management = {"api": f"{self.name}:{MANAGEMENT_PORT}"}
        if client == "harness":
            return {"": f"{self.name}:{AMQP_PORT}", **management, "metrics": f"{self.name}:{METRICS_PORT}"}
        return {"": f"tap:{tap.port(self.scenario, client)}", **(management if client == "operator" else {})}

    def echo(self, client: str, _credentials: Credentials) -> Echo | None:
        return echo_of_tap if client != "harness" else None

    def variables(self, address: Address) -> dict[str, str]:
        told = {"AMQP_URL": address.url("amqp", "%2F")}
        return told | {"RABBITMQ_API_URL": address.url("http", "api", 1)} if len(address.ports) > 1 else told

    def program_variables(self, run: StageRun) -> dict[str, str]:
        return {"BROKER": run.containers[self.name].engine_name}

    def answers(self, _run: StageRun) -> bool:
        return self.client is not None and self.client.answers()

    def ready(self, run: StageRun) -> None:
        self.client = self.new_client(run)
        super().ready(run)

    def prepare(self, run: StageRun) -> None:
        assert self.client is not None
        broker.declare(self.client, self.scenario.stage.broker)
        run.say("topology declared")

    def close(self) -> None:
        if self.client is not None:
            self.client.close()

    def new_client(self, run: StageRun) -> BrokerClient:
        """A client over the harness's link: AMQP, the management API, and its metrics."""
        address = run.addresses.on_machine(f"harness -> {self.name}")
        return BrokerClient(address.url("amqp", "%2F"), address.url("http", "api", 1), f"http://{address.at(2)}")
