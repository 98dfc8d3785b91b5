"""PostgreSQL, where a scenario has a database: its init file is run before any worker starts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar, Self

from drillbook.scenario import Database, RunnableScenario
from drillbook.stage.addresses import LOOPBACK, Address, Credentials
from drillbook.stage.component import Client, Component, StageRun
from drillbook.stage.database_client import NAME, PORT, DatabaseClient
from drillbook.stage.images import WantedImage
from drillbook.stage.probes import Echo

HELLO = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"
"""SSLRequest; the server answers with one byte (PostgreSQL protocol 3.0, 53.2.10)."""


class DatabaseComponent(Component):
    """The database, and the harness's client of it.

    Args:
        scenario: one that has it.
        spec: what it says of it.
    """

    kind = "database"
    clients: ClassVar[Sequence[Client]] = ("harness", "operator", "workers")
    worker_variables = ("DATABASE_URL",)
    hello = HELLO
    client: DatabaseClient | None = None
    """The harness's own, once the links are open."""

    def __init__(self, scenario: RunnableScenario, spec: Database) -> None:
        super().__init__("database", scenario)
        self._spec = spec

    @classmethod
    def of(cls, scenario: RunnableScenario) -> Iterable[Self]:
        return [cls(scenario, scenario.stage.database)] if scenario.stage.database is not None else []

    @property
    def image(self) -> WantedImage:
        return WantedImage(("database",), self._spec.image)

    def environment(self, run: StageRun) -> dict[str, str]:
        credentials = run.addresses.credentials
        return {"POSTGRES_USER": credentials.user, "POSTGRES_PASSWORD": credentials.password, "POSTGRES_DB": NAME}

    def upstreams(self, _client: str) -> Mapping[str, str]:
        return {"": f"{self.name}:{PORT}"}

    def echo(self, _client: str, credentials: Credentials) -> Echo:
        return lambda port, size, within: DatabaseClient(_url(Address(LOOPBACK, (port,), credentials))).echo_seconds(size, within)

    def variables(self, address: Address) -> dict[str, str]:
        return {"DATABASE_URL": _url(address)}

    def program_variables(self, run: StageRun) -> dict[str, str]:
        return {"DATABASE": run.containers[self.name].engine_name}

    def answers(self, _run: StageRun) -> bool:
        return self.client is not None and self.client.answers()

    def ready(self, run: StageRun) -> None:
        self.client = DatabaseClient(_url(run.addresses.on_machine(f"harness -> {self.name}")))
        super().ready(run)

    def prepare(self, run: StageRun) -> None:
        assert self.client is not None
        if self._spec.init is not None:
            self.client.run_file((run.folder / self._spec.init).resolve())


def _url(address: Address) -> str:
    return address.url("postgresql", NAME)
