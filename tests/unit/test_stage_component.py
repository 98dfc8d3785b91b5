"""A component of one's own: its one declaration is all that a stage, its clients and the loader need to know of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import pytest
from scenario_folder import SOUND, said, sound_folder
from standing_stage import Standing
from stub_stage import drill

from drillbook.api import Address, Client, Component, HarnessError, RunnableScenario, StageRun, UsageError, WantedImage
from drillbook.stage.components import components_of, kinds
from drillbook.stage.links import Link

ASKS = "REDIS_WANTED"


class Redis(Component):
    """A cache, where a worker's environment asks for one."""

    kind = "redis"
    clients: ClassVar[Sequence[Client]] = ("harness", "operator", "workers")
    worker_variables = ("REDIS_URL",)
    hello = b"PING\r\n"

    @classmethod
    def of(cls, scenario: RunnableScenario) -> Iterable[Self]:
        return [cls("redis", scenario)] if any(ASKS in workers.env for workers in scenario.stage.workers.values()) else []

    @property
    def image(self) -> WantedImage:
        return WantedImage(("redis",), "redis:7")

    @property
    def command(self) -> list[str]:
        return ["redis-server", "--save", ""]

    def environment(self, run: StageRun) -> dict[str, str]:
        return {"REDIS_PASSWORD": run.addresses.credentials.password}

    def upstreams(self, _client: str) -> Mapping[str, str]:
        return {"": f"{self.name}:6379"}

    def variables(self, address: Address) -> dict[str, str]:
        return {"REDIS_URL": address.url("redis", "0")}

    def program_variables(self, run: StageRun) -> dict[str, str]:
        return {"REDIS": run.containers[self.name].engine_name}


def cached(**changes: Any) -> RunnableScenario:
    """A drill whose workers ask for a cache."""
    workers = {"v1": {"image": "x", "env": {ASKS: "yes"}}, "v2": {"image": "x"}}
    return drill(stage={"broker": {"queues": {"tasks": {}}}, "workers": workers, "ready_within": "20s", **changes})


@pytest.fixture
def standing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Standing:
    made = Standing(tmp_path, monkeypatch, cached())
    made.stage.start()
    return made


def test_a_scenario_has_the_components_that_it_needs() -> None:
    lean = ["broker", "tap", "toxiproxy", "workers.v1", "workers.v2"]
    assert [component.name for component in components_of(drill())] == lean
    assert [component.name for component in components_of(cached())] == [lean[0], "redis", *lean[1:]]


def test_its_container_is_made_as_declared(standing: Standing) -> None:
    made = standing.made("redis")
    password = standing.made("broker").settings["environment"]["RABBITMQ_DEFAULT_PASS"]
    assert (made.image, made.settings["command"]) == ("redis", ["redis-server", "--save", ""])
    assert made.settings["environment"] == {"REDIS_PASSWORD": password}


def test_its_image_is_wanted_and_told() -> None:
    assert WantedImage(("redis",), "redis:7") in [component.image for component in components_of(cached())]


def test_each_of_its_clients_has_a_link_to_it_and_nobody_else(standing: Standing) -> None:
    made = {route.name: route.upstream for route in standing.routes if route.name.endswith("-to-redis")}
    clients = ("harness", "operator", "workers.v1.1", "workers.v2.1")
    assert made == {f"{client}-to-redis": "redis:6379" for client in clients}
    assert [standing.stage.link(f"{client} -> redis").name for client in clients] == [f"{client} -> redis" for client in clients]


def test_a_worker_is_told_where_it_is_over_its_own_link(standing: Standing) -> None:
    (listen,) = {route.listen for route in standing.routes if route.name == "workers.v1.1-to-redis"}
    assert standing.made("workers.v1.1").settings["environment"]["REDIS_URL"].endswith(f"@toxiproxy:{listen}/0")


def test_programs_are_told_where_it_is_and_what_its_container_is_called(standing: Standing) -> None:
    told, port = standing.stage.environment(), standing.stage.link("operator -> redis").port
    assert told["REDIS_URL"].endswith(f"@127.0.0.1:{port}/0")
    assert told["REDIS"] == "drillbook-the-run-redis"


def test_it_is_asked_over_the_harness_s_link_until_it_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    standing, asked = Standing(tmp_path, monkeypatch, cached()), []

    def answers(link: Link, _within: float) -> float | None:
        asked.append((link.name, link._hello, "drillbook-the-run-workers.v1.1" in standing.engine.found))
        return 0.0 if len(asked) > 2 else None

    monkeypatch.setattr(Link, "round_trip_seconds", answers)
    standing.stage.start()
    assert set(asked) == {("harness -> redis", b"PING\r\n", False)}
    assert standing.said.index("redis ready") < standing.said.index("workers.v1.1 ready")


def test_one_that_never_answers_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    standing = Standing(tmp_path, monkeypatch, cached(ready_within="50ms"))
    monkeypatch.setattr(Link, "round_trip_seconds", lambda *_: None)
    with pytest.raises(HarnessError, match=r"redis was not ready within 0\.05 s"):
        standing.stage.start()
    assert not [name for name in standing.engine.found if "workers" in name]


def test_the_loader_keeps_its_name_and_its_variables_for_it(tmp_path: Path) -> None:
    named = SOUND.replace("  workers:\n", "  services: {redis: {image: redis, port: 6379}}\n  workers:\n", 1)
    assert "redis is a part of the stage already: give this server another name" in str(said(sound_folder(tmp_path / "named"), named))
    told = SOUND.replace("env: {QUEUE: tasks.v1}", "env: {REDIS_URL: here}")
    assert "REDIS_URL is set by the stage; leave it out" in str(said(sound_folder(tmp_path / "told"), told))


def test_two_of_one_kind_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drillbook.core.additions._declared", lambda *_: [Redis, Redis])
    with pytest.raises(UsageError, match=r"test_stage_component\.Redis and test_stage_component\.Redis are components of one kind, redis"):
        kinds()
