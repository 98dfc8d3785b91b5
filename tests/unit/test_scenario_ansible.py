"""A deployment or a playbook that is a play, in a scenario file."""

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from scenario_folder import SOUND, said, sound_folder

from drillbook.app.cli import main
from drillbook.playbook.runners import RUNNERS

PLAY = """\
- hosts: localhost
  gather_facts: false
  tasks:
    - block: [{name: drain v2, ansible.builtin.command: x}]
      rescue: [{name: call someone, ansible.builtin.command: x}]
  handlers:
    - {name: stop v2, ansible.builtin.command: x}
"""
OF_A_PLAY = SOUND.replace("  run: ./rollback.sh", "  ansible: rollback.yml")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A sound scenario whose playbook is a play."""
    file = sound_folder(tmp_path / "drill")
    (file.parent / "rollback.yml").write_text(PLAY)
    return file


def test_a_play_can_be_deployment_and_playbook(file: Path):
    assert said(file, OF_A_PLAY.replace("run: ./deploy.sh", "ansible: rollback.yml")) == []


def test_options_may_follow_the_play(file: Path):
    assert said(file, OF_A_PLAY.replace("rollback.yml", "rollback.yml --diff -e flavour=plain")) == []


def test_a_step_that_no_task_has_is_refused_at_its_place(file: Path):
    assert said(file, OF_A_PLAY.replace("step: drain v2", "step: drain v3")) == [
        "30:20: the playbook has no step drain v3; did you mean drain v2?"
    ]


def test_validate_lists_rescue_and_handlers_too(file: Path):
    file.write_text(OF_A_PLAY)
    assert "playbook: drain v2, call someone, stop v2" in CliRunner().invoke(main, ["validate", str(file)]).output


KEYS = list(RUNNERS)
REFUSED = {
    "a program and a play": (
        "run: ./rollback.sh\n  ansible: rollback.yml",
        [f"32:3: playbook: give exactly one of {', '.join(KEYS[:-1])} and {KEYS[-1]}"],
    ),
    "the play is not there": ("ansible: rolback.yml", ["32:12: there is no play rolback.yml; did you mean rollback.yml?"]),
    "options come first": ("ansible: --diff rollback.yml", ["32:12: --diff is no play: name its file first, such as rollback.yml"]),
    "no play is named": ("ansible: ''", ["32:12: ansible is empty"]),
    "a quote has no end": ('ansible: "rollback.yml -e \'x"', ["32:12: a quote in this line has no end"]),
}


@pytest.mark.parametrize(("line", "expected"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_a_play_is_refused(file: Path, line: str, expected: list[str]):
    assert said(file, SOUND.replace("run: ./rollback.sh", line)) == expected


def test_yaml_that_cannot_be_read_is_told_with_its_place(file: Path):
    (file.parent / "rollback.yml").write_text("- hosts: localhost\n  tasks: [{name: x\n")
    assert said(file, OF_A_PLAY) == ["32:12: rollback.yml:3:1: expected ',' or '}', but got '<stream end>'"]


def test_where_ansible_is_missing_it_is_said_how_to_install_it(file: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    monkeypatch.setenv("PATH", "/nowhere")
    expected = "32:12: the program 'ansible-playbook' is not on PATH; pip install 'drillbook[ansible]' brings it"
    assert expected in said(file, OF_A_PLAY)
