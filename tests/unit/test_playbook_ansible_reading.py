"""The steps of a play, read from its text."""

from pathlib import Path
from textwrap import dedent, indent

import pytest

from drillbook.playbook.runners.ansible.reading import PlayError, play_steps


def steps(folder: Path, **files: str) -> list[str]:
    """The steps of play.yml; of the other files, `__` in a name stands for a slash."""
    for name, text in files.items():
        file = folder / f"{name.replace('__', '/')}.yml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(text))
    return play_steps(folder / "play.yml")


def tasks(folder: Path, text: str, **files: str) -> list[str]:
    """The steps of a play of these tasks alone."""
    return steps(folder, play="- hosts: localhost\n  gather_facts: false\n  tasks:\n" + indent(dedent(text), "    "), **files)


def test_the_sections_of_a_play_are_read_in_the_order_in_which_they_run(tmp_path: Path):
    play = """\
        - hosts: localhost
          handlers: [{name: restart, command: x}]
          post_tasks: [{name: after, command: x}]
          tasks: [{name: within, command: x}]
          roles: [first]
          pre_tasks: [{name: before, command: x}]
        """
    assert steps(tmp_path, play=play, roles__first__tasks__main="[{name: by the role, command: x}]") == [
        *("Gathering Facts", "before", "by the role", "within", "after", "restart")
    ]


def test_block_rescue_and_always_are_read_and_the_block_itself_is_no_step(tmp_path: Path):
    text = """\
        - name: the whole
          block: [{name: try, command: x}]
          rescue: [{name: mend, command: x}]
          always: [{name: tell, command: x}]
        """
    assert tasks(tmp_path, text) == ["try", "mend", "tell"]


def test_a_task_without_a_name_is_named_after_its_module(tmp_path: Path):
    assert tasks(tmp_path, "- {ansible.builtin.uri: {url: x}, register: y, with_items: [1]}\n") == ["uri"]


@pytest.mark.parametrize("before", ["register: y", "with_items: [1]", "when: x", "loop: [1]", "with_dict: {}"])
def test_what_belongs_to_any_task_is_not_taken_for_its_module(tmp_path: Path, before: str):
    assert tasks(tmp_path, f"- {{{before}, ansible.builtin.uri: {{url: x}}}}\n") == ["uri"]


def test_orders_to_ansible_itself_are_no_steps(tmp_path: Path):
    assert tasks(tmp_path, "- meta: flush_handlers\n- {name: drain, command: x}\n") == ["drain"]


def test_a_name_put_together_at_run_time_is_left_out(tmp_path: Path):
    assert tasks(tmp_path, "- {name: 'drain {{ version }}', command: x}\n") == []


def test_an_import_is_no_step_and_an_include_is_one(tmp_path: Path):
    text = "- import_tasks: more.yml\n- {name: bring, ansible.builtin.include_tasks: {file: more.yml}}\n"
    assert tasks(tmp_path, text, more="[{name: more, command: x}]") == ["more", "bring", "more"]


def test_a_file_that_includes_itself_is_read_once(tmp_path: Path):
    assert tasks(tmp_path, "- import_tasks: more.yml\n", more="- include_tasks: more.yml\n") == ["include_tasks"]


def test_a_role_brings_the_roles_it_depends_on_and_its_handlers(tmp_path: Path):
    text = "- import_role: {name: one, tasks_from: part}\n- {name: last, command: x}\n"
    role = {
        "roles__one__meta__main": "dependencies: [two]",
        "roles__one__tasks__part": "[{name: part of one, command: x}]",
        "roles__one__handlers__main": "[{name: handler of one, command: x}]",
        "roles__two__tasks__main": "[{name: two, command: x}]",
    }
    assert tasks(tmp_path, text, **role) == ["two", "part of one", "last", "handler of one"]


def test_an_imported_play_is_read(tmp_path: Path):
    other = "- {hosts: localhost, gather_facts: false, tasks: [{name: other, command: x}]}"
    assert steps(tmp_path, play="- ansible.builtin.import_playbook: other.yml", other=other) == ["other"]


def test_what_is_in_a_vault_does_not_keep_a_play_from_being_read(tmp_path: Path):
    assert tasks(tmp_path, "- {name: drain, command: x, vars: {secret: !vault abc}}\n") == ["drain"]


NO_PLAYS = {
    "a quote has no end": ("- hosts: 'localhost\n", r"play.yml:2:1: found unexpected end of stream\."),
    "there are no plays": ("hosts: localhost\n", r"play.yml: where plays or tasks are meant, there is no list of them\."),
    "a play has no hosts": ("- tasks: []\n", r"play.yml: a play needs hosts, and this one begins with tasks\."),
}


@pytest.mark.parametrize(("text", "message"), NO_PLAYS.values(), ids=NO_PLAYS.keys())
def test_what_is_no_play_is_told(tmp_path: Path, text: str, message: str):
    with pytest.raises(PlayError, match=message):
        steps(tmp_path, play=text)
