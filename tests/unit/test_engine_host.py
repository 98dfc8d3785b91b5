"""What is done on a machine to have an engine and images, with programs of our own in place of Debian's, and a command run once."""

from __future__ import annotations

import os
import shutil
import socket
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread
from typing import Any

import docker
import pytest
import requests
from docker.errors import DockerException, NotFound
from stub_engine import RefusedError, StubEngine

from drillbook.core.errors import HarnessError
from drillbook.engine import daemon as module
from drillbook.engine import doctor, engine, one_shot
from drillbook.engine.daemon import Daemon
from drillbook.engine.images import debian_base

WITHIN = 60
POPEN = subprocess.Popen


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch) -> StubEngine:
    made = StubEngine()
    monkeypatch.setattr(docker, "from_env", lambda **_: made)
    return made


class Programs:
    """The only programs that there are, and what they were called with."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._log = folder, folder / "log"
        for tool in ("sh", "cat", "echo", "touch", "true"):
            (folder / tool).symlink_to(shutil.which(tool) or "")

    def has(self, name: str, then: str = "true") -> None:
        (self.folder / name).write_text(f'#!/bin/sh\necho "{name} $*" >> {self._log}\n{then}\n')
        (self.folder / name).chmod(0o755)

    @property
    def called(self) -> list[str]:
        return self._log.read_text().splitlines() if self._log.exists() else []


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    folder = tmp_path / "bin"
    folder.mkdir()
    made = Programs(folder)
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return made


# Installing


def test_packages_that_this_release_has_are_installed_and_no_other(programs: Programs) -> None:
    programs.has("apt-get")
    programs.has("apt-cache", "echo curl; echo iptables")
    said: list[str] = []
    engine.apt_install(("curl", "docker-cli", "iptables"), said.append)
    assert programs.called[0].endswith("update")
    assert programs.called[-1].endswith("install -y --no-install-recommends curl iptables")
    assert said == ["installing curl, docker-cli, iptables"]


def test_a_list_that_cannot_be_refreshed_does_not_keep_packages_from_being_installed(programs: Programs) -> None:
    programs.has("apt-get", 'case "$*" in *update) exit 1;; esac')
    programs.has("apt-cache", "echo curl")
    engine.apt_install(("curl",), lambda _: None)
    assert len(programs.called) == 3


FAILS = {"with a reason": ("echo first >&2; echo 'E: no room' >&2; exit 1", "E: no room"), "in silence": ("exit 1", "it said nothing")}


@pytest.mark.parametrize(("then", "reason"), FAILS.values(), ids=FAILS)
def test_an_installation_that_fails_is_told(programs: Programs, then: str, reason: str) -> None:
    programs.has("apt-get", f'case "$*" in *update) exit 0;; esac; {then}')
    programs.has("apt-cache")
    with pytest.raises(HarnessError, match=f"apt-get could not install curl: {reason}"):
        engine.apt_install(("curl",), lambda _: None)


def test_an_engine_that_answers_is_left_as_it_is(there: StubEngine) -> None:
    assert engine.install(pytest.fail) == "A Docker engine already answers."


def test_an_engine_that_refuses_this_user_is_not_replaced(there: StubEngine) -> None:
    there.broken = DockerException("Permission denied")
    with pytest.raises(HarnessError, match="refuses this user"):
        engine.install(pytest.fail)


def test_only_root_may_start_an_engine(there: StubEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    there.broken = DockerException("away")
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(HarnessError, match="only root may start one"):
        engine.install(pytest.fail)


TOOLS = ("dockerd", "docker", "iptables", "ip", "mmdebstrap", "curl")


@pytest.mark.parametrize(("answers", "done"), [(False, ["started"]), (True, [])])
def test_an_engine_that_is_installed_is_only_started(
    there: StubEngine, programs: Programs, monkeypatch: pytest.MonkeyPatch, answers: bool, done: list[str]
) -> None:
    there.broken = DockerException("away")
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setattr(Daemon, "answers", lambda _: answers)
    started: list[str] = []
    monkeypatch.setattr(engine, "_start", lambda _: started.append("started"))
    for tool in TOOLS:
        programs.has(tool)
    assert engine.install(lambda _: None) == "Started the Docker engine."
    assert (started, programs.called) == (done, [])


def test_an_engine_that_is_missing_is_installed_and_started(there: StubEngine, programs: Programs, monkeypatch: pytest.MonkeyPatch) -> None:
    there.broken = DockerException("away")
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setattr(Daemon, "answers", lambda _: False)
    monkeypatch.setattr(engine, "_start", lambda _: None)
    programs.has("apt-get")
    programs.has("apt-cache", "echo docker.io")
    said: list[str] = []
    assert engine.install(said.append) == "Installed and started the Docker engine."
    assert said[-1] == "starting the Docker engine"
    assert programs.called[-1].endswith("docker.io")


@pytest.fixture
def daemon(tmp_path: Path) -> Daemon:
    return Daemon(socket=tmp_path / "docker.sock", pid_file=tmp_path / "docker.pid", state=tmp_path)


def test_an_engine_that_ends_while_it_starts_is_told_with_its_last_words(daemon: Daemon, programs: Programs) -> None:
    programs.has("dockerd", "echo first; echo no iptables; exit 1")
    with pytest.raises(HarnessError, match=r"The Docker engine ended while it started: no iptables"):
        daemon.start()


def test_an_engine_that_ends_in_silence_is_told_so(daemon: Daemon, programs: Programs) -> None:
    programs.has("dockerd", "exit 1")
    with pytest.raises(HarnessError, match=r"ended while it started: it said nothing"):
        daemon.start()


@pytest.fixture
def dockerd(programs: Programs, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that goes on until it is ended."""
    (programs.folder / "dockerd").symlink_to("/bin/sleep")
    monkeypatch.setattr(module.subprocess, "Popen", lambda *_, **more: POPEN([programs.folder / "dockerd", "600"], **more))


