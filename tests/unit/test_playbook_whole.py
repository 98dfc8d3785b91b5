"""A program without steps of its own is one step as a whole: held before it starts, told of when all of it has ended."""

import os
import shutil
from pathlib import Path

import psutil
import pytest
from playbooks import Running, Told, program, run, said, script
from scenario_folder import SOUND, sound_folder
from scenario_folder import said as refused

from drillbook.core.errors import HarnessError
from drillbook.playbook.steps import all_step_names

COMMAND = "sh rollback.sh"


def ran(folder: Path, text: str, told: Told | None = None, **more: object) -> Told:
    """What was told of a plain script, run to its end."""
    told = told or Told()
    script(folder, text, first="#!/bin/sh")
    program(folder, told, COMMAND, **more).run()
    return told


def test_it_is_told_of_with_its_exit_code_under_its_name_in_the_drill(tmp_path: Path):
    assert ran(tmp_path, "exit 3\n").all == ["> playbook", ": playbook", "< playbook 3"]
    assert ran(tmp_path, "exit 0\n", called="deployment").ends == ["deployment 0"]


def test_what_it_says_stands_under_the_step(tmp_path: Path):
    ran(tmp_path, "echo one\n")
    assert said(tmp_path, "playbook") == ["one"]


def test_it_is_held_before_it_starts_and_has_ended_when_its_end_is_told(tmp_path: Path):
    seen: list[bool] = []
    pid = tmp_path / "pid"
    told = Told(begins=lambda _: seen.append(pid.exists()), ended=lambda _: seen.append(psutil.pid_exists(int(pid.read_text()))))
    ran(tmp_path, "echo $$ >pid\n", told)
    assert seen == [False, False]


def test_it_runs_when_it_is_told_to_run(tmp_path: Path):
    os.mkfifo(tmp_path / "go")
    told = Told(runs=lambda _: (tmp_path / "go").write_text("go\n"))
    script(tmp_path, "read -r line <go; exit 5\n", first="#!/bin/sh")
    assert Running(program(tmp_path, told, COMMAND)).wait().exit_code == 5


def test_steps_that_the_scenario_names_take_its_place(tmp_path: Path):
    text = "printf '::%s drain v2\\n' step\n(exit 4)\n"
    assert ran(tmp_path, text, named=["drain v2"]).all == ["> drain v2", ": drain v2", "< drain v2 4"]


def test_steps_that_it_tells_of_all_the_same_are_within_it(tmp_path: Path):
    text = "for one in a b; do printf '::%s %s\\n' step $one; done\nexit 2\n"
    assert ran(tmp_path, text).all == [
        *("> playbook", ": playbook", "> a", ": a", "< a None", "> b", ": b", "< b 2", "< playbook 2"),
    ]


def test_at_its_timeout_nobody_knows_its_code(tmp_path: Path):
    assert ran(tmp_path, "exec sleep 600\n", timeout=0.5).ends == ["playbook None"]


def test_stopped_while_it_is_held_it_never_starts(tmp_path: Path):
    script(tmp_path, "touch ran\n", first="#!/bin/sh")
    told = Told(begins=lambda _: one.stop(5.0))
    one = program(tmp_path, told, COMMAND)
    assert (one.run().exit_code, told.all, (tmp_path / "ran").exists()) == (None, ["> playbook"], False)


def test_an_error_of_the_listener_before_its_start_is_raised_and_it_never_starts(tmp_path: Path):
    def fails(step: str) -> None:
        raise HarnessError("no fault took effect")

    with pytest.raises(HarnessError, match="no fault took effect"):
        ran(tmp_path, "touch ran\n", Told(begins=fails))
    assert not (tmp_path / "ran").exists()


def test_it_is_listed_unless_the_scenario_names_steps(tmp_path: Path):
    script(tmp_path, "true\n", first="#!/bin/sh")
    assert all_step_names(COMMAND, tmp_path, "deployment", []) == ["deployment"]
    assert all_step_names(COMMAND, tmp_path, "playbook", ["drain v2"]) == ["drain v2"]


@pytest.mark.parametrize("shell", ["sh", "dash"])
def test_a_script_of_a_plain_shell_is_one_step(tmp_path: Path, shell: str):
    script(tmp_path, "drain_v2() { exit 6; }\ndrain_v2\n", first=f"#!/usr/bin/env {shell}")
    told = Told()
    program(tmp_path, told).run()
    assert told.all == ["> playbook", ": playbook", "< playbook 6"]


@pytest.mark.parametrize("command", ["true --now", "./rollback"])
def test_a_program_whose_text_cannot_be_read_is_one_step(tmp_path: Path, command: str):
    (tmp_path / "rollback").symlink_to(shutil.which("true") or "")
    told = Told()
    program(tmp_path, told, command).run()
    assert told.ends == ["playbook 0"]


def test_a_bash_script_from_top_to_bottom_is_one_step(tmp_path: Path):
    told = Told()
    run(tmp_path, "echo stopping\nexit 8\n", told)
    assert told.all == ["> playbook", ": playbook", "< playbook 8"]


def test_a_bash_script_is_held_within_it_at_functions_that_cannot_be_read(tmp_path: Path):
    told = Told()
    run(tmp_path, 'drain_v2() { false; }\neval "drain_"v2 || true\n', told)
    assert told.all == ["> playbook", ": playbook", "> drain v2", ": drain v2", "< drain v2 1", "< playbook 0"]


@pytest.mark.parametrize("text", ["drain_v2() { :; }\ndrain_v2\n", "echo ::step drain v2\n", 'step="drain v2"; echo "::step $step"\n'])
def test_a_program_whose_text_has_steps_is_none_as_a_whole(tmp_path: Path, text: str):
    told = Told()
    run(tmp_path, text, told)
    assert told.ends == ["drain v2 0"]


OF_ALL = SOUND.replace("run: ./rollback.sh", f"run: {COMMAND}").replace("step: drain v2", "step: playbook").replace("stop v2", "playbook")


def test_faults_and_invariants_may_name_it(tmp_path: Path):
    assert refused(sound_folder(tmp_path / "drill"), OF_ALL) == []


def test_another_step_than_it_is_refused_with_what_could_be_meant(tmp_path: Path):
    assert refused(sound_folder(tmp_path / "drill"), OF_ALL.replace("during: {step: playbook}", "during: {step: drain v2}")) == [
        "30:20: the playbook has no step drain v2; "
        "no steps can be read from its program: name them in playbook.steps, or say playbook, which is all of it"
    ]
