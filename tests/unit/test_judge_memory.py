"""Judging with little memory: what does not fit goes to temporary files, also when nothing may leave the database, and none are left."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from histories import history, run_directory

from drillbook.api import judge
from drillbook.evidence import Effect, Published, Wire
from drillbook.judge import tables
from drillbook.judge.tables import open_tables
from drillbook.judge.verdict import Verdict

TASKS = 30_000
SORTED = """-- mine: Nothing is found.
-- needs: wire
with numbered as (select task, row_number() over (order by task, seq desc, n) as place from wire, range(40) as times (n))
select task from numbered where place < 0
"""
"""Sorts more than the memory takes."""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the judge's temporary files go."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture(scope="module")
def many() -> Path:
    """Many tasks, each done once."""
    names = [f"a-task-with-a-long-name-{number:09}" for number in range(TASKS)]
    wire = [
        Wire(1, 1, "start"),
        *(Wire(seq, 1, "deliver", task=name, peer="w") for seq, name in enumerate(names, 2)),
        Wire(TASKS + 2, 2, "end"),
    ]
    records = {
        "published": [Published(name, "charge", None, 1, "q", 1, 1, 1, "ok") for name in names],
        "effects": [Effect(name, name, "v1", "w", 2) for name in names],
        "leftovers": [],
        "wire": wire,
    }
    scenario = {"title": "Many tasks", "invariants": {"no_lost_tasks": None, "mine": None}}
    return run_directory(records, scenario, sql={"mine": SORTED})


@pytest.mark.parametrize("large", [0, 1 << 40], ids=["tables on disk", "tables in memory"])
def test_what_does_not_fit_goes_to_temporary_files(many: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch, large: int) -> None:
    monkeypatch.setattr(tables, "MEMORY", "100MB")
    monkeypatch.setattr(tables, "LARGE", large)
    assert judge(many).verdict == Verdict.HELD


@pytest.mark.parametrize("large", [0, 1 << 40], ids=["tables on disk", "tables in memory"])
def test_no_temporary_file_is_left(temporary: Path, monkeypatch: pytest.MonkeyPatch, large: int) -> None:
    monkeypatch.setattr(tables, "LARGE", large)
    with open_tables(history("publish a ok")):
        assert [path.name for path in temporary.glob("*/*.db")] == ([] if large else ["evidence.db"])
    assert list(temporary.iterdir()) == []


def test_no_temporary_file_is_left_by_evidence_that_is_none(temporary: Path) -> None:
    run = history("publish a ok")
    (run / "effects.jsonl").write_text("garbage\n")
    with pytest.raises(tables.EvidenceError), open_tables(run):
        pass
    assert list(temporary.iterdir()) == []
