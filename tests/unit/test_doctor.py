"""What the doctor says of a machine that lacks something. No engine is asked."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from drillbook.engine import doctor


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")


def found(name: str) -> doctor.Check:
    return next(check for check in doctor.checks() if check.name == name)


def test_a_missing_engine_is_told_with_what_to_do():
    check = found("engine")
    assert not check.ok
    assert "No Docker engine answers" in check.detail
    assert "drillbook doctor --install" in check.hint


def test_a_missing_tool_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "bash").touch(mode=0o755)
    assert found("playbook tools").detail == "docker, curl not found"


def test_too_little_room_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(doctor, "SPACE", 10**18)
    assert not found("disk space").ok


def test_what_is_fine_has_no_hint():
    assert found("python").ok
    assert found("python").hint == ""


def test_a_container_is_a_note_and_no_obstacle(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(doctor, "CONTAINER_MARKS", (tmp_path / "none", tmp_path))
    assert (found("environment").mark, "127.0.0.1" in found("environment").hint) == ("note", True)


def test_outside_a_container_all_is_well(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(doctor, "CONTAINER_MARKS", (tmp_path / "none",))
    assert (found("environment").mark, found("environment").detail) == ("ok", "not in a container")


def test_just_enough_room_is_enough(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: SimpleNamespace(free=doctor.SPACE))
    assert (doctor._space(tmp_path).ok, doctor._space(tmp_path).hint) == (True, "")
