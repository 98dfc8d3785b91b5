"""What the drive needs of the stage and of the load: the least, so that whatever behaves like them can be driven."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from drillbook import faults
from drillbook.evidence import RunDirectory
from drillbook.evidence.kinds.leftovers import Leftover
from drillbook.evidence.kinds.links import LinkUse
from drillbook.evidence.sink_file import SinkTail
from drillbook.evidence.wire_tail import WireTail
from drillbook.faults import base
from drillbook.rabbitmq.broker import Depth
from drillbook.rabbitmq.leftovers import SeeRemaining
from drillbook.rabbitmq.metrics import Series
from drillbook.scenario import RunnableScenario
from drillbook.scenario.stage import StageSpec


class DrivenBroker(Protocol):
    """A client of the broker; each question raises ``ConnectionError`` while it is away."""

    def depth(self, queue: str) -> Depth:
        """Ready messages and consumers of a queue, now."""

    def redeliveries(self, queue: str) -> int | None:
        """Redeliveries of a queue since the broker started; None without the queue."""

    def metrics(self) -> dict[Series, float]:
        """Its own counters."""

    def definitions(self) -> dict[str, Any]:
        """What is declared on it."""


class DrivenDatabase(Protocol):
    """The drill's database; each question raises ``ConnectionError`` while it is away, ``UsageError`` where it refuses the query."""

    def columns(self, query: str) -> list[str]:
        """The names of the columns that a query gives."""

    def count(self, query: str, without: Collection[str] = ()) -> int:
        """How many rows a query gives, those of some tasks left out."""

    def number(self, query: str) -> float | None:
        """The one number that a query gives."""

    def stream(self, query: str, timeout_seconds: float) -> Iterator[dict[str, Any]]:
        """The rows of a query, one by one."""


class DrivenTap(base.FaultTap, Protocol):
    """The wire tap."""

    def capture(self) -> bool:
        """Have it keep the messages that are delivered from now on; whether it has said that it does."""


class DrivenContainer(base.FaultContainer, Protocol):
    """A container of the stage."""

    @property
    def started_at_ns(self) -> int:
        """When its main process was last started, in nanoseconds since the epoch; 0 for one that was never started."""


class Images(Protocol):
    """The images of the stage."""

    @property
    def workers(self) -> Mapping[str, str]:
        """By version."""


class ContainerEvents(Protocol):
    """What becomes of containers, as the engine tells it; iterating ends when it is closed, or when the engine goes away."""

    def __iter__(self) -> Iterator[dict[str, Any]]: ...
    def close(self) -> None: ...


class DrivenStage(faults.FaultStage, Protocol):
    """Everything a drill runs on, started."""

    @property
    def scenario(self) -> RunnableScenario: ...
    @property
    def spec(self) -> StageSpec: ...
    @property
    def folder(self) -> Path: ...
    @property
    def run(self) -> RunDirectory: ...
    @property
    def run_id(self) -> str: ...
    @property
    def images(self) -> Images: ...
    @property
    def wire(self) -> WireTail: ...
    @property
    def tap(self) -> DrivenTap: ...
    @property
    def broker(self) -> DrivenBroker: ...
    @property
    def database(self) -> DrivenDatabase | None: ...
    @property
    def sink(self) -> SinkTail | None: ...
    @property
    def load_amqp_url(self) -> str: ...
    @property
    def load_flags(self) -> str | None: ...
    def new_broker(self) -> DrivenBroker:
        """A client of the broker for one more thread: those that wait on each other do not share one."""

    def container(self, name: str) -> DrivenContainer: ...
    def container_events(self) -> ContainerEvents:
        """What becomes of its containers from now on."""

    def environment(self) -> dict[str, str]:
        """The stage as programs are told of it."""

    def redact(self, text: str) -> str:
        """The text without this run's secrets."""

    def last_words(self, role: str) -> str:
        """The last lines a container logged."""

    def leftovers(self, look: SeeRemaining | None) -> Iterator[Leftover]:
        """Every message that remains in a queue."""

    def link_uses(self) -> Iterator[LinkUse]:
        """How often each link was used."""

    def stop_workers(self, grace_seconds: int) -> None:
        """Stop every worker in order, so that nothing is unacknowledged any more."""

    def stop_sink(self) -> None: ...
    def stop_tap(self) -> None: ...


class DrivenLoad(Protocol):
    """The load, in a process of its own."""

    @property
    def alive(self) -> bool: ...
    @property
    def exit_code(self) -> int | None:
        """None before its end. 0: its ledger is complete by its own hand."""

    def start(self) -> None: ...
    def wait_ready(self, timeout: float) -> None:
        """Wait until it could publish."""

    def go(self, start_at_ns: int) -> None:
        """Let the arrivals start, at a time in nanoseconds since the epoch."""

    def stop(self, grace_seconds: float) -> None:
        """Stop the arrivals and wait so long for confirms; may be called again."""
