"""The programs of the isolation drill: the flag from the operator's side, against a real server, and its controls."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from test_load_feature_flag import Server

FOLDER = Path(__file__).parents[2] / "scenarios" / "isolation_feature_gate"
FLAG = [sys.executable, str(FOLDER / "flag.py")]
OTHERS = sorted(path.stem for path in FOLDER.glob("*.yaml") if path.stem != "scenario")


def run(server: Server, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    told = os.environ | {"FLAGS_FOLDER": str(folder), "FLAGS_ADDRESS": f"127.0.0.1:{server.ofrep}"}
    return subprocess.run([*FLAG, *words], env=told, capture_output=True, text=True, timeout=300)


@pytest.fixture
def server(tmp_path: Path):
    server = Server(tmp_path)
    server.set("on")
    yield server
    server.kill()


def test_the_flag_that_is_set_is_heard_by_the_server(server: Server, tmp_path: Path) -> None:
    server.start()
    assert run(server, tmp_path, "set", "new-report", "off").returncode == 0
    assert run(server, tmp_path, "wait", "new-report", "off").stdout == "new-report: off, says flagd\n"


def test_other_flags_stay_as_they_are(server: Server, tmp_path: Path) -> None:
    run(server, tmp_path, "set", "new-report", "off")
    flags = json.loads((tmp_path / "flags.json").read_text())["flags"]
    assert [flags[name]["defaultVariant"] for name in ("new-report", "colour")] == ["off", "on"]


def test_a_flag_that_does_not_turn_is_said_so_in_time(server: Server, tmp_path: Path) -> None:
    server.start()
    done = run(server, tmp_path, "wait", "new-report", "off", "--within", "0.5")
    assert (done.returncode, done.stderr) == (1, "new-report: flagd still says on after 0.5 s\n")


def test_a_server_that_cannot_be_reached_is_said_so_in_time(server: Server, tmp_path: Path) -> None:
    done = run(server, tmp_path, "wait", "new-report", "off", "--within", "0.5")
    assert (done.returncode, done.stderr) == (1, "new-report: flagd still says nothing (ConnectionRefusedError) after 0.5 s\n")


def test_the_flag_file_of_the_drill_begins_with_the_flag_off() -> None:
    flags = json.loads((FOLDER / "flags" / "flags.json").read_text())["flags"]
    assert {name: flag["defaultVariant"] for name, flag in flags.items()} == {"new-report": "off"}


@pytest.mark.parametrize("other", OTHERS)
def test_every_other_drill_has_the_load_the_deployment_and_the_monitor_of_the_first(other: str) -> None:
    good, careless = (YAML(typ="safe").load((FOLDER / f"{name}.yaml").read_text()) for name in ("scenario", other))
    careless["load"].pop("linger", None)  # one producer goes on until it must have heard of the flag
    for part in ("load", "deployment", "monitors", "settle", "effects"):
        assert careless[part] == good[part]
