"""The load's feature gate, asked of a real server that speaks flagd's protocols, in a process that gevent has patched as Locust's is."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from scenario_folder import SOUND, said, sound_folder

from drillbook.core.wait import until

SERVER = Path(__file__).parents[2] / "harness" / "drillbook" / "engine" / "images" / "flagd" / "flagd.py"
WITHIN = 20.0
ASKING = """
import sys
from gevent import monkey; monkey.patch_all()
import gevent
from drillbook.load.feature_flag import FeatureFlag
from drillbook.scenario import FeatureGate as Settings

gate = FeatureFlag(Settings(flag="new-report", service="flags", types={"report_v2": "report"}), sys.argv[1])
print("unheard", gate.type_of("report_v2"), flush=True)
while not gate.ready:
    gevent.sleep(0.01)
said = None
while True:
    now = f"{gate.type_of('report_v2')} {gate.type_of('charge')}"
    if now != said:
        said = now
        print(now, flush=True)
    gevent.sleep(0.01)
"""


class Server:
    """flagd's protocols over one flags file."""

    def __init__(self, folder: Path) -> None:
        self._file, self.log = folder / "flags.json", folder / "flagd.log"
        self.sync, self.ofrep = free_port(), free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def set(self, variant: str, **more: Any) -> None:
        """Set the flag, as a playbook does: a new file in the place of the old."""
        flag = {"state": "ENABLED", "variants": {"on": True, "off": False}, "defaultVariant": variant, **more}
        new = self._file.with_suffix(".new")
        new.write_text(json.dumps({"flags": {"new-report": flag, "colour": {**flag, "variants": {"on": "red", "off": "blue"}}}}))
        new.rename(self._file)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        ports = ["--sync-port", str(self.sync), "--ofrep-port", str(self.ofrep)]
        command = [sys.executable, str(SERVER), "start", "--uri", f"file:{self._file}", *ports]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log)
        assert until(self._answers, WITHIN)

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def ask(self, flag: str = "new-report") -> requests.Response:
        """Ask as a person does."""
        return requests.post(f"http://127.0.0.1:{self.ofrep}/ofrep/v1/evaluate/flags/{flag}", json={"context": {}}, timeout=5)

    def _answers(self) -> bool:
        try:
            return self.ask().ok
        except requests.RequestException:
            return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path)
    server.set("on")
    yield server
    server.kill()


@pytest.fixture
def asked(server: Server) -> Iterator[subprocess.Popen[str]]:
    """A producer that prints what it would publish, each time that changes; its server does not run yet."""
    command = [sys.executable, "-c", ASKING, f"127.0.0.1:{server.sync}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as producer:
        yield producer
        producer.kill()


def heard(producer: subprocess.Popen[str]) -> str:
    assert producer.stdout is not None
    return producer.stdout.readline().strip()


def test_a_flag_that_nobody_has_heard_of_is_off(asked: subprocess.Popen[str]) -> None:
    assert heard(asked) == "unheard report"


def test_a_type_is_gated_while_the_flag_is_off_and_others_never_are(server: Server, asked: subprocess.Popen[str]) -> None:
    server.start()
    heard(asked)
    assert heard(asked) == "report_v2 charge"
    server.set("off")
    assert heard(asked) == "report charge"


def test_a_producer_without_its_flag_service_goes_on_with_what_it_heard(server: Server, asked: subprocess.Popen[str]) -> None:
    server.start()
    heard(asked)
    assert heard(asked) == "report_v2 charge"
    server.kill()
    server.set("off")
    server.start()  # what it prints next is what it heard of the new server: nothing changed in between
    assert heard(asked) == "report charge"


def test_the_server_gives_a_person_the_flag_s_value_and_variant(server: Server) -> None:
    server.start()
    assert server.ask().json() == {"key": "new-report", "value": True, "variant": "on", "reason": "STATIC", "metadata": {}}


def test_the_server_gives_a_flag_of_text_as_text(server: Server) -> None:
    server.start()
    assert server.ask("colour").json()["value"] == "red"


def test_the_server_does_not_know_every_flag(server: Server) -> None:
    server.start()
    answer = server.ask("new-reprot")
    assert (answer.status_code, answer.json()["errorCode"]) == (404, "FLAG_NOT_FOUND")


def test_the_server_keeps_what_it_has_when_the_file_is_spoiled(server: Server, tmp_path: Path) -> None:
    server.start()
    (tmp_path / "flags.json").write_text('{"flags": ')
    assert until(lambda: "is not taken" in server.log.read_text(), WITHIN)
    assert server.ask().json()["value"] is True
    server.set("off")
    assert until(lambda: server.ask().json()["value"] is False, WITHIN)


GATE = "gate: {flag: new-report, service: flags, port: sync, types: {notify: charge}}"
REFUSED = {
    "no such server": ("service: flags", "service: flag", "there is no server flag in stage.services; did you mean flags?"),
    "no such port": ("port: sync", "port: snyc", "flags has no port snyc among its ports; did you mean sync?"),
    "no such type": ("{notify: charge}", "{notfy: charge}", "no task of the load has the type notfy; did you mean notify?"),
    "no such type in its place": ("{notify: charge}", "{notify: chrge}", "no task of the load has the type chrge; did you mean charge?"),
    "a type in the place of itself": (
        "{notify: charge}",
        "{notify: notify}",
        "notify is gated itself, so notify could not be published as it while the flag is off",
    ),
}


def gated(old: str = "", new: str = "") -> str:
    text = SOUND.replace("  workers:\n", "  services: {flags: {image: flagd, port: 8016, ports: {sync: 8015}}}\n  workers:\n", 1)
    gate = GATE.replace(old, new) if old else GATE
    return text.replace('routing_key: "task.{type}"}', f'routing_key: "task.{{type}}", {gate}}}')


def test_a_gate_that_can_be_asked_is_taken(tmp_path: Path) -> None:
    assert said(sound_folder(tmp_path / "drill"), gated()) == []


@pytest.mark.parametrize(("old", "new", "expected"), REFUSED.values(), ids=REFUSED)
def test_a_gate_that_cannot_be_asked_is_told(tmp_path: Path, old: str, new: str, expected: str) -> None:
    [problem] = said(sound_folder(tmp_path / "drill"), gated(old, new))
    assert problem.startswith("19:")
    assert problem.endswith(f": {expected}")


def test_a_gate_needs_the_packages_that_ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drillbook.validation.checks.feature_gate.NEEDS", "openfeature.contrib.provider.of_nobody")
    [problem] = said(sound_folder(tmp_path / "drill"), gated())
    assert problem.endswith("asking a flag service needs OpenFeature and flagd's provider: pip install 'drillbook[flags]'")
