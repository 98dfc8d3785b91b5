"""Drills run as users run them in CI, by pytest: a shipped one, as ``init`` writes it; and what pytest shows of a drill that fails."""

from __future__ import annotations

import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from conftest import SHORT

from drillbook.validation.init import write

ROOT = Path(__file__).parents[2]


def run_pytest(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *map(str, arguments)]
    environment = os.environ | {"COLUMNS": "400"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=900)


@pytest.mark.parametrize(("file", "verdict"), [("scenario.yaml", "held"), ("careless.yaml", "broken")])
def test_what_init_writes_for_a_method_holds_at_once_and_its_known_bad_control_breaks_what_it_declares(
    file: str, verdict: str, tmp_path: Path
) -> None:
    write(tmp_path / "mine", method="versioned-workers")
    junit = tmp_path / "junit.xml"
    done = run_pytest(tmp_path / "mine" / file, "--rootdir", tmp_path, "--drill-output", tmp_path / "reports", "--junit-xml", junit)
    assert done.returncode == 0, done.stdout + done.stderr
    properties = {one.get("name"): one.get("value") for one in ElementTree.parse(junit).iter("property")}
    assert properties["verdict"] == verdict
    assert properties["replay"].endswith(f"mine/{file} --seed {properties['seed']}")


def test_a_drill_that_breaks_names_the_invariant_in_the_summary_line(tmp_path: Path) -> None:
    worker = (SHORT.parent / "../../../scenarios/worker").resolve()
    (tmp_path / "scenario.yaml").write_text(SHORT.read_text().replace("../../../scenarios/worker", str(worker)))
    playbook = tmp_path / "playbook.sh"
    playbook.write_text("#!/usr/bin/env bash\nlook() { exit 7; }\nlook\n")
    playbook.chmod(0o755)
    done = run_pytest(tmp_path, "--drill-output", tmp_path / "reports", "--rootdir", tmp_path)
    assert done.returncode == 1
    (summary,) = [line for line in done.stdout.splitlines() if line.startswith("FAILED")]
    assert "playbook_succeeded: " in summary
    assert "[look]" in done.stdout
