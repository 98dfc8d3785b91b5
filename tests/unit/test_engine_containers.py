"""A container as faults may touch it, on an engine in memory: what is asked of the engine, and what its refusals mean."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import docker
import psutil
import pytest
import requests
from docker.errors import DockerException, NotFound
from stub_engine import Container, RefusedError, StubEngine

from drillbook.core.errors import HarnessError
from drillbook.engine.containers import GoneError, Handle, StageContainer, last_words
from drillbook.engine.labels import OWNER, ROLE, RUN, alive, labels, owner


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> StubEngine:
    made = StubEngine()
    monkeypatch.setattr(docker, "from_env", lambda **_: made)
    made.there["image"] = made.there["other"] = object()  # type: ignore[assignment]
    return made


def container(**more: Any) -> StageContainer:
    return StageContainer("image", "workers.v1.1", "net-workers.v1.1", "net", {"a": "label"}, **more).create()


@pytest.fixture
def handle(engine: StubEngine) -> Handle:
    made = Handle(container(), lambda: True)
    made.start()
    engine.log.clear()
    return made


def inside(handle: Handle) -> Container:
    return handle.container.get_wrapped_container()  # type: ignore[return-value]


def test_a_container_is_created_and_not_started(engine: StubEngine) -> None:
    container()
    assert engine.found["net-workers.v1.1"].status == "created"
    assert engine.log == []


def test_a_container_is_created_as_the_stage_says(engine: StubEngine) -> None:
    container(ports=(5672,), environment={"A": "1"}, command=["run"], user="1:2")
    settings = engine.found["net-workers.v1.1"].settings
    assert (settings["command"], settings["environment"], settings["user"]) == (["run"], {"A": "1"}, "1:2")
    assert (settings["hostname"], settings["network"], settings["labels"]["a"]) == ("workers-v1-1", "net", "label")
    assert settings["ports"] == {"5672/tcp": ("127.0.0.1", None)}


def test_clients_find_a_container_by_its_role(engine: StubEngine) -> None:
    container()
    (config,) = engine.found["net-workers.v1.1"].settings["networking_config"].values()
    assert config["Aliases"] == ["workers-v1-1"]


def test_files_are_copied_into_a_container_that_is_only_created(engine: StubEngine) -> None:
    made = StageContainer("image", "broker", "net-broker", "net", {})
    made.with_copy_into_container(b"text", "/etc/file")
    made.create()
    assert engine.found["net-broker"].copied == ["/"]


def test_folders_are_mounted(engine: StubEngine, tmp_path: Path) -> None:
    made = StageContainer("image", "tap", "net-tap", "net", {})
    made.with_volume_mapping(str(tmp_path), "/opt", "ro")
    made.create()
    assert engine.found["net-tap"].settings["volumes"] == {str(tmp_path): {"bind": "/opt", "mode": "ro"}}


def test_the_port_at_which_a_container_answers_is_the_engine_s_choice(engine: StubEngine) -> None:
    made = container(ports=(5672, 15672))
    made.start()
    assert (made.mapped_port(15672), made.mapped_ports([15672, 5672])) == (40001, [40001, 40000])


def test_a_container_that_ended_has_no_ports_and_is_told_with_its_last_words(engine: StubEngine) -> None:
    made = container(ports=(5672,))
    engine.found["net-workers.v1.1"].said = b"no such file\n"
    with pytest.raises(HarnessError, match=r"workers\.v1\.1 ended while it started: no such file"):
        made.mapped_port(5672)


# What is done


ACTS: dict[str, tuple[Callable[[Handle], None], str]] = {
    "kill": (Handle.kill, "kill"),
    "pause": (Handle.pause, "pause"),
    "start": (Handle.start, "start"),
    "restart": (Handle.restart, "restart 20"),
    "hang up": (Handle.hang_up, "kill SIGHUP"),
    "stop": (lambda handle: handle.stop(7), "stop 7"),
}


@pytest.mark.parametrize(("act", "asked"), ACTS.values(), ids=ACTS)
def test_the_engine_is_asked_for_just_that(engine: StubEngine, handle: Handle, act: Callable[[Handle], None], asked: str) -> None:
    act(handle)
    assert engine.log == [f"{asked} net-workers.v1.1"]


def test_a_frozen_container_is_let_go_on_before_it_is_stopped(engine: StubEngine, handle: Handle) -> None:
    inside(handle).status = "paused"
    handle.stop(7)
    assert [act.split()[0] for act in engine.log] == ["unpause", "stop"]


@pytest.mark.parametrize("status", ["exited", "created"])
def test_what_does_not_run_is_not_stopped(engine: StubEngine, handle: Handle, status: str) -> None:
    inside(handle).status = status
    handle.stop(7)
    assert engine.log == []


def test_what_is_gone_is_not_stopped(engine: StubEngine, handle: Handle) -> None:
    engine.found.clear()
    handle.stop(7)
    assert engine.log == []


VERBS: dict[str, tuple[Callable[[Handle], None], str]] = {
    "pause": (Handle.pause, "pause"),
    "start": (Handle.start, "start"),
    "restart": (Handle.restart, "restart"),
    "kill": (Handle.hang_up, "signal"),
    "stop": (lambda handle: handle.stop(1), "stop"),
}


@pytest.mark.parametrize(("verb", "act", "word"), [(verb, *act) for verb, act in VERBS.items()], ids=VERBS)
def test_a_refusal_of_the_engine_is_a_sentence(handle: Handle, verb: str, act: Callable[[Handle], None], word: str) -> None:
    inside(handle).refuses[verb] = RefusedError("it will not")
    with pytest.raises(HarnessError, match=rf"^the engine did not {word} workers\.v1\.1: it will not\."):
        act(handle)


def test_a_container_that_is_gone_is_a_sentence(handle: Handle) -> None:
    inside(handle).refuses["start"] = NotFound("no such container")
    with pytest.raises(GoneError, match=r"workers\.v1\.1 is gone, so the engine did not start it"):
        handle.start()


def test_an_engine_that_does_not_answer_is_a_sentence(handle: Handle) -> None:
    inside(handle).refuses["start"] = requests.ConnectionError()
    with pytest.raises(HarnessError, match=r"the Docker engine does not answer, and did not start workers\.v1\.1"):
        handle.start()


def test_an_engine_that_does_not_answer_has_not_lost_the_container(handle: Handle) -> None:
    inside(handle).refuses["reload"] = requests.ConnectionError()
    with pytest.raises(HarnessError, match="does not answer"):
        _ = handle.status


def test_a_container_that_is_gone_has_that_status(engine: StubEngine, handle: Handle) -> None:
    engine.found.clear()
    assert handle.status == "gone"


def test_killing_a_dead_container_is_no_error(handle: Handle) -> None:
    inside(handle).status = "exited"
    inside(handle).refuses["kill"] = RefusedError("is not running")
    handle.kill()


def test_a_running_container_that_cannot_be_killed_is_an_error(handle: Handle) -> None:
    inside(handle).refuses["kill"] = RefusedError("permission denied")
    with pytest.raises(HarnessError, match=r"cannot kill workers\.v1\.1: permission denied"):
        handle.kill()


def test_freezing_a_container_that_has_just_ended_is_no_error(handle: Handle) -> None:
    inside(handle).status = "exited"
    inside(handle).refuses["pause"] = RefusedError("is not running")
    handle.pause()


def test_thawing_a_container_that_somebody_has_thawed_is_no_error(handle: Handle) -> None:
    inside(handle).refuses["unpause"] = RefusedError("is not paused")
    handle.unpause()


def test_a_frozen_container_that_cannot_be_thawed_is_an_error(handle: Handle) -> None:
    inside(handle).status = "paused"
    inside(handle).refuses["unpause"] = RefusedError("it will not")
    with pytest.raises(HarnessError, match="did not unpause"):
        handle.unpause()


# What is asked


def test_a_container_answers_when_it_runs_and_its_service_does(handle: Handle) -> None:
    assert handle.answers()


def test_a_container_that_does_not_run_does_not_answer(handle: Handle) -> None:
    inside(handle).status = "paused"
    assert not handle.answers()
    assert handle.service_answers()


def test_a_container_whose_service_does_not_answer_does_not(engine: StubEngine) -> None:
    silent = Handle(container(), lambda: False)
    silent.start()
    assert not silent.answers()
    assert not silent.service_answers()


def test_a_container_has_a_role_and_a_name_for_the_engine(handle: Handle) -> None:
    assert (handle.name, handle.engine_name) == ("workers.v1.1", "net-workers.v1.1")


STARTS = {
    "0001-01-01T00:00:00Z": 0,
    "2026-11-26T10:00:00Z": 1795687200000000000,
    "2026-11-26T10:00:00.5Z": 1795687200500000000,
    "2026-11-26T10:00:00.123456789Z": 1795687200123456789,
}


@pytest.mark.parametrize(("said", "at"), STARTS.items(), ids=STARTS)
def test_the_start_of_a_container_is_known_to_the_nanosecond(handle: Handle, said: str, at: int) -> None:
    inside(handle).started_at = said
    assert (handle.started_at, handle.started_at_ns) == (said, at)


def test_what_a_container_logged_is_saved_without_secrets(handle: Handle, tmp_path: Path) -> None:
    inside(handle).said = b"a secret \xff word"
    handle.save_logs(tmp_path / "log", lambda text: text.replace("secret", "***"))
    assert (tmp_path / "log").read_text() == "a *** � word"


@pytest.mark.parametrize("error", [DockerException("gone"), requests.ConnectionError("gone")])
def test_a_log_that_the_engine_does_not_give_is_told_in_the_file(handle: Handle, tmp_path: Path, error: Exception) -> None:
    inside(handle).refuses["logs"] = error
    handle.save_logs(tmp_path / "log", str)
    assert (tmp_path / "log").read_text() == "(the engine does not give this container's log: gone)\n"


def test_a_log_that_cannot_be_written_is_an_error(handle: Handle, tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=r"cannot write .*: Is a directory"):
        handle.save_logs(tmp_path, str)


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_what_a_container_logged_is_read_line_by_line(handle: Handle, end: bytes) -> None:
    inside(handle).said = "the first line\n\nand Ä another".encode() + end
    assert list(handle.log_lines()) == ["the first line", "", "and Ä another"]
    assert list(handle.log_lines(last=1)) == ["and Ä another"]


LOGLESS = {
    "gone": (NotFound("no such container"), "workers.v1.1 is gone, so the engine did not give the log of it."),
    "not kept": (RefusedError("no reading"), "the engine did not give the log of workers.v1.1: no reading."),
    "no engine": (requests.ReadTimeout(), "the Docker engine does not answer, and did not give the log of workers.v1.1."),
}


@pytest.mark.parametrize(("error", "why"), LOGLESS.values(), ids=LOGLESS)
def test_a_log_that_the_engine_does_not_give_cannot_be_read(handle: Handle, error: Exception, why: str) -> None:
    inside(handle).refuses["logs"] = error
    with pytest.raises(HarnessError) as raised:
        list(handle.log_lines())
    assert raised.value.message == why


SAID = {"one\ntwo\n": "one / two", "": "it logged nothing.", "  \n": "it logged nothing."}


@pytest.mark.parametrize(("said", "words"), SAID.items())
def test_last_words_are_one_line(handle: Handle, said: str, words: str) -> None:
    inside(handle).said = said.encode()
    assert last_words(handle.container) == words


def test_last_words_that_the_engine_does_not_give_are_told(handle: Handle) -> None:
    inside(handle).refuses["logs"] = NotFound("no such container")
    assert last_words(handle.container) == "its log is gone."


# Labels


def test_a_container_is_labelled_with_run_role_and_owner() -> None:
    assert labels("the-run", "broker") == {RUN: "the-run", ROLE: "broker", OWNER: owner()}


def test_this_process_is_alive() -> None:
    assert alive(owner())


def test_a_later_process_with_the_same_number_is_another() -> None:
    host, pid, started = owner().rsplit(":", 2)
    assert not alive(f"{host}:{pid}:{float(started) - 100:.2f}")


def test_a_process_that_is_not_there_is_not_alive() -> None:
    host, _, started = owner().rsplit(":", 2)
    assert not alive(f"{host}:4194305:{started}")


def test_a_process_of_another_host_counts_as_alive() -> None:
    assert alive("another:1:2.0")


@pytest.mark.parametrize(("created", "lives"), [(100.0, True), (100.9, True), (101.0, False), (99.0, False)])
def test_a_process_that_began_within_a_second_of_what_is_said_is_that_process(
    monkeypatch: pytest.MonkeyPatch, created: float, lives: bool
) -> None:
    host, pid, _ = owner().rsplit(":", 2)
    monkeypatch.setattr(psutil.Process, "create_time", lambda _: created)
    assert alive(f"{host}:{pid}:100.00") is lives
