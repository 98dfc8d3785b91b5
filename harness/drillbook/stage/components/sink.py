"""The effect sink, where a scenario has effects that workers call for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Self

from drillbook import sink
from drillbook.evidence import sink_file
from drillbook.evidence.sink_file import SinkTail
from drillbook.scenario import RunnableScenario
from drillbook.stage.addresses import Address, Credentials
from drillbook.stage.component import Client, StageRun
from drillbook.stage.evidence_writer import EvidenceWriter
from drillbook.stage.probes import Echo, echo_of_sink

HELLO = b"GET / HTTP/1.1\r\nHost: sink\r\nConnection: close\r\n\r\n"


class SinkComponent(EvidenceWriter):
    """The sink, and what it says."""

    kind = "sink"
    clients: ClassVar[Sequence[Client]] = ("operator", "workers")
    worker_variables = ("EFFECTS_URL",)
    hello = HELLO
    folder = Path(sink.__file__).parent
    tail: SinkTail | None = None
    """What it says, once it was started."""

    @classmethod
    def of(cls, scenario: RunnableScenario) -> Iterable[Self]:
        return [cls("sink", scenario)] if scenario.effects.called else []

    @property
    def arguments(self) -> list[str]:
        sources = [argument for name in self.scenario.effects.called for argument in ("--source", name)]
        return ["--output", f"/evidence/{sink_file.NAME}", *sources]

    def upstreams(self, _client: str) -> Mapping[str, str]:
        return {"": f"{self.name}:{sink.PORT}"}

    def echo(self, _client: str, _credentials: Credentials) -> Echo:
        return echo_of_sink

    def variables(self, address: Address) -> dict[str, str]:
        return {"EFFECTS_URL": f"http://{address.at()}"}

    def start(self, run: StageRun) -> None:
        self.tail = SinkTail(run.directory.path / sink_file.NAME)
        super().start(run)

    def answers(self, _run: StageRun) -> bool:
        return self.tail is not None and self.tail.poll().started
