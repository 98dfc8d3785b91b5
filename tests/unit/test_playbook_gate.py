"""The gate on unmodified bash scripts: which calls are steps, when they are held, how they end, and that nothing else changes."""

import os
import select
import signal
import subprocess
import sys
import threading
from pathlib import Path
from textwrap import dedent

import pytest
from playbooks import Told, program, run, said, script

from drillbook.playbook.steps import step_names

FUNCTIONS = """
good() { echo in good; }
bad() { echo in bad; return 3; }
last() { echo "in last $*"; false; }
"""


def test_a_step_is_held_before_its_first_command_and_after_its_last(tmp_path: Path):
    seen: list[list[str]] = []
    files = lambda _: seen.append(sorted(file.name for file in tmp_path.glob("*.did")))  # noqa: E731
    text = "a() { touch a.did; }; b() { touch b.did; }\ntouch 0.did; a; touch 1.did\nb\ntouch 2.did\n"
    run(tmp_path, text, Told(begins=files, ended=files))
    assert seen == [["0.did"], ["0.did", "a.did"], ["0.did", "1.did", "a.did"], ["0.did", "1.did", "a.did", "b.did"]]


def test_the_listener_is_told_begins_runs_and_ended_of_each_step_in_order(tmp_path: Path):
    told = Told()
    outcome = run(tmp_path, "drain_v2() { :; }; stop_v2() { return 4; }\ndrain_v2\nstop_v2 || true\n", told)
    assert told.all == ["> drain v2", ": drain v2", "< drain v2 0", "> stop v2", ": stop v2", "< stop v2 4"]
    assert [(step.name, step.exit_code) for step in outcome.steps] == [("drain v2", 0), ("stop v2", 4)]
    assert outcome.exit_code == 0


@pytest.mark.parametrize(
    ("calls", "ends"),
    [
        ("good; bad; last", ["good 0", "bad 3", "last 1"]),
        ("if bad; then :; fi; good", ["bad 3", "good 0"]),
        ("if ! bad; then good; fi", ["bad 3", "good 0"]),
        ("while ! good; do :; done", ["good 0"]),
        ("bad || good", ["bad 3", "good 0"]),
        ("bad && good; last 1 'two words'", ["bad 3", "last 1"]),
        ("bad | cat; good | tee log >/dev/null", ["bad 3", "good 0"]),
        ("(bad); (cd /; good)", ["bad 3", "good 0"]),
        ("{ good; bad; } >out", ["good 0", "bad 3"]),
        ("bad & wait; good", ["bad 3", "good 0"]),
        ("x=$(bad) || good", ["good 0"]),
        ("for one in good bad; do $one; done", ["good 0", "bad 3"]),
        ("eval good", ["good 0", "playbook 0"]),
        ("time good 2>/dev/null", ["good 0"]),
        ("X=1 good >/dev/null 2>&1", ["good 0"]),
        ("good & last & wait", ["good 0", "last 1"]),
    ],
)
def test_a_call_is_a_step_wherever_it_stands(tmp_path: Path, calls: str, ends: list[str]):
    told = Told()
    run(tmp_path, f"{FUNCTIONS}\n{calls}\n", told)
    assert sorted(told.ends) == sorted(ends)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("return", 0),
        ("false; return", 1),
        ("local code=7; return $code", 7),
        ('local code=7; return "${code}"', 7),
        ("bad; return $?", 3),
        ("return $((2 + 3))", 5),
        ("return $1", 6),
        ("bad; true", 0),
        ("if bad; then :; fi", 0),
        ("bad || return 1", 1),
        ("bad", 3),
        ("bad; (exit 4)", 4),
        ("bad; [[ a == b ]]", 1),
        ("return 258", 2),
        ("return -1", 255),
    ],
)
def test_a_step_ends_with_the_code_its_function_returns(tmp_path: Path, body: str, code: int):
    told = Told()
    run(tmp_path, f'{FUNCTIONS}\nstep() {{ {body}; }}\nstep 6\necho "came back with $?"\n', told)
    assert told.ends == [f"step {code}"]
    assert said(tmp_path)[-1] == f"came back with {code}"


