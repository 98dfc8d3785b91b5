"""Programs as the drive runs them: what they are told, what happens at the edges of their steps, and what they wait for."""

from __future__ import annotations

import json
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from stub_stage import StubStage, drill, told

from drillbook.core.errors import HarnessError
from drillbook.core.progress import Progress
from drillbook.core.wait import until
from drillbook.drive.facts import TaskCounters
from drillbook.drive.fault_runner import FaultRunner
from drillbook.drive.programs import Programs, _Steps
from drillbook.drive.watch import QueueSampler
from drillbook.faults.pause import Pause
from drillbook.plan import Plan, PlannedFault
from drillbook.scenario import Playbook
from drillbook.scenario.moments import TaskCount, WaitingIn

WITHIN = 60
WORKER = "workers.v1.1"


def part(command: str, timeout: float) -> Playbook:
    return Playbook.model_validate({"run": command, "timeout": timeout, "start": {"at": 0.0}})


class Run:
    """The programs of a stage in memory, and what is heard of them."""

    def __init__(self, folder: Path, *faults: PlannedFault, hold: dict[str, TaskCount] | None = None, ready_within: str = "20s") -> None:
        self.stage = StubStage(folder, drill())
        self.stage.spec.__dict__["ready_within"] = float(ready_within.rstrip("s"))
        self.notes: list[str] = []
        self.ended: list[tuple[str, Any]] = []
        self.failed: list[Exception] = []
        progress = Progress(quiet=True)
        progress.note = self.notes.append  # type: ignore[method-assign]
        self.faults = FaultRunner(faults, self.stage, self.stage.run, self.failed.append)
        self.programs = Programs(
            Plan(7, faults, 0),
            self.stage,
            self.stage.run,
            self.faults,
            QueueSampler(self.stage.broker, ["tasks"], self.stage.run),
            progress,
            hold or {},
            TaskCounters(self.stage),
            lambda which, outcome: self.ended.append((which, outcome)),
            self.failed.append,
        )

    def script(self, text: str) -> str:
        path = self.stage.folder / "program.sh"
        path.write_text(f"#!/bin/bash\n{text}\n")
        path.chmod(0o755)
        return "./program.sh"

    def runs(self, text: str, which: Any = "playbook", timeout: float = 60.0, more: dict[str, str] | None = None) -> Run:
        self.programs.launch(which, part(self.script(text), timeout), more or {})
        assert until(lambda: self.ended or self.failed, WITHIN)
        return self

    def steps(self, which: Any = "playbook") -> _Steps:
        return _Steps(which, self.programs)

    def words(self) -> list[str]:
        lines = [json.loads(line) for line in self.stage.run.file("timeline").read_text().splitlines()]
        return [f"{line['event']} {line['name']} {line['state']}" for line in lines]

    def counted(self) -> list[tuple[str | None, str | None]]:
        lines = [json.loads(line) for line in self.stage.run.file("counters").read_text().splitlines()]
        return [(line.get("step"), line.get("edge")) for line in lines]


def pinned(trigger: Any, step: str = "stop v2") -> PlannedFault:
    return PlannedFault("it", Pause(target=WORKER), (WORKER,), trigger, step, None)


# Launching


def test_a_program_is_told_of_the_stage_its_seed_and_its_own_variables(tmp_path: Path) -> None:
    run = Run(tmp_path).runs('echo "$AMQP_URL $DRILL_SEED $DRILL_STATE_DIR $MORE" > told', more={"MORE": "more"})
    state = (tmp_path / "run" / "playbook" / "state").resolve()
    assert (run.stage.folder / "told").read_text() == f"amqp://operator 7 {state} more\n"


def test_a_variable_of_the_scenario_wins_over_the_stage_s(tmp_path: Path) -> None:
    run = Run(tmp_path).runs('echo "$AMQP_URL" > told', more={"AMQP_URL": "mine"})
    assert (run.stage.folder / "told").read_text() == "mine\n"


def test_the_state_folder_is_there_before_anything_runs(tmp_path: Path) -> None:
    assert Run(tmp_path).programs.state_directory.is_dir()


def test_a_program_s_beginning_is_written_and_its_end_is_told(tmp_path: Path) -> None:
    run = Run(tmp_path).runs("exit 3", "deployment")
    assert told(run.stage.run, "phase") == ["deployment begin"]
    assert [(which, outcome.exit_code) for which, outcome in run.ended] == [("deployment", 3)]


def test_a_program_is_open_once_it_has_started(tmp_path: Path) -> None:
    assert Run(tmp_path).runs("true").programs.open == {"playbook"}


def test_a_program_has_a_transcript_of_its_own_without_secrets(tmp_path: Path) -> None:
    run = Run(tmp_path).runs("echo a secret word", "deployment")
    log = (run.stage.run.path / "playbook" / "deployment.log").read_text()
    assert "a *** word" in log
    assert "secret" not in log