def test_an_engine_that_does_not_answer_in_time_is_told(daemon: Daemon, dockerd: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "READY_WITHIN", 0.0)
    with pytest.raises(HarnessError, match=r"The Docker engine did not answer within 0 s"):
        daemon.start()
    assert daemon.stop()


def test_an_engine_that_answers_is_recorded_and_can_be_ended_once(daemon: Daemon, dockerd: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Daemon, "answers", lambda _: True)
    daemon.start()
    assert [daemon.stop(), daemon.stop()] == [True, False]
    assert not daemon.record.exists()


@pytest.mark.parametrize(
    ("pid", "left"), [("4194305", False), ("nonsense", False), (str(os.getpid()), False)], ids=["nobody", "none", "own"]
)
def test_a_pid_file_of_no_engine_is_removed(daemon: Daemon, pid: str, left: bool) -> None:
    daemon.pid_file.write_text(pid)
    daemon._remove_stale_pid_file()
    assert daemon.pid_file.exists() is left


def test_a_socket_that_nobody_listens_on_does_not_answer(daemon: Daemon) -> None:
    assert not daemon.answers()


@pytest.mark.parametrize(("ours", "said"), [(True, "Ended the Docker engine."), (False, "No Docker engine was started from here.")])
def test_the_makefile_can_end_what_it_started(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], ours: bool, said: str
) -> None:
    monkeypatch.setattr(engine, "stop_ours", lambda: ours)
    assert engine.main(["stop"]) == 0
    assert capsys.readouterr().out.strip() == said


def test_the_makefile_says_nothing_of_an_engine_that_answers(there: StubEngine, capsys: pytest.CaptureFixture[str]) -> None:
    assert engine.main([]) == 0
    assert capsys.readouterr().out == ""


# A base from packages