@pytest.mark.parametrize("body", ["return 0", "false || return 0", "return 256"])
def test_a_script_with_errexit_goes_on_after_a_step_that_returns_zero(tmp_path: Path, body: str):
    told = Told()
    run(tmp_path, f"set -e\nstep() {{ {body}; }}\nstep\necho went on\n", told)
    assert told.ends == ["step 0"]
    assert said(tmp_path) == ["went on"]


@pytest.mark.parametrize(
    ("text", "ends", "code"),
    [
        ("set -e; good; last; good", ["good 0", "last 1"], 1),
        ("set -e; trap 'echo bye' EXIT; last", ["last 1"], 1),
        ("set -eo pipefail; last | cat; good", ["last 1"], 1),
        ("set -e; (last; good)", ["last 1"], 1),
        ("set -e; dies() { false; good; }; dies | cat; good", ["dies 1", "good 0"], 0),
        ("leave() { exit 5; }; leave; good", ["leave 5"], 5),
        ("leave() { exec sh -c 'exit 6'; }; leave; good", ["leave 6"], 6),
        ("leave() { kill -KILL $$; }; leave", ["leave 137"], 137),
        ("set -u; leave() { echo $nothing; }; leave", ["leave 1"], 1),
        ("good; exec sh -c 'exit 7'", ["good 0"], 7),
    ],
)
def test_a_step_that_ends_the_script_ends_with_its_code(tmp_path: Path, text: str, ends: list[str], code: int):
    told = Told()
    outcome = run(tmp_path, f"{FUNCTIONS}\n{text}\n", told)
    assert (told.ends, outcome.exit_code) == (ends, code)


PLAYBOOK = """
    set -euo pipefail
    . "$(dirname "$0")/lib.sh"
    log() { echo "$*"; }
    step() { log "== $1"; shift; "$@"; }
    depth() { echo 0; }
    cleanup() { log cleaned; }
    _look() { :; }
    drain_v2() { _look; log "depth $(depth)"; inner; }
    inner() { :; }
    main() {
      trap cleanup EXIT
      step "route" route_to_v1 now
      _look
      if ! drain_v2; then exit 1; fi
      local left; left=$(depth)
      for one in stop_v2 prove; do "$one"; done
    }
    if [[ "${BASH_SOURCE[0]}" == "$0" ]]; then main "$@"; fi
"""
LIBRARY = "route_to_v1() { [[ $1 == now ]]; }; stop_v2() { :; }; prove() { :; }; prepare() { :; }\nprepare\n"


def test_the_steps_that_run_are_the_steps_that_were_read(tmp_path: Path):
    (tmp_path / "lib.sh").write_text(LIBRARY)
    told = Told()
    outcome = run(tmp_path, PLAYBOOK, told)
    assert outcome.exit_code == 0
    assert [step.name for step in outcome.steps] == ["prepare", "route to v1", "drain v2", "stop v2", "prove"]
    assert sorted(step.name for step in outcome.steps) == sorted(step_names("./rollback.sh", tmp_path))


CAREFUL = """
    set -uo pipefail
    shopt -s extglob
    show() { echo "$@"; }
    answer() { true from answer; return 5; }
    trap 'echo "err $? at $LINENO"' ERR
    trap 'echo "exit $?"' EXIT
    trap 'echo usr1' USR1
    true a b; show "last argument $_"
    answer 1 2; show "status $? last argument $_"
    true | false | (exit 3); show "pipe ${PIPESTATUS[*]}"
    [[ abc =~ b(.) ]]; answer; show "match ${BASH_REMATCH[*]}"
    answer && show no || show "or $?"
    IFS=:; set -- a:b; answer; show $1 "$*" "$#"; IFS=$' \\t\\n'
    read -r line < <(answer; show from a substitution); show "$line"
    nested() { local x=1; inside() { x=2; }; inside; show "$x ${FUNCNAME[*]} $BASH_SUBSHELL"; }
    nested
    bash -c 'f() { echo "child ${BASH_ENV-none} ${DRILLBOOK_GATE-none}"; }; f'
    trap -p USR1
    kill -USR1 $$
    set -x; answer; { set +x; } 2>/dev/null
    n=0; while ((n < 3)); do ((n++)); done; show $n
    select word in; do break; done
    coproc { show from a coprocess; read -r _; }; read -r line <&"${COPROC[0]}"; echo >&"${COPROC[1]}"; show "$line"
    set -e
    (answer; show unreached) || show "subshell $?"
    nested; false; show unreached
"""


