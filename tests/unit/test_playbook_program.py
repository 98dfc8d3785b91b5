"""Programs run as real processes: their output, their end, and everything they leave behind."""

import os
import select
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest
from playbooks import Running, Told, program, run, said, script

from drillbook.core.errors import HarnessError
from drillbook.core.wait import until
from drillbook.playbook import transcript
from drillbook.playbook.processes import Tree


def alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def pids(folder: Path) -> list[int]:
    return [int(file.read_text()) for file in folder.glob("*.pid")]


@pytest.fixture
def ready(tmp_path: Path):
    """A named pipe a script writes to when it has come so far; gives a function that waits for it."""
    fifo = tmp_path / "ready"
    os.mkfifo(fifo)
    reading = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    yield lambda: select.select([reading], [], [], 20)[0] or pytest.fail("the script did not come so far")
    os.close(reading)


def test_output_is_kept_in_order_with_its_time_and_step(tmp_path: Path):
    run(tmp_path, "a() { echo one; echo two >&2; echo three; }\necho before; a; echo after\n")
    lines = (tmp_path / "transcript.log").read_text().splitlines()
    assert [line[13:] for line in lines if " [" in line] == ["[-] before", "[a] one", "[a] two", "[a] three", "[-] after"]
    assert all(line[2] == line[5] == ":" and line[8] == "." for line in lines)
    assert lines[0].endswith("> ./rollback.sh")
    assert lines[-1].endswith("exit code 0")


def test_lines_are_in_the_file_while_the_program_runs(tmp_path: Path):
    seen: list[list[str]] = []
    run(tmp_path, "a() { :; }\necho early; a\necho late\n", Told(begins=lambda _: seen.append(said(tmp_path))))
    assert seen == [["early"]]


def test_every_line_is_handed_on_as_it_comes(tmp_path: Path):
    lines: list[str] = []
    run(tmp_path, "echo one; printf 'two'\n", output=lines.append)
    assert lines == ["one", "two"]


def test_a_secret_is_replaced_even_when_it_comes_in_two_writes(tmp_path: Path):
    hide = lambda text: text.replace("s3cret", "***")  # noqa: E731
    run(tmp_path, "a() { :; }\nprintf 'amqp://u:s3c'; a; echo 'ret@host s3cret'\n", redact=hide)
    text = (tmp_path / "transcript.log").read_text()
    assert "amqp://u:***@host ***" in text
    assert "s3c" not in text


def test_a_secret_in_the_command_line_is_replaced(tmp_path: Path):
    script(tmp_path, "true\n")
    program(tmp_path, Told(), "./rollback.sh s3cret", redact=lambda text: text.replace("s3cret", "***")).run()
    assert "> ./rollback.sh ***" in (tmp_path / "transcript.log").read_text()


def test_bytes_that_are_not_text_are_replaced(tmp_path: Path):
    run(tmp_path, r"printf 'caf\xe9 \xf0\x9f\x8e\x89\n'; printf 'a\0b\n'")
    assert said(tmp_path) == ["caf\ufffd \U0001f389", "a\0b"]


def test_a_very_long_line_is_cut_and_the_next_one_is_whole(tmp_path: Path):
    run(tmp_path, "head -c 300000 /dev/zero | tr '\\0' x; echo; echo next\n")
    long, following = said(tmp_path)
    assert long.endswith("(the rest of this line is left out)")
    assert len(long) <= transcript.LINE_BYTES
    assert following == "next"


def test_no_secret_is_split_by_the_cut_of_a_long_line(tmp_path: Path):
    secret = "s3cret" * 8
    line = "x" * (transcript.LINE_BYTES - 20) + secret + "y" * 1000
    (tmp_path / "line").write_text(line)
    run(tmp_path, "cat line\n", redact=lambda text: text.replace(secret, "***"))
    assert "s3cret" not in (tmp_path / "transcript.log").read_text()


def test_endless_output_is_left_out_after_a_bound_and_does_not_block_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(transcript, "WHOLE_BYTES", 128 * 1024)
    outcome = run(tmp_path, "yes | head -c 5000000\na() { :; }; a\n")
    assert (outcome.exit_code, [step.name for step in outcome.steps]) == (0, ["a"])
    text = (tmp_path / "transcript.log").read_text()
    assert "of output: the rest is left out" in text
    assert len(said(tmp_path)) == 128 * 1024 // 2 + 1


@pytest.mark.parametrize(("text", "code"), [("exit 0", 0), ("exit 9", 9), ("kill -TERM $$", 143), ("kill -KILL $$", 137)])
def test_the_exit_code_is_the_one_a_shell_gives(tmp_path: Path, text: str, code: int):
    assert run(tmp_path, text).exit_code == code


