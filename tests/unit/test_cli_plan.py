"""`drillbook plan`: what a seed makes of a drill, said before anything starts."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner, Result
from scenario_folder import SOUND, sound_folder

from drillbook.app.cli import main
from drillbook.evidence.documents import PlanDocument
from drillbook.plan import make_plan
from drillbook.validation.loader import load


def plan(file: Path, *more: str) -> Result:
    return CliRunner().invoke(main, ["plan", str(file), *more])


def test_it_tells_the_tasks_the_steps_and_whom_each_fault_hits(tmp_path: Path) -> None:
    file = sound_folder(tmp_path)
    known = make_plan(load(file), 7)
    shown = plan(file, "--seed", "7").output
    assert shown.startswith(f"seed 7: {known.tasks:,} tasks in the first 30 s\nsteps of the playbook: drain v2")
    for fault in known.faults:
        (row,) = (line for line in shown.splitlines() if line.startswith(fault.name))
        assert fault.when in row
        assert row.endswith(", ".join(fault.victims))


def test_the_same_seed_gives_the_same_plan_and_another_one_another(tmp_path: Path) -> None:
    file = sound_folder(tmp_path)
    first, again, other = (plan(file, "--seed", seed).output for seed in ("7", "7", "8"))
    assert first == again
    assert first != other


def test_as_json_it_is_what_the_run_writes_down(tmp_path: Path) -> None:
    file = sound_folder(tmp_path)
    document = PlanDocument.model_validate_json(plan(file, "--seed", "7", "--json").stdout)
    assert document == make_plan(load(file), 7).document(document.steps)
    assert "drain v2" in document.steps


def test_a_changed_value_counts(tmp_path: Path) -> None:
    told = json.loads(plan(sound_folder(tmp_path), "--seed", "7", "--json", "--set", "load.rate=1/s").stdout)
    assert 0 < told["tasks"] < 100


def test_a_bad_file_is_a_sentence(tmp_path: Path) -> None:
    file = sound_folder(tmp_path)
    file.write_text(SOUND.replace("rate: 300/s", "rate: many"))
    done = plan(file)
    assert done.exit_code == 2
    assert "scenario.yaml:18:14: rate: 'many' is not a rate" in done.stderr
