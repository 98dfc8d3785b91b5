import json
from pathlib import Path

import pytest

from drillbook.core.errors import HarnessError
from drillbook.evidence import Effect, RunDirectory


def test_a_line_is_on_disk_as_soon_as_it_is_written(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path / "run")
    run.append(Effect("a", None, "v1", None, 5))
    assert json.loads(run.file("effects").read_text()) == {"task": "a", "version": "v1", "at": 5}


def test_evidence_that_found_nothing_is_a_file_that_is_empty(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path / "run")
    run.touch("effects")
    assert run.file("effects").read_bytes() == b""


def test_a_directory_can_be_written_to_again_after_closing(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path / "run")
    run.event("note", "x", "said")
    run.close()
    run.event("note", "y", "said")
    assert len(run.file("timeline").read_text().splitlines()) == 2


def test_a_full_disk_is_said_in_a_sentence(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path / "run")
    run.file("timeline").symlink_to("/dev/full")
    with pytest.raises(HarnessError, match=r"cannot write .*: No space left on device\. Free disk space"):
        run.event("note", "x", "said")


def test_a_place_where_nothing_may_be_written_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HarnessError, match="cannot make the run directory"):
        RunDirectory(tmp_path / "file" / "run")