def test_a_program_has_a_session_of_its_own_so_that_no_terminal_interrupts_it(tmp_path: Path):
    sessions: list[tuple[int, int]] = []
    look = lambda _: sessions.extend((pid, os.getsid(pid)) for pid in pids(tmp_path))  # noqa: E731
    run(tmp_path, "echo $$ >leader.pid; a() { :; }; a\n", Told(begins=look))
    assert sessions[0][0] == sessions[0][1]


def test_a_program_that_closes_its_output_is_waited_for(tmp_path: Path):
    assert run(tmp_path, "exec >&- 2>&-; sleep 0.3; exit 8\n").exit_code == 8


def test_a_process_left_behind_does_not_keep_the_run_waiting(tmp_path: Path):
    script(tmp_path, "(sleep 60; echo late) & echo $! >left.pid\necho done\n")
    assert Running(program(tmp_path, Told())).wait(10.0).exit_code == 0
    assert said(tmp_path) == ["done"]
    for pid in pids(tmp_path):
        os.kill(pid, signal.SIGKILL)


def test_the_input_is_empty_and_the_folder_is_the_scenarios(tmp_path: Path):
    run(tmp_path, "cat; pwd; echo $PYTHONUNBUFFERED $NAME\n", environment={"NAME": "value"})
    assert said(tmp_path) == [str(tmp_path), "1 value"]


def test_killing_leaves_the_exit_code_to_whoever_waits_for_the_program():
    process = subprocess.Popen(["sleep", "600"], start_new_session=True)
    Tree(process, "none").kill()
    assert process.wait() == -signal.SIGKILL


ESCAPING = """
    echo $$ >leader.pid
    trap '' TERM
    sleep 600 & echo $! >child.pid
    env -i setsid sleep 600 & echo $! >unmarked-child.pid
    (env -i sleep 600 & echo $! >unmarked-orphan.pid)
    setsid sh -c 'echo $$ >session.pid; (trap "" TERM; setsid sleep 600 & echo $! >grandchild.pid) ; exec sleep 600' &
    while [[ ! -s grandchild.pid ]]; do :; done
    echo up >ready
    while :; do sleep 600; done
"""


def test_the_timeout_kills_every_process_even_those_that_left_the_session(tmp_path: Path, ready):
    script(tmp_path, "a() {" + ESCAPING + "}\na\n")
    told = Told()
    running = Running(program(tmp_path, told, timeout=4.0))
    ready()
    outcome = running.wait()
    assert (outcome.timed_out, outcome.exit_code, told.ends) == (True, None, ["a None"])
    assert len(pids(tmp_path)) == 6
    assert not any(map(alive, pids(tmp_path)))
    assert "> killed: it ran longer than 4 s" in (tmp_path / "transcript.log").read_text()


def test_stopping_asks_first_and_the_program_may_clean_up(tmp_path: Path, ready):
    script(tmp_path, "trap 'echo cleaned; exit 0' TERM\na() { echo up >ready; sleep 600 & wait; }\na\n")
    one = program(tmp_path, Told())
    running = Running(one)
    ready()
    one.stop(20.0)
    assert running.wait(10.0).exit_code == 0
    assert said(tmp_path) == ["cleaned"]


def test_stopping_waits_for_what_the_program_left_running_and_then_kills_it(tmp_path: Path, ready):
    script(
        tmp_path,
        "(trap '' TERM; sleep 600) >/dev/null 2>&1 & echo $! >child.pid\ntrap 'exit 7' TERM\necho up >ready; while :; do :; done\n",
    )
    one = program(tmp_path, Told())
    running = Running(one)
    ready()
    one.stop(0.3)
    assert running.wait(10.0).exit_code == 7
    assert not any(map(alive, pids(tmp_path)))


def test_stopping_kills_what_does_not_end_within_the_grace(tmp_path: Path, ready):
    script(tmp_path, ESCAPING)
    one = program(tmp_path, Told())
    running = Running(one)
    ready()
    one.stop(0.2)
    assert running.wait(10.0).exit_code == 137
    assert not any(map(alive, pids(tmp_path)))


def test_a_script_that_is_stopped_while_it_is_held_ends_and_its_step_never_runs(tmp_path: Path):
    script(tmp_path, "a() { touch ran; }\na\n")
    one = program(tmp_path, Told(begins=lambda _: one.stop(10.0)))
    assert Running(one).wait(8.0).exit_code == 143
    assert not (tmp_path / "ran").exists()


def test_a_script_that_ignores_being_stopped_is_no_longer_held(tmp_path: Path):
    script(tmp_path, "trap 'echo cleaning' TERM\na() { :; }; b() { :; }\na; b; exit 4\n")
    told = Told(begins=lambda _: one.stop(10.0))
    one = program(tmp_path, told)
    assert Running(one).wait(8.0).exit_code == 4
    assert "> b" not in told.all


