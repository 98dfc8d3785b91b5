"""The folder that `drillbook init` writes: sound as it stands, and nobody's files are overwritten."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import get_args

import pytest

from drillbook.core.errors import UsageError
from drillbook.plan import make_plan
from drillbook.scenario import Method
from drillbook.validation import init
from drillbook.validation.discovery import find
from drillbook.validation.init import METHODS, SHIPPED, write
from drillbook.validation.loader import load


def test_what_it_writes_is_a_sound_scenario(tmp_path):
    write(tmp_path / "mine")
    assert load(tmp_path / "mine" / "scenario.yaml").playbook is not None


def test_its_plan_has_arrivals_and_faults(tmp_path):
    write(tmp_path / "mine")
    plan = make_plan(load(tmp_path / "mine" / "scenario.yaml"), 1)
    assert (len(plan.faults), plan.tasks > 100) == (2, True)


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


@pytest.fixture(params=METHODS)
def of_method(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder made for a method, far from the repository."""
    write(tmp_path / "mine", method=request.param)
    return tmp_path / "mine"


def written(tmp_path: Path) -> dict[str, str]:
    """The texts of a folder for versioned workers, by their path in it."""
    return {str(path.relative_to(tmp_path / "mine")): path.read_text() for path in write(tmp_path / "mine", method="versioned-workers")}


def test_there_is_a_folder_for_each_method():
    assert list(METHODS) == list(get_args(Method))


@pytest.mark.parametrize("method", METHODS)
def test_a_method_s_folder_is_made_of_a_drill_of_that_method(method: str):
    assert load(SHIPPED / METHODS[method] / "scenario.yaml").method == method


def test_all_that_is_written_for_a_method_is_sound(of_method: Path):
    files = find([of_method])
    assert of_method / "scenario.yaml" in files
    assert all(load(path).title for path in files)


def test_a_method_s_folder_stands_alone(of_method: Path):
    shipped = [f"../{folder.name}" for folder in SHIPPED.iterdir()]
    texts = {path: path.read_text() for path in of_method.rglob("*") if path.is_file()}
    assert [(str(path), other) for path, text in texts.items() for other in shipped if other in text] == []


def test_a_method_s_programs_can_be_run(of_method: Path):
    scripts = [path for path in of_method.rglob("*") if path.is_file() and path.read_text().startswith("#!")]
    assert [path.name for path in scripts if not os.access(path, os.X_OK)] == []


def test_a_method_s_readme_says_where_one_s_own_parts_go_and_what_the_method_is(tmp_path: Path):
    readme = written(tmp_path)["README.md"]
    assert readme.startswith("# mine: a rollback drill")
    assert "| `playbook` | `./rollback.sh` | your rollback" in readme
    assert "\n## Versioned workers\n" in readme


def test_what_a_drill_shares_is_brought_along(tmp_path: Path):
    files = written(tmp_path)
    assert {"worker/worker.py", "worker/Dockerfile"} <= set(files)
    assert "build: worker" in files["scenario.yaml"]


def test_what_a_drill_has_itself_is_not_replaced_by_what_it_shares(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for path, text in {"versioned_workers/worker/own.py": "own", "versioned_workers/use.sh": "../worker/x", "worker/x": "shared"}.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    (tmp_path / "versioned_workers" / "scenario.yaml").write_text((SHIPPED / "versioned_workers" / "scenario.yaml").read_text())
    monkeypatch.setattr(init, "SHIPPED", tmp_path)
    files = written(tmp_path)
    assert [files[path] for path in ("worker/own.py", "use.sh", "shared_worker/x")] == ["own", "shared_worker/x", "shared"]


def test_a_page_s_link_to_another_drill_brings_nothing_along_and_stays_as_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    shutil.copytree(SHIPPED, tmp_path, dirs_exist_ok=True)
    page = "# Page\n\nAs in [that one](../transactional/README.md), with [a worker](../worker/README.md).\n"
    (tmp_path / "versioned_workers" / "README.md").write_text(page)
    monkeypatch.setattr(init, "SHIPPED", tmp_path)
    files = written(tmp_path)
    assert "As in that one, with [a worker](worker/README.md)." in files["README.md"]
    assert [path for path in files if path.startswith("transactional")] == []


def test_what_tools_left_beside_a_drill_is_not_brought_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    shutil.copytree(SHIPPED / "versioned_workers", tmp_path / "versioned_workers")
    shutil.copytree(SHIPPED / "worker", tmp_path / "worker")
    for name in ("__pycache__/broker.pyc", ".mypy_cache/cache.db", "worker/.x", "reports/mine/run/scenario.yaml"):
        (tmp_path / "versioned_workers" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "versioned_workers" / name).write_bytes(b"\xf8")
    monkeypatch.setattr(init, "SHIPPED", tmp_path)
    assert [path for path in written(tmp_path) if "cache" in path or ".x" in path or "reports" in path] == []


def test_a_method_that_is_not_there_is_told_with_what_was_meant(tmp_path: Path):
    with pytest.raises(UsageError, match=r"^there is no method versioned-worker; did you mean versioned-workers\?$"):
        write(tmp_path / "mine", method="versioned-worker")


def test_for_a_method_too_nothing_is_overwritten(tmp_path: Path):
    (tmp_path / "scenario.yaml").write_text("mine")
    with pytest.raises(UsageError, match=r"has scenario\.yaml already"):
        write(tmp_path, method="versioned-workers")
    assert [path.name for path in tmp_path.iterdir()] == ["scenario.yaml"]


@pytest.mark.parametrize("file", find([SHIPPED]), ids=str)
def test_every_shipped_drill_validates(file: Path):
    assert load(file).method is not None
