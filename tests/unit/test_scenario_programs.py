"""Programs and files of a scenario that are not there, or cannot be run."""

from pathlib import Path

import pytest
from scenario_folder import SOUND, program, said, sound_folder, spoiled

CASES = {
    "the deployment's program is not there": (
        "./deploy.sh",
        "./dploy.sh",
        ["19:19: there is no program ./dploy.sh; did you mean deploy.sh?"],
    ),
    "the playbook's program is not there, so its steps are not judged": (
        "./rollback.sh",
        "./back.sh",
        ["32:8: there is no program ./back.sh; did you mean rollback.sh?"],
    ),
    "a program is a folder": ("./deploy.sh", "./worker", ["19:19: ./worker is a folder, not a program"]),
    "a program is nowhere on the path": (
        "./deploy.sh",
        "no-such-program --now",
        ["19:19: there is no program no-such-program on the PATH"],
    ),
    "a program beside the scenario is named without its folder": (
        "./deploy.sh",
        "deploy.sh",
        ["19:19: there is no program deploy.sh on the PATH; did you mean ./deploy.sh?"],
    ),
    "a script is not there": ("./deploy.sh", "bash -e ./dploy.sh", ["19:19: there is no file ./dploy.sh; did you mean deploy.sh?"]),
    "a quote has no end": ("./deploy.sh", '"./deploy.sh \'x"', ["19:19: a quote in this command line has no end"]),
    "a command line is empty": ("./deploy.sh", "''", ["19:19: run is empty"]),
    "a file is not executable": ("./deploy.sh", "./tables.sql", ["19:19: ./tables.sql is not executable: chmod +x ./tables.sql"]),
    "the database's file is not there": (
        "init: tables.sql",
        "init: table.sql",
        ["14:20: there is no file table.sql; did you mean tables.sql?"],
    ),
    "a folder to build from is not there": (
        "v1: {build: worker",
        "v1: {build: wrker",
        ["16:17: there is no folder wrker; did you mean worker?"],
    ),
    "a folder to build from has no Dockerfile": ("v1: {build: worker", "v1: {build: .", ["16:17: the folder . has no Dockerfile"]),
}


@pytest.mark.parametrize(("old", "new", "expected"), CASES.values(), ids=CASES.keys())
def test_a_program_or_file_that_cannot_be_used_is_told(tmp_path: Path, old: str, new: str, expected: list[str]):
    assert spoiled(sound_folder(tmp_path / "drill"), old, new) == expected


SOUND_COMMANDS = {
    "with arguments": "./deploy.sh --fast",
    "given to its interpreter": "bash -e deploy.sh",
    "a program on the path": "sleep 1",
    "text for an interpreter": "\"bash -c 'echo x'\"",
    "a program installed with the harness": "python3 -m json.tool",
}


@pytest.mark.parametrize("command", SOUND_COMMANDS.values(), ids=SOUND_COMMANDS.keys())
def test_a_command_that_can_be_run_is_let_pass(tmp_path: Path, command: str):
    assert spoiled(sound_folder(tmp_path / "drill"), "run: ./deploy.sh", f"run: {command}") == []


def test_a_program_that_does_not_say_who_reads_it_is_told(tmp_path: Path):
    file = sound_folder(tmp_path / "drill")
    program(file.parent / "deploy.sh", "echo no first line")
    assert said(file, SOUND) == ["19:19: ./deploy.sh does not say which program reads it: begin it with a line such as #!/usr/bin/env bash"]


def test_steps_that_a_program_says_only_as_it_runs_are_named_in_the_file(tmp_path: Path):
    file = sound_folder(tmp_path / "drill")
    program(file.parent / "rollback.sh", "#!/usr/bin/env python3\n")
    named = SOUND.replace("timeout: 90s", "timeout: 90s\n  steps: [drain v2, stop v2]")
    assert (said(file, SOUND)[0], said(file, named)) == (
        "30:20: the playbook has no step drain v2; "
        "no steps can be read from its program: name them in playbook.steps, or say playbook, which is all of it",
        [],
    )
