"""What is said and done where no Docker engine answers, and that a foreign process is never ended. No engine is asked."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from drillbook.core.errors import Exit, HarnessError
from drillbook.engine import engine
from drillbook.engine.daemon import Daemon


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """An address at which no engine answers."""
    address = f"unix://{tmp_path}/none.sock"
    monkeypatch.setenv("DOCKER_HOST", address)
    return address


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    """A process of somebody else, which must live on."""
    process = subprocess.Popen(["sleep", "60"])
    yield process
    process.kill()
    process.wait()


def daemon(folder: Path) -> Daemon:
    return Daemon(socket=folder / "docker.sock", pid_file=folder / "docker.pid", state=folder)


def test_a_missing_engine_is_one_sentence_with_what_to_do(nowhere: str):
    with pytest.raises(HarnessError) as error:
        engine.connect()
    assert error.value.message == f"No Docker engine answers at {nowhere}."
    assert "drillbook doctor --install" in error.value.hint


def test_an_engine_elsewhere_is_not_replaced_by_one_here(nowhere: str):
    with pytest.raises(HarnessError, match="No Docker engine answers at DOCKER_HOST="):
        engine.install(print)


def test_without_root_nothing_is_installed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(HarnessError, match=r"Only root can install mmdebstrap\."):
        engine.apt_install(("mmdebstrap",), print)


def test_without_apt_nothing_is_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(HarnessError, match="apt-get is missing"):
        engine.apt_install(("mmdebstrap",), print)


def test_the_makefile_gets_a_sentence_and_an_exit_code(nowhere: str, capsys: pytest.CaptureFixture[str]):
    assert engine.main([]) == Exit.HARNESS
    assert capsys.readouterr().err.startswith("No Docker engine answers at DOCKER_HOST=")


def test_an_engine_without_a_record_is_not_ours_to_end(tmp_path: Path):
    assert not daemon(tmp_path).stop()


def test_a_process_that_took_the_recorded_number_is_not_ended(tmp_path: Path, stranger: subprocess.Popen[bytes]):
    started = psutil.Process(stranger.pid).create_time()
    daemon(tmp_path).record.write_text(json.dumps({"pid": stranger.pid, "started": started}))
    assert not daemon(tmp_path).stop()
    assert stranger.poll() is None


def test_without_dockerd_the_engine_is_said_to_be_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(HarnessError, match="dockerd is not installed"):
        daemon(tmp_path).start()
