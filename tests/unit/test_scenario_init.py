"""The folder that `drillbook init` writes: sound as it stands, and nobody's files are overwritten."""

import os
import subprocess
from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.plan import make_plan
from harness.scenario.init import write
from harness.scenario.loader import load


def test_what_it_writes_is_a_sound_scenario(tmp_path):
    write(tmp_path / "mine")
    assert load(tmp_path / "mine" / "scenario.yaml").playbook is not None


def test_its_plan_has_arrivals_and_faults(tmp_path):
    write(tmp_path / "mine")
    plan = make_plan(load(tmp_path / "mine" / "scenario.yaml"), 1)
    assert (len(plan.faults), plan.tasks > 500) == (2, True)


def test_it_gives_back_every_file_it_wrote(tmp_path):
    written = write(tmp_path / "mine")
    assert sorted(written) == sorted(path for path in (tmp_path / "mine").rglob("*") if path.is_file())
    assert {str(path.relative_to(tmp_path / "mine")) for path in written} >= {"scenario.yaml", "deploy.sh", "rollback.sh", "README.md"}


def test_its_programs_can_be_run_and_are_bash(tmp_path):
    write(tmp_path / "mine")
    for name in ("deploy.sh", "rollback.sh"):
        assert os.access(tmp_path / "mine" / name, os.X_OK)
        subprocess.run(["bash", "-n", tmp_path / "mine" / name], check=True)


def test_its_readme_has_the_drills_name(tmp_path):
    write(tmp_path / "billing")
    assert (tmp_path / "billing" / "README.md").read_text().startswith("# billing: a rollback drill")


def test_a_file_that_is_there_is_kept_and_nothing_is_written(tmp_path):
    (tmp_path / "rollback.sh").write_text("mine")
    with pytest.raises(UsageError, match=r"has rollback\.sh already; nothing was written"):
        write(tmp_path)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"rollback.sh": "mine"}


def test_a_folder_with_other_files_takes_the_new_ones(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    write(tmp_path)
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_file_in_the_folders_place_is_said(tmp_path: Path):
    (tmp_path / "mine").write_text("x")
    with pytest.raises(UsageError, match="is a file already"):
        write(tmp_path / "mine")
