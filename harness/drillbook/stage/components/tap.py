"""The wire tap: every client of the broker but the harness passes it, each by a port of its own."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Self

from drillbook import tap
from drillbook.rabbitmq.broker import AMQP_PORT
from drillbook.scenario import RunnableScenario
from drillbook.stage.component import StageRun, clients
from drillbook.stage.evidence_writer import EvidenceWriter
from drillbook.stage.tap_control import BEGIN, CAPTURED, SETTINGS, TapControl

FIRST_PORT = 5701
CPU_SHARES = 1 << 18
"""The most there is; others have 1,024. The tap must not wait for a processor behind what it watches (``benchmarks/tap.py``)."""


class TapComponent(EvidenceWriter):
    """The tap, and what tells it what to do to messages."""

    kind = "tap"
    folder = Path(tap.__file__).parent
    control: TapControl | None = None
    """Once it was started."""

    @classmethod
    def of(cls, scenario: RunnableScenario) -> Iterable[Self]:
        return [cls("tap", scenario)]

    @property
    def arguments(self) -> list[str]:
        return ["--config", f"/evidence/tap/{SETTINGS}"]

    @property
    def settings(self) -> dict[str, str | int]:
        return {**super().settings, "cpu_shares": CPU_SHARES}

    def start(self, run: StageRun) -> None:
        self.control = TapControl(run.directory.path / "tap", run.wire, lambda: run.containers[self.name].hang_up(), lambda: self.runs(run))
        decode, rules = self.scenario.decode, self.control.prepare().relative_to(run.directory.path)
        settings = tap.config(
            tapped(self.scenario),
            upstream=("broker", AMQP_PORT),
            output="/evidence/wire.jsonl",
            id_from=self.scenario.stage.id_from,
            rules=f"/evidence/{rules}",
            capture=tap.CaptureSettings(f"/evidence/tap/{CAPTURED}", f"/evidence/tap/{BEGIN}", decode.most) if decode else None,
        )
        self.control.write_settings(settings)
        super().start(run)

    def answers(self, run: StageRun) -> bool:
        return run.wire.poll().started

    def runs(self, run: StageRun) -> bool:
        """Whether its container runs."""
        return self.name in run.containers and run.containers[self.name].status == "running"


def port(scenario: RunnableScenario, client: str) -> int:
    """Where it listens for one client of the broker."""
    return FIRST_PORT + _clients(scenario).index(client)


def tapped(scenario: RunnableScenario) -> list[dict[str, object]]:
    """What the tap must know of each link that passes it."""
    return [
        {"name": f"{client} -> broker", "listen": port(scenario, client), "peer": client, **_version(client)}
        for client in _clients(scenario)
    ]


def _clients(scenario: RunnableScenario) -> list[str]:
    return [client for client in clients(scenario) if client != "harness"]


def _version(client: str) -> dict[str, str]:
    return {"version": client.split(".")[1]} if client.startswith("workers.") else {}
