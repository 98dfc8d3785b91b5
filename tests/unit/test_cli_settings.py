"""Defaults of a project: what goes before what, and what cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from drillbook.app import settings
from drillbook.app.settings import JUNIT_XML, OUTPUT, SEED, Setting
from drillbook.core.errors import UsageError


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project, in a folder of which the command is called."""
    for setting in settings.SETTINGS.values():
        monkeypatch.delenv(setting.variable, raising=False)
    (tmp_path / "deep" / "down").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "deep" / "down")
    settings._table.cache_clear()
    return tmp_path


def write(project: Path, table: str) -> None:
    (project / "pyproject.toml").write_text(f"[tool.drillbook]\n{table}\n")


def test_without_a_word_of_the_project_the_built_in_defaults_hold() -> None:
    assert (OUTPUT.value(), SEED.value(), JUNIT_XML.value()) == (Path("reports"), None, None)


def test_a_path_of_the_table_is_relative_to_the_folder_of_its_file(project: Path) -> None:
    write(project, 'output = "build/drills"\nseed = 7')
    assert (OUTPUT.value(), SEED.value()) == (project / "build" / "drills", 7)


def test_a_pyproject_without_the_table_is_passed_by(project: Path) -> None:
    write(project, "seed = 7")
    (project / "deep" / "pyproject.toml").write_text("[tool.other]\nx = 1\n")
    assert SEED.value() == 7


def test_the_environment_goes_before_the_table(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(project, "seed = 7")
    monkeypatch.setenv("DRILLBOOK_SEED", "8")
    monkeypatch.setenv("DRILLBOOK_JUNIT_XML", "drill.xml")
    assert (SEED.value(), JUNIT_XML.value()) == (8, Path("drill.xml"))


@pytest.mark.parametrize(
    ("table", "setting", "said"),
    [
        ("seeds = 7", SEED, "unknown key seeds in [tool.drillbook]; did you mean seed?"),
        ('seed = "7"', SEED, "seed in [tool.drillbook] is '7', and should be a whole number."),
        ("seed = true", SEED, "seed in [tool.drillbook] is True, and should be a whole number."),
        ("output = 7", OUTPUT, "output in [tool.drillbook] is 7, and should be a path."),
        ("seed = ", SEED, "cannot be read"),
    ],
)
def test_what_cannot_be_used_is_a_sentence_with_its_file(project: Path, table: str, setting: Setting, said: str) -> None:
    write(project, table)
    with pytest.raises(UsageError) as raised:
        setting.value()
    assert str(raised.value).startswith(f"{project / 'pyproject.toml'}")
    assert said in str(raised.value)
    assert not str(raised.value).endswith("?.")


def test_a_table_that_is_none_is_a_sentence(project: Path) -> None:
    (project / "pyproject.toml").write_text("[tool]\ndrillbook = 5\n")
    with pytest.raises(UsageError, match=r"tool\.drillbook is 5, and should be a table"):
        SEED.value()


def test_a_variable_that_cannot_be_used_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRILLBOOK_SEED", "seven")
    with pytest.raises(UsageError, match="DRILLBOOK_SEED is 'seven', and should be a whole number"):
        SEED.value()