def test_a_program_that_cannot_be_started_is_told_as_a_failure(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.programs.launch("playbook", part("./missing.sh", 60.0), {})
    assert until(lambda: run.failed, WITHIN)
    assert [type(error) for error in run.failed] == [HarnessError]
    assert run.ended == []


def test_a_program_that_takes_too_long_is_killed(tmp_path: Path) -> None:
    run = Run(tmp_path).runs("sleep 600", timeout=0.1)
    assert run.ended[0][1].timed_out


def test_stopping_ends_what_runs(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.programs.launch("playbook", part(run.script("touch runs; sleep 600"), 3600.0), {})
    assert until((tmp_path / "runs").exists, WITHIN)
    run.programs.stop()
    assert until(lambda: run.ended, WITHIN)
    assert not run.ended[0][1].timed_out


def test_the_steps_of_a_script_are_counted_and_written_in_their_order(tmp_path: Path) -> None:
    run = Run(tmp_path).runs("stop_v2() { true; }\nstop_v2")
    assert run.words() == ["phase playbook begin", "step stop v2 begin", "step stop v2 end"]
    assert run.counted() == [("stop v2", "start"), ("stop v2", "end")]
    assert "playbook: stop v2" in run.notes


# Steps


@pytest.mark.parametrize("trigger", ["before", "during", "after"])
def test_a_fault_bites_at_its_edge_of_a_step(tmp_path: Path, trigger: str) -> None:
    run = Run(tmp_path, pinned(trigger))
    steps = run.steps()
    effective = []
    steps.begins("stop v2")
    effective.append("fault it took_effect" in run.words())
    steps.runs("stop v2")
    steps.ended("stop v2", 0)
    effective.append("fault it took_effect" in run.words())
    assert effective == [trigger == "before", True]
    run.faults.clear_all()


def test_a_fault_before_a_step_has_bitten_when_the_step_begins(tmp_path: Path) -> None:
    run = Run(tmp_path, pinned("before"))
    run.steps().begins("stop v2")
    assert run.words()[-2:] == ["fault it took_effect", "step stop v2 begin"]
    run.faults.clear_all()


def test_a_fault_during_a_step_begins_when_the_step_runs(tmp_path: Path) -> None:
    run = Run(tmp_path, pinned("during"))
    steps = run.steps()
    steps.begins("stop v2")
    assert "fault it begin" not in run.words()
    steps.runs("stop v2")
    assert until(lambda: "fault it begin" in run.words(), WITHIN)
    run.faults.clear_all()


def test_a_fault_after_a_step_begins_once_the_step_has_ended(tmp_path: Path) -> None:
    run = Run(tmp_path, pinned("after"))
    steps = run.steps()
    steps.begins("stop v2")
    steps.ended("stop v2", 0)
    assert run.words().index("step stop v2 end") < run.words().index("fault it begin")
    run.faults.clear_all()


@pytest.mark.parametrize("trigger", ["before", "during", "after"])
def test_a_step_of_the_deployment_makes_no_fault_begin(tmp_path: Path, trigger: str) -> None:
    run = Run(tmp_path, pinned(trigger))
    steps = run.steps("deployment")
    steps.begins("stop v2")
    steps.runs("stop v2")
    steps.ended("stop v2", 0)
    run.faults.clear_all()
    assert told(run.stage.run, "fault") == ["it skipped"]


def test_a_step_is_written_with_its_program_and_how_it_ended(tmp_path: Path) -> None:
    run = Run(tmp_path)
    steps = run.steps("deployment")
    steps.begins("a")
    steps.ended("a", 4)
    lines = [json.loads(line) for line in run.stage.run.file("timeline").read_text().splitlines()]
    assert [(line["program"], line.get("exit_code"), line.get("detail")) for line in lines] == [
        ("deployment", None, None),
        ("deployment", 4, None),
    ]


def test_a_step_that_did_nothing_is_written_so(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.steps().ended("a", 0, skipped=True)
    assert told(run.stage.run, "step", detail=True) == ["a end: skipped"]


def test_what_ends_once_the_drill_stops_is_no_evidence(tmp_path: Path) -> None:
    run = Run(tmp_path)
    steps = run.steps()
    steps.begins("a")
    run.programs.stop()
    steps.ended("a", 0)
    assert told(run.stage.run, "step") == ["a begin"]


# Holding

HELD = {"stop v2": WaitingIn(3, "tasks")}


def test_a_step_that_is_held_begins_when_the_tasks_are_there(tmp_path: Path) -> None:
    run = Run(tmp_path, hold=HELD)
    begun = _in_thread(lambda: run.steps().begins("stop v2"))
    assert until(lambda: told(run.stage.run, "wait") == ["stop v2 begin"], WITHIN)
    assert told(run.stage.run, "step") == []
    run.stage.broker.depths["tasks"] = 3
    assert begun.wait(WITHIN)
    assert told(run.stage.run, "wait", detail=True) == ["stop v2 begin: 3 waiting in tasks", "stop v2 met: 3 waiting in tasks"]


def test_a_step_that_is_held_in_vain_begins_all_the_same(tmp_path: Path) -> None:
    run = Run(tmp_path, hold=HELD, ready_within="0.01s")
    run.steps().begins("stop v2")
    assert told(run.stage.run, "wait") == ["stop v2 begin", "stop v2 not_met"]
    assert "3 waiting in tasks did not come within 0.01 s; the playbook goes on" in run.notes
    assert told(run.stage.run, "step") == ["stop v2 begin"]


def test_a_step_that_nobody_holds_begins_at_once(tmp_path: Path) -> None:
    run = Run(tmp_path, hold=HELD)
    run.steps().begins("drain v2")
    assert told(run.stage.run, "wait") == []


def test_the_deployment_is_never_held(tmp_path: Path) -> None:
    run = Run(tmp_path, hold=HELD)
    run.steps("deployment").begins("stop v2")
    assert told(run.stage.run, "wait") == []


def test_a_drill_that_stops_holds_nothing_any_more(tmp_path: Path) -> None:
    run = Run(tmp_path, hold=HELD)
    begun = _in_thread(lambda: run.steps().begins("stop v2"))
    assert until(lambda: told(run.stage.run, "wait"), WITHIN)
    run.programs.stop()
    assert begun.wait(WITHIN)
    assert told(run.stage.run, "wait") == ["stop v2 begin", "stop v2 not_met"]
    assert not [note for note in run.notes if "did not come" in note]


def _in_thread(act: Any) -> Event:
    done = Event()

    def run() -> None:
        act()
        done.set()

    Thread(target=run, daemon=True).start()
    return done
