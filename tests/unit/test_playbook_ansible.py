"""Plays run by the real ansible-playbook: told of, held, and ended."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from textwrap import dedent

import psutil
import pytest
from playbooks import Running, Told, program

import drillbook
from drillbook.playbook.program import Program, ProgramEnd
from drillbook.playbook.runners.ansible.environment import environment

PLAY = """\
- hosts: localhost
  gather_facts: false
  tasks:
    - name: say who works
      ansible.builtin.debug: {msg: "first of v2 is {{ workers.v2[0] }}"}
    - block:
        - name: fail
          ansible.builtin.command: sh -c 'echo s3cret; exit 7'
      rescue:
        - name: mend
          ansible.builtin.command: ansible-playbook inner.yml
          notify: tell
      always:
        - name: at any rate
          ansible.builtin.debug: {msg: x}
          when: false
  handlers:
    - name: tell
      ansible.builtin.debug: {msg: x}
"""
LOCALES: dict[str, tuple[dict[str, str], str | None]] = {
    "none": ({}, "C.UTF-8"),
    "another encoding": ({"LANG": "de_DE.ISO-8859-1"}, "C.UTF-8"),
    "UTF-8": ({"LANG": "en_US.UTF-8"}, None),
    "UTF-8, as some write it": ({"LANG": "en_US.utf8"}, None),
    "one above LANG": ({"LC_CTYPE": "C", "LANG": "en_US.UTF-8"}, "C.UTF-8"),
    "one above all": ({"LC_ALL": "C.UTF-8", "LC_CTYPE": "C", "LANG": "C"}, None),
    "one above all, of another encoding": ({"LC_ALL": "C", "LC_CTYPE": "C.UTF-8", "LANG": "C.UTF-8"}, "C.UTF-8"),
}


@pytest.mark.parametrize(("told", "set_to"), LOCALES.values(), ids=LOCALES)
def test_ansible_gets_an_encoding_in_which_it_starts_where_it_has_none(tmp_path: Path, told: dict[str, str], set_to: str | None):
    assert environment(tmp_path, told).get("LC_ALL") == set_to


INNER = "- {hosts: localhost, gather_facts: false, tasks: [{name: inner, ansible.builtin.debug: {msg: within}}]}\n"


def play(folder: Path, told: Told, text: str, **more: object) -> Program:
    """A play in that folder; the folder `home` is its user's, `run` the run's."""
    (folder / "rollback.yml").write_text(dedent(text))
    (folder / "home").mkdir(exist_ok=True)
    own = {"HOME": str(folder / "home"), "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "WORKERS_V2": "a b"}
    own |= environment(folder / "run", own)
    command = f"ansible-playbook {more.pop('options', '')} rollback.yml"
    return program(folder, told, command, environment=own, timeout=more.pop("timeout", 90.0), **more)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Told, ProgramEnd]:
    """One play that has run to its end."""
    folder, told = tmp_path_factory.mktemp("play"), Told()
    (folder / "inner.yml").write_text(INNER)
    return folder, told, play(folder, told, PLAY, redact=lambda text: text.replace("s3cret", "***")).run()


def gone(process: psutil.Process) -> bool:
    try:
        process.wait(20)
    except psutil.TimeoutExpired:
        return False
    return True


def test_tasks_rescue_always_and_handlers_are_told_with_their_codes(ran: tuple[Path, Told, ProgramEnd]):
    assert ran[1].ends == ["say who works 0", "fail 7", "mend 0", "at any rate 0 skipped", "tell 0"]


def test_every_step_begins_is_let_go_and_ends_before_the_next(ran: tuple[Path, Told, ProgramEnd]):
    assert [line[0] for line in ran[1].all] == [">", ":", "<"] * 5


def test_a_play_that_was_rescued_ends_with_exit_code_0(ran: tuple[Path, Told, ProgramEnd]):
    assert ran[2].exit_code == 0


def test_the_inventory_names_the_workers(ran: tuple[Path, Told, ProgramEnd]):
    assert "first of v2 is a" in (ran[0] / "transcript.log").read_text()


def test_a_play_started_by_a_play_runs_and_is_not_told(ran: tuple[Path, Told, ProgramEnd]):
    assert "> inner" not in ran[1].all


def test_what_a_task_says_stands_under_its_step(ran: tuple[Path, Told, ProgramEnd]):
    said = [line for line in (ran[0] / "transcript.log").read_text().splitlines() if "non-zero return code" in line]
    assert said
    assert all("[fail]" in line for line in said)


def test_secrets_in_results_are_replaced(ran: tuple[Path, Told, ProgramEnd]):
    text = (ran[0] / "transcript.log").read_text()
    assert '"stdout": "***"' in text
    assert "s3cret" not in text


def test_ansible_leaves_nothing_in_the_users_home(ran: tuple[Path, Told, ProgramEnd]):
    assert list((ran[0] / "home").iterdir()) == []


def test_neither_colors_nor_cows_are_in_the_transcript(ran: tuple[Path, Told, ProgramEnd]):
    text = (ran[0] / "transcript.log").read_text()
    assert "\x1b" not in text
    assert "TASK [fail] ****" in text


def test_a_play_is_held_where_a_task_begins_and_where_it_ends(tmp_path: Path):
    seen: list[list[str]] = []

    def look(step: str) -> None:
        threading.Event().wait(0.0 if seen else 2.0)  # long enough for a task that does not wait
        seen.append(sorted(file.name for file in tmp_path.glob("made.*")))

    text = """\
        - hosts: localhost
          gather_facts: false
          tasks:
            - {name: one, ansible.builtin.raw: touch made.1}
            - {name: two, ansible.builtin.raw: touch made.2}
        """
    play(tmp_path, Told(begins=look, ended=look), text).run()
    assert seen == [[], ["made.1"], ["made.1"], ["made.1", "made.2"]]


def test_a_task_is_skipped_only_where_every_host_skipped_it_and_an_include_is_none(tmp_path: Path):
    (tmp_path / "more.yml").write_text("- {name: within, ansible.builtin.debug: {msg: x}}\n")
    text = """\
        - hosts: all
          gather_facts: false
          tasks:
            - name: take in
              ansible.builtin.include_tasks: more.yml
            - name: of one host
              ansible.builtin.debug: {msg: x}
              when: inventory_hostname == ansible_play_hosts_all[0]
            - name: of none
              ansible.builtin.debug: {msg: x}
              when: false
            - name: of an empty list
              ansible.builtin.debug: {msg: x}
              loop: []
        """
    (tmp_path / "hosts").write_text("a ansible_connection=local\nb ansible_connection=local\n")
    told = Told()
    play(tmp_path, told, text, options="-i hosts").run()
    assert [end for end in told.ends if not end.startswith("within")] == [
        "take in 0",
        "of one host 0",
        "of none 0 skipped",
        "of an empty list 0 skipped",
    ]


def test_a_task_of_several_hosts_ends_when_all_have_answered(tmp_path: Path):
    text = """\
        - hosts: all
          gather_facts: false
          tasks:
            - {name: one, ansible.builtin.command: "sh -c 'exit {{ code | default(0) }}'", ignore_errors: true}
            - {name: two, ansible.builtin.debug: {msg: x}}
        """
    told = Told()
    shared = f"{{ansible_connection: local, ansible_python_interpreter: {sys.executable}}}"
    (tmp_path / "hosts.yml").write_text(f"all: {{hosts: {{a: {{}}, b: {{code: 3}}}}, vars: {shared}}}")
    play(tmp_path, told, text, options="-i hosts.yml --forks 1").run()
    assert told.all == ["> one", ": one", "< one 3", "> two", ": two", "< two 0"]


SLEEPS = """\
    - hosts: localhost
      gather_facts: false
      tasks:
        - {name: hang, ansible.builtin.command: "sh -c 'echo $$ > pid; kill -CONT $$; mkfifo never; read x < never'"}
    """


def wait_for(file: Path) -> psutil.Process:
    deadline = threading.Event()
    for _ in range(600):
        if file.exists() and file.read_text().strip():
            return psutil.Process(int(file.read_text()))
        deadline.wait(0.05)
    raise AssertionError(f"{file} did not come")


def test_at_its_timeout_a_play_is_killed_with_the_module_that_runs(tmp_path: Path):
    running = Running(play(tmp_path, Told(), SLEEPS, timeout=12.0))
    module = wait_for(tmp_path / "pid")
    outcome = running.wait(60)
    assert (outcome.timed_out, gone(module)) == (True, True)


def test_a_play_that_is_stopped_leaves_no_module_behind(tmp_path: Path):
    whole = play(tmp_path, Told(), SLEEPS)
    running = Running(whole)
    module = wait_for(tmp_path / "pid")
    whole.stop(1.0)
    running.wait(60)
    assert gone(module)


def test_a_play_that_is_held_does_not_go_on_when_the_drill_is_killed(tmp_path: Path):
    (tmp_path / "rollback.yml").write_text(
        "- {hosts: localhost, gather_facts: false, tasks: [{name: one, ansible.builtin.command: touch done}]}\n"
    )
    drill = dedent("""\
        import os, signal
        from pathlib import Path
        import psutil
        from drillbook.playbook.runners.ansible.environment import environment
        from drillbook.playbook.program import Program

        class Held:
            def begins(self, step):
                Path("held").write_text(str(psutil.Process().children()[0].pid))
                signal.pause()

        folder = Path.cwd()
        told = {"PATH": os.environ["PATH"], "HOME": str(folder)}
        told |= environment(folder / "run", told)
        Program("ansible-playbook rollback.yml", folder, told, folder / "transcript.log", 90.0, Held(), str).run()
        """)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    root = str(Path(drillbook.__file__).parents[1])
    process = subprocess.Popen([sys.executable, "-c", drill], cwd=tmp_path, env={**os.environ, "PATH": path, "PYTHONPATH": root})
    ansible = wait_for(tmp_path / "held")
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert gone(ansible)
    assert not (tmp_path / "done").exists()
