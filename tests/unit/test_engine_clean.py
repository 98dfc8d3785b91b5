"""What dead runs left, on an engine in memory and among real processes: what is found, what is removed, and what is left alone."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import docker
import psutil
import pytest
from docker.errors import DockerException, NotFound
from stub_engine import RefusedError, StubEngine

from drillbook.core.errors import HarnessError
from drillbook.core.wait import until
from drillbook.engine import clean as module
from drillbook.engine.clean import Remains, clean, end_processes, remains, remove_run
from drillbook.engine.labels import OWNER, RUN, VARIABLE, owner

MINE = f"unit-{os.getpid()}"
WITHIN = 60


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> StubEngine:
    """An engine without a container. Runs that are really under way on this machine are none of these tests', nor are their processes."""
    made = StubEngine()
    monkeypatch.setattr(docker, "from_env", lambda **_: made)
    every = module._processes
    monkeypatch.setattr(module, "_processes", lambda: [found for found in every() if found[1] == MINE])
    return made


def holds(engine: StubEngine, run: str, whose: str, containers: int = 1, networks: int = 1) -> None:
    """A run has left this."""
    for number in range(containers):
        engine.create("image", name=f"{run}-{number}", labels={RUN: run, OWNER: whose})
    for number in range(networks):
        engine.create(f"{run}-net-{number}", labels={RUN: run, OWNER: whose})


def dead() -> str:
    host, _, started = owner().rsplit(":", 2)
    return f"{host}:4194305:{started}"


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    """A process of a run."""
    process = subprocess.Popen(["sleep", "600"], env={**os.environ, VARIABLE: MINE})
    yield process
    process.kill()
    process.wait()


def test_nothing_is_left_where_nothing_is(engine: StubEngine) -> None:
    assert [remain for remain in remains() if remain.run_id.startswith("a")] == []


def test_what_a_run_holds_is_counted(engine: StubEngine) -> None:
    holds(engine, "a", dead(), containers=2)
    holds(engine, "b", owner(), networks=3)
    found = {remain.run_id: remain for remain in remains()}
    assert found["a"] == Remains("a", False, 2, 1, 0)
    assert found["b"] == Remains("b", True, 1, 3, 0)


def test_a_network_alone_is_something(engine: StubEngine) -> None:
    holds(engine, "a", dead(), containers=0)
    assert Remains("a", False, 0, 1, 0) in remains()


def test_a_run_without_an_owner_is_not_alive(engine: StubEngine) -> None:
    engine.create("image", name="x", labels={RUN: "a"})
    assert Remains("a", False, 1, 0, 0) in remains()


def test_a_process_of_a_run_is_something(engine: StubEngine, child: subprocess.Popen[bytes]) -> None:
    assert until(lambda: Remains(MINE, False, 0, 0, 1) in remains(), WITHIN)


def test_a_process_and_its_parents_never_count_themselves(child: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil.Process, "environ", lambda _: {VARIABLE: MINE})
    counted = {process.pid for process, _ in module._processes()}
    assert child.pid in counted
    assert not counted & {os.getpid(), os.getppid()}


def test_the_run_of_a_dead_harness_is_removed(engine: StubEngine) -> None:
    holds(engine, "a", dead(), containers=2)
    assert "a: removed 2 containers, 1 networks, 0 processes." in clean(None)
    assert (engine.found, engine.nets) == ({}, {})


def test_a_run_that_still_runs_is_left_alone(engine: StubEngine) -> None:
    holds(engine, "a", owner())
    assert "a: still running, skipped." in clean(None)
    assert engine.log == []


def test_a_run_that_still_runs_is_removed_where_it_is_named(engine: StubEngine) -> None:
    holds(engine, "a", owner())
    assert clean("a") == ["a: removed 1 containers, 1 networks, 0 processes."]


def test_no_other_run_is_removed_with_the_named_one(engine: StubEngine) -> None:
    holds(engine, "a", dead())
    holds(engine, "b", dead())
    clean("a")
    assert list(engine.found) == ["b-0"]
    assert list(engine.nets) == ["b-net-0"]


def test_a_named_run_that_left_nothing_is_told(engine: StubEngine) -> None:
    assert clean("nothing") == ["Nothing is left of nothing."]


def test_nothing_to_clean_is_told(engine: StubEngine) -> None:
    assert clean(None) == ["Nothing to clean."]


def test_a_container_that_somebody_else_has_removed_is_fine(engine: StubEngine) -> None:
    holds(engine, "a", dead())
    engine.found["a-0"].refuses["remove"] = NotFound("no such container")
    remove_run("a")
    assert engine.nets == {}


def test_a_container_whose_removal_is_under_way_is_fine(engine: StubEngine) -> None:
    holds(engine, "a", dead())
    engine.found["a-0"].refuses["remove"] = RefusedError("removal is in progress", 409)
    remove_run("a")
    assert engine.nets == {}


def test_a_container_that_cannot_be_removed_is_an_error(engine: StubEngine) -> None:
    holds(engine, "a", dead())
    engine.found["a-0"].refuses["remove"] = RefusedError("it will not", 500)
    with pytest.raises(HarnessError, match="the engine did not remove run a: "):
        remove_run("a")


def test_a_network_that_somebody_else_has_removed_is_fine(engine: StubEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    holds(engine, "a", dead())

    def gone() -> None:
        raise NotFound("no such network")

    monkeypatch.setattr(engine.nets["a-net-0"], "remove", gone)
    remove_run("a")
    assert engine.found == {}


def test_an_engine_that_does_not_answer_is_an_error(engine: StubEngine) -> None:
    engine.broken = DockerException("away")
    with pytest.raises(HarnessError, match="No Docker engine answers"):
        clean(None)


def test_the_processes_of_a_run_are_ended(child: subprocess.Popen[bytes], tmp_path: Path) -> None:
    end_processes(MINE)
    assert child.wait(WITHIN) == -9


def test_the_processes_of_another_run_live_on(child: subprocess.Popen[bytes]) -> None:
    end_processes("another")
    assert child.poll() is None
