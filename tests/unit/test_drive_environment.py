"""What a run says of what it ran on."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from drillbook import __version__
from drillbook.drive.environment import environment
from drillbook.stage.images import StageImages

IMAGES = StageImages({("broker",): "rabbitmq:4", ("toxiproxy",): "toxiproxy:2", ("python",): "python:3", ("workers", "v1"): "app:1"})


def of(folder: Path) -> dict[str, Any]:
    return environment(folder / "scenario.yaml", 7, "drillbook run it", "the-run", IMAGES).model_dump(mode="json")


def git(folder: Path, *arguments: str) -> None:
    own = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    subprocess.run(["git", *arguments], cwd=folder, env={**os.environ, **own}, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q")
    (tmp_path / "file").write_text("a")
    git(tmp_path, "add", "file")
    git(tmp_path, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "-m", "a")
    return tmp_path


def test_a_run_says_how_to_run_it_again(tmp_path: Path) -> None:
    said = of(tmp_path)
    assert (said["seed"], said["replay"], said["run_id"], said["drillbook"]) == (7, "drillbook run it", "the-run", __version__)
    assert (said["images"]["broker"], said["images"]["workers"]) == ("rabbitmq:4", {"v1": "app:1"})


def test_a_run_says_which_packages_it_ran_with(tmp_path: Path) -> None:
    assert {"locust", "pika", "duckdb"} <= set(of(tmp_path)["packages"])


def test_what_a_run_says_can_be_written(tmp_path: Path) -> None:
    assert json.loads(json.dumps(of(tmp_path)))["run_id"] == "the-run"


def test_a_run_names_the_commit_of_its_scenario(repository: Path) -> None:
    commit = str(of(repository)["commit"])
    assert len(commit) == 12
    assert int(commit, 16)


def test_a_changed_tree_is_marked(repository: Path) -> None:
    (repository / "file").write_text("b")
    assert str(of(repository)["commit"]).endswith("-dirty")


def test_a_scenario_outside_a_repository_has_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert of(tmp_path)["commit"] is None


def test_a_machine_without_git_has_no_commit(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert of(repository)["commit"] is None