def test_a_base_is_made_and_given_to_the_engine(there: StubEngine, programs: Programs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    programs.has("mmdebstrap")
    imported: list[tuple[str, str, list[str]]] = []
    monkeypatch.setattr(
        there, "import_image_from_file", lambda _, repository, tag, changes: imported.append((repository, tag, changes)), raising=False
    )
    reference = debian_base.build(there, lambda _: None)  # type: ignore[arg-type]
    assert reference == debian_base.reference()
    assert [f"{repository}:{tag}" for repository, tag, _ in imported] == [reference]
    assert imported[0][2] == ['CMD ["bash"]', "LABEL drillbook.image=base"]
    assert " trixie " in programs.called[0]


def test_a_base_trusts_what_the_machine_was_told_to_trust(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    before = debian_base.reference()
    monkeypatch.setenv("SSL_CERT_FILE", "/a bundle")
    assert debian_base.reference() != before
    assert debian_base._trust() == (
        ["--customize-hook=upload '/a bundle' /etc/ssl/certs/ca-certificates.crt"],
        ["SSL_CERT_FILE", "PIP_CERT"],
    )


def test_what_makes_a_base_is_installed_where_it_is_missing(there: StubEngine, programs: Programs, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, ...]] = []

    def install(packages: tuple[str, ...], _: Callable[[str], None]) -> None:
        asked.append(packages)
        programs.has("mmdebstrap", "exit 1")

    monkeypatch.setattr(debian_base, "apt_install", install)
    with pytest.raises(HarnessError, match="mmdebstrap could not make Debian trixie: it said nothing"):
        debian_base.build(there, lambda _: None)  # type: ignore[arg-type]
    assert asked == [("mmdebstrap",)]


COMPLAINTS = {"W: a\nE: first\nE: second\n": "first", "a\nb\n": "b", "": "it said nothing"}


@pytest.mark.parametrize(("text", "complaint"), COMPLAINTS.items())
def test_the_first_error_is_the_one_that_is_told(text: str, complaint: str) -> None:
    assert debian_base._complaint(text) == complaint


# The doctor


def check(name: str) -> doctor.Check:
    return next(check for check in doctor.checks() if check.name == name)


def test_a_machine_with_an_engine_is_asked_everything(there: StubEngine) -> None:
    names = [check.name for check in doctor.checks()]
    assert names == ["python", "cores", "disk space", "playbook tools", "environment", "engine", "engine disk space", "images"]


@pytest.mark.parametrize(("version", "ok"), [("20.10.5", True), ("28.1.0", True), ("20.9", False), ("19.3", False)])
def test_an_engine_must_be_new_enough(there: StubEngine, version: str, ok: bool) -> None:
    there.told["Version"] = version
    assert (check("engine").ok, check("engine").detail, bool(check("engine").hint)) == (ok, f"Docker {version}", not ok)


def test_an_engine_s_disk_elsewhere_is_not_asked(there: StubEngine) -> None:
    assert (check("engine disk space").ok, check("engine disk space").detail) == (True, "/nowhere is not on this machine")


@pytest.mark.parametrize(("room", "ok"), [(0, True), (10**18, False)])
def test_an_engine_s_disk_here_must_have_room(
    there: StubEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int, ok: bool
) -> None:
    there.told["DockerRootDir"] = str(tmp_path)
    monkeypatch.setattr(doctor, "SPACE", room)
    assert (check("engine disk space").ok, bool(check("engine disk space").hint)) == (ok, not ok)


@pytest.mark.parametrize(("cores", "ok"), [({0}, False), ({0, 1}, True), ({0, 1, 2}, True)])
def test_a_drill_wants_two_cores(there: StubEngine, monkeypatch: pytest.MonkeyPatch, cores: set[int], ok: bool) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: cores)
    assert (check("cores").ok, bool(check("cores").hint)) == (ok, not ok)


def test_images_that_are_missing_are_named(there: StubEngine) -> None:
    assert check("images").detail.endswith("flagd not pulled or built yet")


# A command that is run once


