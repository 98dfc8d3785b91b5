"""The folder that `drillbook init` writes, run as it stands on real parts."""

from pathlib import Path

from conftest import run_drill

from harness.scenario.init import write


def test_what_init_writes_runs_at_once_and_holds(tmp_path: Path):
    write(tmp_path / "mine")
    finished = run_drill(tmp_path / "mine" / "scenario.yaml", tmp_path / "reports", "--seed", "5")
    assert finished.verdict["verdict"] == "held", finished.verdict["sentence"]
    assert finished.exit_code == 0
    assert [event for event in finished.timeline if event["event"] == "container" and event["state"] == "died" and not event["asked"]] == []
