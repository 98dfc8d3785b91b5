"""A Docker engine in memory, as docker's client for Python speaks to it: containers, networks and images, as far as they are asked."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import requests
from docker.errors import APIError, ImageNotFound, NotFound

CHUNK = 7
"""Bytes of a log that are given at once, whatever its lines."""


class RefusedError(APIError):
    """The engine's refusal."""

    def __init__(self, explanation: str, status: int = 409) -> None:
        response = requests.Response()
        response.status_code = status
        super().__init__(explanation, response=response, explanation=explanation)


class Container:
    """One container."""

    def __init__(self, engine: StubEngine, name: str, image: str, settings: dict[str, Any]) -> None:
        self.engine, self.name, self.image, self.settings = engine, name, image, settings
        self.id = self.short_id = f"id of {name}"
        self.labels: dict[str, str] = settings.get("labels") or {}
        self.status, self.said = "created", b""
        self.refuses: dict[str, Exception] = {}
        """What the engine answers to a verb in place of doing it."""
        self.copied: list[str] = []
        self.started_at = "0001-01-01T00:00:00Z"

    @property
    def attrs(self) -> dict[str, Any]:
        ports = self.settings.get("ports") or {} if self.status == "running" else {}
        published = {port: [{"HostIp": host, "HostPort": str(40000 + number)}] for number, (port, (host, _)) in enumerate(ports.items())}
        return {
            "NetworkSettings": {"Ports": published, "Networks": {"run": {"IPAddress": "127.0.0.1"}}},
            "State": {"StartedAt": self.started_at},
        }

    def start(self) -> None:
        self._does("start", "running")
        self.started_at = "2026-11-26T10:00:00.5Z"
        self.engine.started(self)

    def kill(self, signal: str | None = None) -> None:
        self._does(f"kill {signal}" if signal else "kill", self.status if signal else "exited")

    def pause(self) -> None:
        self._does("pause", "paused")

    def unpause(self) -> None:
        self._does("unpause", "running")

    def restart(self, timeout: int) -> None:
        self._does(f"restart {timeout}", "running")

    def stop(self, timeout: int) -> None:
        self._does(f"stop {timeout}", "exited")

    def remove(self, force: bool, v: bool) -> None:
        self._does("remove", "gone")
        self.engine.found.pop(self.name, None)

    def reload(self) -> None:
        if "reload" in self.refuses:
            raise self.refuses["reload"]
        if self.name not in self.engine.found:
            raise NotFound("no such container")

    def logs(self, *, stream: bool = False, tail: int | str = "all", **_: Any) -> Any:
        if "logs" in self.refuses:
            raise self.refuses["logs"]
        if not stream:
            return self.said
        last = b"".join(self.said.splitlines(keepends=True)[0 if tail == "all" else -int(tail) :])
        return (last[at : at + CHUNK] for at in range(0, len(last), CHUNK))

    def put_archive(self, path: str, data: Any) -> bool:
        self.copied.append(path)
        return True

    def _does(self, act: str, status: str) -> None:
        verb = act.split()[0]
        if verb in self.refuses:
            raise self.refuses[verb]
        self.engine.log.append(f"{act} {self.name}")
        self.status = status


class Network:
    """One network."""

    def __init__(self, engine: StubEngine, name: str, labels: dict[str, str]) -> None:
        self.engine, self.name, self.attrs = engine, name, {"Labels": labels}

    def remove(self) -> None:
        self.engine.log.append(f"remove network {self.name}")
        self.engine.nets.pop(self.name)


class Image:
    """One image."""

    def __init__(self, reference: str, labels: dict[str, str] | None = None, digest: str = "", size: int = 0) -> None:
        self.id, self.tags, self.labels = f"id of {reference}", [reference], labels
        self.attrs: dict[str, Any] = {"RepoDigests": [digest] if digest else [], "Size": size}


class StubEngine:
    """docker's client."""

    def __init__(self) -> None:
        self.log: list[str] = []
        """What was done, in order."""
        self.found: dict[str, Container] = {}
        self.nets: dict[str, Network] = {}
        self.there: dict[str, Image] = {}
        self.registry: dict[str, Image] = {}
        self.pulls: list[dict[str, str]] = []
        """What a pull tells."""
        self.builds: list[dict[str, str]] = []
        """What a build tells."""
        self.built_with: dict[str, Any] = {}
        self.happened: list[dict[str, Any]] = []
        """What it tells of containers and of what else it has."""
        self.started: Callable[[Container], None] = lambda _: None
        self.broken: Exception | None = None
        self.told = {"Version": "28.1.0", "DockerRootDir": "/nowhere"}
        self.api = self.containers = self.networks = self.images = self
        self.headers: dict[str, str] = {}

    # containers and networks; both are asked to `create` and to `list`

    def create(self, name: str, /, *, command: Any = None, **settings: Any) -> Any:
        if "name" not in settings:
            self.nets[name] = Network(self, name, settings["labels"])
            return self.nets[name]
        self._answer()
        made = Container(self, settings["name"], name, settings | {"command": command})
        self.found[made.name] = made
        return made

    def list(self, *, all: bool = False, filters: dict[str, str] | None = None, ignore_removed: bool = False) -> list[Any]:
        self._answer()
        label, _, value = (filters or {})["label"].partition("=")
        of = self.found.values() if ignore_removed else self.there.values() if label == "drillbook.image" else self.nets.values()

        def labels(one: Any) -> dict[str, str]:
            return one.attrs["Labels"] if isinstance(one, Network) else one.labels or {}

        return [one for one in of if label in labels(one) and (not value or labels(one)[label] == value)]

    # images

    def get(self, reference: str) -> Image:
        if reference not in self.there:
            raise ImageNotFound("no such image")
        return self.there[reference]

    def pull(self, repository: str, tag: str | None, stream: bool, decode: bool) -> Iterator[dict[str, str]]:
        reference = repository if tag is None else f"{repository}:{tag}"
        self.log.append(f"pull {reference}")
        yield from self.pulls
        self._answer()
        if reference not in self.registry:
            yield {"error": "manifest unknown"}
            return
        self.there[reference] = self.registry[reference]

    def build(self, **settings: Any) -> Iterator[dict[str, str]]:
        self.log.append(f"build {settings['tag']}")
        self.built_with = settings
        yield from self.builds
        self.there[settings["tag"]] = Image(settings["tag"], settings["labels"])

    # the engine itself

    def ping(self) -> bool:
        self._answer()
        return True

    def version(self) -> dict[str, str]:
        return self.told

    def info(self) -> dict[str, str]:
        return self.told

    def events(self, *, decode: bool = False, filters: dict[str, str]) -> Iterator[Any]:
        """What it tells of what has this type and this label; as octets, unless they are to be read."""
        label, _, value = filters["label"].partition("=")
        for event in self.happened:
            if event["Type"] == filters["type"] and event["Actor"]["Attributes"].get(label) == value:
                yield event if decode else json.dumps(event).encode()

    def close(self) -> None:
        """Nothing is open."""

    def _answer(self) -> None:
        if self.broken is not None:
            raise self.broken