class Api(StubEngine):
    """An engine that runs a command: what it says is a test's own, what it is told is kept."""

    def __init__(self, *frames: tuple[int, bytes], exit_code: int = 0, hangs: bool = False) -> None:
        super().__init__()
        self.frames, self.exit_code, self.hangs, self.heard = frames, exit_code, hangs, b""
        self.killed = Event()
        self.settings: dict[str, Any] = {}
        self._theirs: socket.socket

    def create_host_config(self, **settings: Any) -> dict[str, Any]:
        return settings

    def create_container(self, image: str, command: list[str], **settings: Any) -> dict[str, str]:
        self._answer()
        self.settings = settings | {"image": image, "command": command}
        return {"Id": "it"}

    def attach_socket(self, container: str, params: dict[str, int]) -> socket.socket:
        ours, self._theirs = socket.socketpair()
        return ours

    def start(self, container: str) -> None:
        Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while piece := self._theirs.recv(65536):
            self.heard += piece
        for stream, data in self.frames:
            self._theirs.sendall(struct.pack(">BxxxL", stream, len(data)) + data)
        if self.hangs:
            self.killed.wait(WITHIN)
        self._theirs.close()

    def kill(self, container: str) -> None:
        self.killed.set()

    def wait(self, container: str) -> dict[str, int]:
        return {"StatusCode": self.exit_code}

    def remove_container(self, container: str, force: bool, v: bool) -> None:
        self.log.append(f"remove {container}")


def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, api: Api, within: float = WITHIN) -> tuple[one_shot.Ended, list[str]]:
    monkeypatch.setattr(docker, "from_env", lambda **_: api)
    (tmp_path / "questions").write_text("one\ntwo\n")
    lines: list[str] = []
    ended = one_shot.run(
        "image", ["decode"], tmp_path / "questions", lines.append, within=within, environment={"A": "1"}, labels={"L": "2"}
    )
    return ended, lines


def test_a_command_is_given_the_file_and_its_lines_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    api = Api((1, b"a\nb"), (2, b"an error\n"), (1, b"c\nd"), exit_code=3)
    ended, lines = asked(monkeypatch, tmp_path, api)
    assert (ended, lines) == (one_shot.Ended(3, "an error"), ["a", "bc", "d"])
    assert api.heard == b"one\ntwo\n"


def test_a_command_runs_without_a_network_and_its_container_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    api = Api()
    asked(monkeypatch, tmp_path, api)
    assert (api.settings["host_config"], api.settings["environment"]) == ({"network_mode": "none"}, {"A": "1"})
    assert (api.settings["labels"], api.settings["command"], api.settings["stdin_open"]) == ({"L": "2"}, ["decode"], True)
    assert api.log == ["remove it"]


def test_a_command_that_takes_too_long_is_killed_and_has_no_exit_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended, lines = asked(monkeypatch, tmp_path, Api((1, b"a\n"), hangs=True, exit_code=137), within=0.2)
    assert (ended.exit_code, lines) == (None, ["a"])


def test_a_line_that_is_too_long_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_shot, "LONGEST_LINE", 3)
    assert asked(monkeypatch, tmp_path, Api((1, b"abcdef\nghijkl")))[1] == ["abc", "ghi"]


def test_a_container_that_is_gone_already_is_fine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    api = Api((1, b"a\n"))

    def gone(*_: Any, **__: Any) -> None:
        raise NotFound("no such container")

    monkeypatch.setattr(api, "remove_container", gone)
    assert asked(monkeypatch, tmp_path, api)[1] == ["a"]


REFUSALS: dict[str, tuple[Exception, str]] = {
    "refused": (RefusedError("no such image"), "the engine did not run the command in image: no such image."),
    "away": (requests.ConnectionError(), "the Docker engine does not answer, and did not run the command in image."),
}


@pytest.mark.parametrize(("error", "sentence"), REFUSALS.values(), ids=REFUSALS)
def test_what_the_engine_refuses_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, sentence: str) -> None:
    api = Api()

    def refuses(*_: Any, **__: Any) -> dict[str, str]:
        raise error

    monkeypatch.setattr(api, "create_container", refuses)
    with pytest.raises(HarnessError) as raised:
        asked(monkeypatch, tmp_path, api)
    assert raised.value.message == sentence
