"""The small folder that `drillbook init` writes, run on real parts, and an installed package; for a method: `test_scenarios.py`."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from conftest import run_drill

from drillbook.validation.init import write

ROOT = Path(__file__).parents[2]


def content(folder: Path) -> dict[str, str]:
    """The texts of a folder, by their path in it."""
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_what_init_writes_runs_at_once_and_holds(tmp_path: Path):
    write(tmp_path / "mine")
    finished = run_drill(tmp_path / "mine" / "scenario.yaml", tmp_path / "reports", "--seed", "5")
    assert finished.verdict["verdict"] == "held", finished.verdict["sentence"]
    assert finished.exit_code == 0
    assert [event for event in finished.timeline if event["event"] == "container" and event["state"] == "died" and not event["asked"]] == []


def test_an_installed_package_writes_what_the_repository_writes(tmp_path: Path):
    source, installed = tmp_path / "source", tmp_path / "installed"
    shutil.copytree(
        ROOT, source, symlinks=True, ignore=shutil.ignore_patterns(".*", "reports", "build", "dist", "*.egg-info", "__pycache__")
    )
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", installed, source]
    subprocess.run(pip, check=True, capture_output=True)
    command = [sys.executable, installed / "bin" / "drillbook", "init", "--method", "versioned-workers", tmp_path / "theirs"]
    subprocess.run(command, check=True, capture_output=True, env=os.environ | {"PYTHONPATH": str(installed)}, cwd=tmp_path)
    write(tmp_path / "ours", "theirs", "versioned-workers")
    assert content(tmp_path / "theirs") == content(tmp_path / "ours")
