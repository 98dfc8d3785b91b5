"""What other programs use: it is there, documented, and does what the commands do."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from pathlib import Path
from typing import get_origin

import pytest
from histories import history
from scenario_folder import sound_folder

from drillbook import api, drill
from drillbook.core.progress import Progress

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text()


@pytest.mark.parametrize("name", api.__all__)
def test_what_the_api_has_is_on_its_page_and_has_a_docstring(name: str) -> None:
    found = getattr(api, name)
    assert f"`{name}`" in PAGE
    assert inspect.getdoc(found) or get_origin(found), "only an alias of a type has none"


def test_what_is_imported_when_asked_for_is_what_checkers_of_types_are_told() -> None:
    blocks = (node for node in ast.parse(inspect.getsource(api)).body if isinstance(node, ast.If))
    block = next(node for node in blocks if ast.unparse(node.test) == "TYPE_CHECKING")
    told = {
        (node.module or "").removeprefix("drillbook."): tuple(name.name for name in node.names)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
    }
    assert told == api.HOMES


def test_the_rest_is_not_there() -> None:
    with pytest.raises(AttributeError, match=r"module 'drillbook\.api' has no attribute 'KINDS'"):
        _ = api.KINDS  # type: ignore[attr-defined]


def test_importing_it_imports_hardly_anything() -> None:
    probe = "import sys\nfrom drillbook import api\n"
    probe += "print(sorted(name for name in sys.modules if name.startswith(('drillbook.', 'pydantic', 'duckdb'))))"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, timeout=300)
    assert done.stdout == "['drillbook.api', 'drillbook.core', 'drillbook.core.errors']\n", done.stderr


def test_a_run_is_judged() -> None:
    judgement = api.judge(history("publish a ok"))
    assert (judgement.verdict, judgement.results[0].name, judgement.results[0].count) == (api.Verdict.BROKEN, "no_lost_tasks", 1)


def test_an_open_run_answers_queries() -> None:
    with api.open_run(history("publish a ok", "effect a")) as run:
        assert run.rows("select task from effects") == [("a",)]


def test_a_scenario_is_loaded_with_changes(tmp_path: Path) -> None:
    assert api.load_scenario(sound_folder(tmp_path), ["load.rate=7/s"]).load.rate == 7.0


def test_a_scenario_that_cannot_be_used_is_an_error_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(api.UsageError, match=r"--set load\.rate: "):
        api.load_scenario(sound_folder(tmp_path), ["load.rate=seven"])


def test_a_bad_scenario_is_not_run(tmp_path: Path) -> None:
    (tmp_path / "scenario.yaml").write_text("title: x\n")
    with pytest.raises(api.UsageError, match="a scenario needs invariants"):
        api.run_drill(tmp_path / "scenario.yaml", output=tmp_path / "reports")
    assert not (tmp_path / "reports").exists()


def test_judging_imports_nothing_of_docker(tmp_path: Path) -> None:
    run = history("publish a ok", "effect a")
    probe = f"import sys\nfrom pathlib import Path\nfrom drillbook import api\napi.judge(Path({str(run)!r}))\n"
    probe += "print([name for name in ('docker', 'gevent', 'locust', 'pika', 'testcontainers') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, timeout=300, cwd=tmp_path)
    assert done.stdout == "[]\n", done.stderr


@pytest.mark.parametrize(("given", "used"), [(7, 7), (0, 0), (None, 41)], ids=["given", "nought", "drawn"])
def test_a_drill_is_run_as_the_command_runs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: int | None, used: int) -> None:
    """What a drill does is for `tests/drills`; here it is what it is told."""
    told: list[tuple[object, ...]] = []
    monkeypatch.setattr(drill, "new_seed", lambda: 41)
    monkeypatch.setattr(drill, "run_drill", lambda *arguments: told.append(arguments))
    api.run_drill(tmp_path / "scenario.yaml", seed=given, output=tmp_path / "out", changes=["load.rate=7/s"], keep=True)
    (path, seed, output, keep, progress, changes), *_ = told
    assert (path, seed, output, keep) == (tmp_path / "scenario.yaml", used, tmp_path / "out", True)
    assert isinstance(progress, Progress)
    assert [str(change.value) for change in changes] == ["7/s"]


def test_a_drill_is_run_as_the_command_runs_it_where_nothing_else_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[object, ...]] = []
    monkeypatch.setattr(drill, "run_drill", lambda *arguments: told.append(arguments))
    api.run_drill(tmp_path / "scenario.yaml")
    (_, seed, output, keep, _, changes), *_ = told
    assert (isinstance(seed, int), output, keep, changes) == (True, Path("reports"), False, ())


def test_its_progress_is_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(drill, "run_drill", lambda *arguments: arguments[4].note("starting"))
    api.run_drill(tmp_path / "scenario.yaml")
    assert capsys.readouterr() == ("", "")
