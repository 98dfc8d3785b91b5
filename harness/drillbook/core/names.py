"""The names of a stage's containers and links, made from its worker counts: what references in a scenario are resolved against."""

from __future__ import annotations

from dataclasses import dataclass


def address_variable(server: str, port: str | None = None) -> str:
    """The variable that tells clients where a further server is: ``FLAGS_ADDRESS``, of its port ``sync`` ``FLAGS_SYNC_ADDRESS``."""
    return "_".join([server, *([port] if port else []), "address"]).upper().replace("-", "_")


@dataclass(frozen=True)
class StageNames:
    """Every container and link of a stage, by name.

    Args:
        replicas: worker containers by version.
        database: whether the stage has a database.
        sink: whether it has the effect sink.
        servers: the further servers that ``stage.services`` names.
    """

    replicas: dict[str, int]
    database: bool
    sink: bool = False
    servers: tuple[str, ...] = ()

    @property
    def services(self) -> list[str]:
        """What clients talk to, and a fault may aim at."""
        return ["broker", *(["database"] if self.database else []), *self.servers]

    @property
    def reached(self) -> list[str]:
        """What links lead to. The sink is evidence, so that a fault may hit the way to it, and not itself."""
        return [*self.services, "sink"] if self.sink else self.services

    def workers(self, version: str | None = None) -> list[str]:
        """Worker containers, ``workers.v1.1`` …, of one version or of all."""
        return [
            f"workers.{name}.{number}" for name, count in self.replicas.items() if version in (None, name) for number in range(1, count + 1)
        ]

    def containers(self) -> list[str]:
        """Containers that a fault may aim at."""
        return [*self.services, *self.workers()]

    def links(self) -> list[str]:
        """Links, each one client to the broker, the database, a further server or the sink."""
        return (
            [f"load -> {service}" for service in ("broker", *self.servers)]
            + [f"operator -> {service}" for service in self.reached]
            + [f"{worker} -> {service}" for worker in self.workers() for service in self.reached]
        )

    def groups(self) -> list[str]:
        """Names that stand for several containers: ``workers`` and ``workers.v1``."""
        return ["workers", *(f"workers.{version}" for version in self.replicas)]

    def resolve(self, reference: str) -> list[str]:
        """The links (``client -> service``) or containers that a reference names; empty when it names none.

        ``workers.v2`` is every v2 worker, ``workers`` every worker; a link's client resolves the same way.
        """
        client, arrow, service = (part.strip() for part in reference.partition("->"))
        if arrow:
            pairs = [link.split(" -> ") for link in self.links()]
            return [f"{name} -> {target}" for name, target in pairs if target == service and _matches(name, client)]
        return [name for name in self.containers() if _matches(name, client)]


def _matches(name: str, reference: str) -> bool:
    return name == reference or name.startswith(f"{reference}.")
