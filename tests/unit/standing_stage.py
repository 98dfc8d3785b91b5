"""A stage on an engine in memory: its clients answer without a link, and each container writes what it should once it is started."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import docker
import pytest
from stub_engine import Container, StubEngine

from drillbook.evidence import RunDirectory
from drillbook.rabbitmq import broker
from drillbook.scenario import RunnableScenario
from drillbook.stage.components import components_of
from drillbook.stage.images import StageImages
from drillbook.stage.links import Link, Route
from drillbook.stage.stage import Stage

IMAGES = {
    ("broker",): "b",
    ("database",): "d",
    ("toxiproxy",): "t",
    ("python",): "p",
    ("services", "flags"): "f",
    ("workers", "v1"): "w1",
    ("workers", "v2"): "w2",
    ("workers", "beat"): "w3",
}


class Broker:
    """The broker's client."""

    def __init__(self, *urls: str) -> None:
        self.urls, self.closed = urls, False

    def answers(self) -> bool:
        return True

    def close(self) -> None:
        self.closed = True


class Database:
    """The database's client."""

    def __init__(self, url: str) -> None:
        self.url, self.files = url, []

    def answers(self) -> bool:
        return True

    def run_file(self, path: Path) -> None:
        self.files.append(path)


class Control:
    """Toxiproxy's control API."""

    made: list[Route]

    def __init__(self, port: int) -> None:
        self.port = port

    def answers(self) -> bool:
        return True

    logs: Callable[[Route], None]

    def create(self, route: Route) -> None:
        self.made.append(route)
        self.logs(route)


class Standing:
    """A stage, the engine under it, and what was said of it."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, scenario: RunnableScenario) -> None:
        self.engine, self.said, self.routes = StubEngine(), [], []
        self.engine.started = self.started
        monkeypatch.setattr(docker, "from_env", lambda **_: self.engine)
        monkeypatch.setattr("drillbook.stage.components.broker.BrokerClient", Broker)
        monkeypatch.setattr("drillbook.stage.components.database.DatabaseClient", Database)
        monkeypatch.setattr(
            "drillbook.stage.components.proxies.ProxyControl",
            type("Made", (Control,), {"made": self.routes, "logs": lambda _, route: self.proxied(route)}),
        )
        monkeypatch.setattr(Link, "round_trip_seconds", lambda *_: 0.0)
        self.declared: list[Any] = []
        monkeypatch.setattr(broker, "declare", lambda client, spec: self.declared.append(spec))
        (folder / "flags").mkdir()
        (folder / "flags" / "flags.json").write_text("{}")
        self.run = RunDirectory(folder / "run")
        images = {component.image.keys: IMAGES.get(component.image.keys, component.name) for component in components_of(scenario)}
        self.engine.there = dict.fromkeys(images.values(), object())  # type: ignore[arg-type]
        self.stage = Stage(scenario, folder, self.run, "the-run", StageImages(images), self.said.append)

    def started(self, container: Container) -> None:
        """What a part writes once it runs."""
        role = container.name.removeprefix("drillbook-the-run-")
        if role == "toxiproxy":
            container.said = b'{"message":"Starting Toxiproxy"}\n'
        if role == "tap":
            self.wire({"event": "start", "at": 1})
        if role == "sink":
            (self.run.path / "sink.jsonl").write_text('{"seq":1,"event":"start"}\n')
        if role.startswith("workers."):
            self.wire({"event": "open", "at": 1, "connection": hash(role), "peer": role})
            self.wire({"event": "consume", "at": 1, "connection": hash(role), "channel": 1, "peer": role, "queue": "tasks"})

    def proxied(self, route: Route) -> None:
        """What Toxiproxy logs of a proxy that was made."""
        self.logs({"message": "Started proxy", "name": route.name})

    def logs(self, line: dict[str, str]) -> None:
        """Toxiproxy logs a line."""
        self.made("toxiproxy").said += json.dumps(line, separators=(",", ":")).encode() + b"\n"

    def mute(self, role: str) -> None:
        """Have a part write nothing once it runs."""
        self.engine.started = lambda container: None if container.name.endswith(f"-{role}") else self.started(container)

    def wire(self, line: dict[str, Any]) -> None:
        with self.run.file("wire").open("a") as file:
            file.write(json.dumps(line, separators=(",", ":")) + "\n")

    def made(self, role: str) -> Container:
        return self.engine.found[f"drillbook-the-run-{role}"]

    def order(self, *acts: str) -> list[str]:
        """What was done to parts, in order: ``start broker``."""
        found = [act.replace("drillbook-the-run-", "") for act in self.engine.log]
        return [act for act in found if not acts or act.split()[0] in acts]
