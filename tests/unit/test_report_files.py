"""Where reports are written, and what they never overwrite."""

from __future__ import annotations

from pathlib import Path

import pytest
from histories import history

from drillbook.api import open_run
from drillbook.core.errors import UsageError
from drillbook.judge.judge import judge
from drillbook.report import write

NAMES = {"verdict.json", "junit.xml", "report.html"}


def reported(run_directory: Path, into: Path | None = None) -> dict[str, Path]:
    with open_run(run_directory) as run:
        return write(run, judge(run), into)


def test_reports_are_written_into_the_run_directory() -> None:
    run = history("publish a ok", "effect a")
    assert reported(run) == {name: run / name for name in NAMES}
    assert all((run / name).stat().st_mode & 0o777 == 0o644 for name in NAMES)


def test_reports_are_written_into_a_folder_that_is_made_for_them(tmp_path: Path) -> None:
    run = history("publish a ok", "effect a")
    assert set(reported(run, tmp_path / "new" / "folder").values()) == {tmp_path / "new" / "folder" / name for name in NAMES}
    assert not NAMES & {path.name for path in run.iterdir()}


@pytest.mark.parametrize("way", ["plain", "link"])
@pytest.mark.parametrize("has", ["plan.json", "scenario.yaml", "timeline.jsonl"])
def test_another_runs_reports_are_not_overwritten_not_even_through_a_link(tmp_path: Path, has: str, way: str) -> None:
    run = history("publish a ok", "effect a")
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / has).write_text("{}")
    (tmp_path / "plain" / "verdict.json").write_text("its own")
    (tmp_path / "link").symlink_to(tmp_path / "plain")
    with pytest.raises(UsageError, match="is the directory of another run"):
        reported(run, tmp_path / way)
    assert (tmp_path / "plain" / "verdict.json").read_text() == "its own"


def test_a_link_to_the_run_itself_is_its_own_directory(tmp_path: Path) -> None:
    run = history("publish a ok", "effect a")
    (tmp_path / "link").symlink_to(run)
    assert set(reported(run, tmp_path / "link")) == NAMES
    assert (run / "verdict.json").exists()


def test_a_link_in_the_place_of_a_report_is_replaced_and_what_it_leads_to_stays(tmp_path: Path) -> None:
    run = history("publish a ok", "effect a")
    (tmp_path / "mine").write_text("mine")
    for name in NAMES | {".report.html.partial"}:
        (run / name).symlink_to(tmp_path / "mine")
    reported(run)
    assert (tmp_path / "mine").read_text() == "mine"
    assert not any((run / name).is_symlink() for name in NAMES)


def test_nothing_but_the_reports_is_left() -> None:
    run = history("publish a ok", "effect a")
    before = {path.name for path in run.iterdir()}
    reported(run)
    assert {path.name for path in run.iterdir()} == before | NAMES