def test_a_program_stopped_before_it_starts_never_does(tmp_path: Path):
    script(tmp_path, "touch ran\n")
    one = program(tmp_path, Told())
    one.stop(1.0)
    assert one.run().exit_code is None
    assert not (tmp_path / "ran").exists()


def test_stopping_after_the_end_ends_what_was_left_behind(tmp_path: Path):
    script(tmp_path, "setsid sleep 600 >/dev/null 2>&1 & echo $! >left.pid\n")
    one = program(tmp_path, Told())
    one.run()
    left = [psutil.Process(pid) for pid in pids(tmp_path)]
    one.stop(5.0)
    assert not psutil.wait_procs(left, timeout=5)[1]


def test_stopping_leaves_other_programs_alone(tmp_path: Path, ready):
    (tmp_path / "other").mkdir()
    script(tmp_path / "other", "read -r line <go; exit 3\n")
    os.mkfifo(tmp_path / "other" / "go")
    other = Running(program(tmp_path / "other", Told(), environment={"DRILLBOOK_RUN": "same"}))
    script(tmp_path, "echo up >ready; sleep 600\n")
    one = program(tmp_path, Told(), environment={"DRILLBOOK_RUN": "same"})
    running = Running(one)
    ready()
    one.stop(0.5)
    running.wait()
    (tmp_path / "other" / "go").write_text("go\n")
    assert other.wait().exit_code == 3


def test_a_signal_handler_of_the_thread_that_runs_it_may_stop_it(tmp_path: Path):
    script(tmp_path, f"kill -USR1 {os.getpid()}; sleep 600\n")
    one = program(tmp_path, Told())
    before = signal.signal(signal.SIGUSR1, lambda *_: one.stop(10.0))
    try:
        assert one.run().exit_code == 143
    finally:
        signal.signal(signal.SIGUSR1, before)


@pytest.mark.parametrize("moment", ["begins", "runs", "ended"])
def test_an_error_of_the_listener_kills_the_program_and_is_raised(tmp_path: Path, moment: str):
    def fails(step: str) -> None:
        raise LookupError(step)

    script(tmp_path, "echo $$ >leader.pid; sleep 600 & echo $! >child.pid\na() { :; }\na; sleep 600\n")
    with pytest.raises(LookupError):
        program(tmp_path, Told(**{moment: fails})).run()
    assert len(pids(tmp_path)) == 2
    assert not any(map(alive, pids(tmp_path)))


STEPS_IN_PYTHON = """
print("::step drain v2")
print("draining")
print("::step stop  v2")
print("::endstep")
print("between")
print("::step prove")
raise SystemExit(5)
"""


def test_step_lines_of_any_program_are_steps_that_are_seen(tmp_path: Path):
    script(tmp_path, STEPS_IN_PYTHON, "rollback.py", f"#!{sys.executable}")
    told = Told()
    outcome = program(tmp_path, told, "./rollback.py").run()
    began = ["> drain v2", ": drain v2", "< drain v2 None", "> stop v2", ": stop v2", "< stop v2 None", "> prove", ": prove", "< prove 5"]
    assert told.all == began
    assert outcome.exit_code == 5
    assert (said(tmp_path, "drain v2"), said(tmp_path, "-")) == (["draining"], ["between"])


def test_step_lines_of_a_plain_shell_script_are_seen(tmp_path: Path):
    script(tmp_path, "echo ::step drain v2\n(exit 2)\n", first="#!/bin/sh")
    told = Told()
    program(tmp_path, told).run()
    assert told.ends == ["drain v2 2"]


def test_steps_that_overlap_are_each_ended(tmp_path: Path):
    told = Told()
    os.mkfifo(tmp_path / "go")
    run(tmp_path, "a() { read -r _ <go; }; b() { echo go >go; }\na & b; wait\n", told)
    assert sorted(told.ends) == ["a 0", "b 0"]


def test_a_program_that_cannot_start_is_a_sentence(tmp_path: Path):
    with pytest.raises(HarnessError, match=r"no program \./gone\.sh"):
        program(tmp_path, Told(), "./gone.sh").run()


def test_a_transcript_that_cannot_be_written_is_a_sentence_and_kills_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    script(tmp_path, "echo $$ >leader.pid; while :; do echo more; done\n")
    (tmp_path / "transcript.log").symlink_to("/dev/full")
    with pytest.raises(HarnessError, match="cannot write the transcript"):
        program(tmp_path, Told()).run()
    assert not any(map(alive, pids(tmp_path)))


def test_nothing_of_a_run_stays_open_here(tmp_path: Path):
    script(tmp_path, "a() { :; }\na\n")
    program(tmp_path, Told()).run()
    before, threads = psutil.Process().num_fds(), threading.active_count()
    for _ in range(5):
        program(tmp_path, Told()).run()
    assert until(lambda: psutil.Process().num_fds() <= before, 20)
    assert until(lambda: threading.active_count() <= threads, 20)