def test_the_gate_changes_nothing_that_the_script_can_see(tmp_path: Path):
    script(tmp_path, CAREFUL)
    plain = subprocess.run(
        ["./rollback.sh"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, check=False
    )
    told = Told()
    outcome = program(tmp_path, told).run()
    assert said(tmp_path) == plain.stdout.decode().splitlines()
    assert outcome.exit_code == plain.returncode
    assert "answer 5" in told.ends


def test_only_the_outermost_script_is_held(tmp_path: Path):
    script(tmp_path, "inner_step() { :; }; inner_step; echo child done", "child.sh")
    told = Told()
    run(tmp_path, "outer_step() { ./child.sh; bash child.sh; }; outer_step\n", told)
    assert told.ends == ["outer step 0"]
    assert said(tmp_path, "outer step") == ["child done", "child done"]


def test_a_script_given_to_bash_or_wrapped_is_held_too(tmp_path: Path):
    for command in ("bash -eu rollback.sh", "env A=1 ./rollback.sh", "timeout 20 ./rollback.sh"):
        told = Told()
        script(tmp_path, "a() { :; }; a\n")
        program(tmp_path, told, command).run()
        assert told.ends == ["a 0"]


@pytest.mark.parametrize("options", ["", "set -o posix"])
def test_a_signal_that_the_script_traps_does_not_let_it_go(tmp_path: Path, options: str):
    def begins(_: str) -> None:
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGUSR1)
        reader = threading.Thread(target=lambda: trapped.append((tmp_path / "trapped").read_text()), daemon=True)
        reader.start()
        reader.join(10)
        held.append(not (tmp_path / "ran").exists())

    trapped: list[str] = []
    held: list[bool] = []
    os.mkfifo(tmp_path / "trapped")
    outcome = run(tmp_path, f"{options}\ntrap 'echo usr1 >trapped' USR1\na() {{ touch ran; }}\necho $$ >pid\na\n", Told(begins=begins))
    assert (outcome.exit_code, trapped, held) == (0, ["usr1\n"], [True])
    assert (tmp_path / "ran").exists()


def test_the_time_it_is_held_is_not_the_scripts_time(tmp_path: Path):
    fifo = tmp_path / "held"
    os.mkfifo(fifo)
    helper = subprocess.Popen(["sh", "-c", "sleep 6; echo go >held"], cwd=tmp_path)
    outcome = run(tmp_path, "a() { :; }; a\n", Told(begins=lambda _: fifo.read_text()), timeout=5)
    helper.wait()
    assert (outcome.exit_code, outcome.timed_out) == (0, False)
    assert outcome.seconds < 5


HARNESS = """
    import os, sys
    from pathlib import Path
    from playbooks import Told, program
    folder = Path(sys.argv[1])
    def dies(step):
        os.kill(os.getpid(), 9)
    program(folder, Told(begins=dies)).run()
"""


@pytest.mark.parametrize("trap", ["", "trap '' TERM PIPE"])
def test_a_script_that_is_held_when_the_harness_dies_stops(tmp_path: Path, trap: str):
    script(tmp_path, f"{trap}\na() {{ touch ran; }}\nexec 9>alive; a || a | a; touch went-on\n")
    os.mkfifo(tmp_path / "alive")
    reader = os.open(tmp_path / "alive", os.O_RDONLY | os.O_NONBLOCK)
    harness = subprocess.run([sys.executable, "-c", dedent(HARNESS), str(tmp_path)], cwd=Path(__file__).parent, timeout=300, check=False)
    assert harness.returncode == -signal.SIGKILL
    assert select.select([reader], [], [], 20)[0]
    assert os.read(reader, 1) == b""  # the script's end of it is closed: it is gone
    os.close(reader)
    assert not (tmp_path / "ran").exists()
    assert not (tmp_path / "went-on").exists()
